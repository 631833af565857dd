"""The item selected in an editor's suggest widget, which a completion may extend."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selected:
    """The item selected in the suggest widget: ``text`` would replace ``start`` to ``end``."""

    start: int
    end: int
    text: str

    def fits(self, text: str, offset: int) -> bool:
        """Whether a completion at ``offset`` can continue the item.

        The text typed so far must be the beginning of the item, on one line. An item with a ``)``
        is refused: it is mostly a snippet, whose text is not what will be inserted.
        """
        inside = 0 <= self.start <= offset <= self.end <= len(text)
        one_line = not {"\n", "\r"} & set(text[self.start : self.end] + self.text)
        typed = text[self.start : offset]
        return inside and one_line and ")" not in self.text and self.text.startswith(typed)
