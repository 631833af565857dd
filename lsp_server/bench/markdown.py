"""Tables in Markdown, to be read in a terminal and pasted into a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions
from rich.segment import Segment


@dataclass(slots=True)
class MarkdownTable:
    """A table under a line that says what it shows; the first column is text, others numbers."""

    title: str
    head: Sequence[str]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add_row(self, *cells: str) -> None:
        """Add a row with a cell for each column."""
        assert len(cells) == len(self.head)
        self.rows.append(cells)

    def __str__(self) -> str:
        lines = [tuple(self.head), *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        first, *others = widths
        rule = "|".join(["-" * (first + 2), *("-" * (width + 1) + ":" for width in others)])
        head, *body = (_line(cells, widths) for cells in lines)
        return "\n".join([f"{self.title}:", "", head, f"|{rule}|", *body, ""])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        yield Segment(f"\n{self}")  # as it is: neither wrapped nor read as markup


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.replace("|", "\\|") for cell in cells)
    padded = [first.ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
    return f"| {' | '.join(padded)} |"
