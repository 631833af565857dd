"""A basket in a shop. Type where it says so; Tab takes the grey text, Ctrl+Right one word of it."""

from dataclasses import dataclass, field


@dataclass
class Item:
    """A product and how many of it."""

    name: str
    price: float
    quantity: int = 1

    def total(self) -> float:
        """The price of all of it."""
        return self.price * self.quantity


@dataclass
class Basket:
    """What a customer is about to buy."""

    items: list[Item] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Put an item in."""
        # Type here: self.

    def total(self) -> float:
        """The price of everything."""
        # Type here: return sum(

    def cheapest(self) -> Item:
        """The item with the lowest price."""
        # Or select the next line and press Shift+Alt+\ to have it filled from both sides.
        raise NotImplementedError


if __name__ == "__main__":
    basket = Basket()
    basket.add(Item("tea", 4.5, 2))
    print(basket.total())
