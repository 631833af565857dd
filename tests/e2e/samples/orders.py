"""Orders of a small shop."""

from dataclasses import dataclass
from datetime import date, timedelta

PAYMENT_TERM = timedelta(days=30)


@dataclass
class Order:
    customer: str
    placed: date
    prices: list[float]
    paid: bool = False

    def total(self) -> float:
        return sum(self.prices)

    def is_overdue(self, today: date) -> bool:
        return not self.paid and today > self.placed + PAYMENT_TERM


def revenue(orders: list[Order]) -> float:
    return sum(order.total() for order in orders if order.paid)


def outstanding(orders: list[Order]) -> float:
    raise NotImplementedError
