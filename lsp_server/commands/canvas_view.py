"""The canvas drawn in a terminal while it fills: one block of text per forward.

Every source of tokens has a colour, or brackets if colours are off. Only appends lines, so that it
works in any terminal, pipe or log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from lsp_server.diffusion.types import Cell, Origin, Step

COLOURS: Final[Mapping[Origin, str]] = {
    "base": "default",
    "syntax": "magenta",
    "file": "cyan",
    "denoiser": "green",
    "mask": "bright_black",
}
_SHOWN_LINES = 2  # of the committed text; else all of a long text would be drawn every time
_MASKS: Final = ("░", "_")
_BREAKS: Final = ("↵", "\\n")
_ELLIPSES: Final = ("⋮", ":")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # never sent to a terminal


class CanvasView:
    """Draws steps on a console: an observer of a decoding."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._coloured = console.color_system is not None
        self._plain = 0 if _writes_unicode(console) else 1  # index into the pairs of signs
        self._steps = 0

    def __call__(self, step: Step) -> None:
        """Draw the canvas as it stands after a forward."""
        self._steps += 1
        row = Table.grid(padding=(0, 1))
        row.add_column(width=24, style="dim", no_wrap=True)
        row.add_column(overflow="fold")
        label = f"{self._steps:>3}  {step.kind:<7} {step.ms:>7.1f} ms"
        row.add_row(label, self.canvas(step.cells))
        self._console.print(row)

    def legend(self) -> Text:
        """What the colours or brackets mean, in a line."""
        origins: tuple[Origin, ...] = ("base", "syntax", "file", "denoiser")
        parts = [Text(name, self._style(Cell("", name, "committed"))) for name in origins]
        parts.append(self._cell(Cell("refused", "denoiser", "refused")))
        if not self._coloured:
            parts.append(self._cell(Cell("draft", "denoiser", "draft")))
        return Text("  ").join(parts)

    def canvas(self, cells: Iterable[Cell]) -> Text:
        """The cells of a canvas as one styled text, without the first lines if there are many."""
        text = Text.assemble(*(self._cell(cell) for cell in _joined(cells)))
        if not text.plain:
            return Text(_MASKS[self._plain], self._style(Cell("", "mask", "mask")))
        lines = text.split("\n", allow_blank=True)
        hidden = len(lines) - _SHOWN_LINES
        if hidden <= 0:
            return text
        note = Text(f"{_ELLIPSES[self._plain]} {hidden} more above", "dim")
        return Text("\n").join([note, *lines[hidden:]])

    def _cell(self, cell: Cell) -> Text:
        if cell.state == "mask":
            return Text(_MASKS[self._plain], self._style(cell))
        # Open cells stay on one line: their line breaks are not there yet.
        shown = cell.text if cell.state == "committed" else self._on_one_line(cell.text)
        if cell.state == "refused" and not self._coloured:
            shown = f"[-{shown}-]"
        elif cell.state == "draft" and not self._coloured:
            shown = f"[{shown}]"
        return Text(_CONTROLS.sub("", shown), self._style(cell))

    def _on_one_line(self, text: str) -> str:
        sign = _BREAKS[self._plain]
        return text.replace("\r\n", sign).replace("\n", sign).replace("\r", sign)

    def _style(self, cell: Cell) -> Style:
        return Style(
            color=COLOURS[cell.origin],
            strike=cell.state == "refused",
            dim=cell.state in ("refused", "mask"),
            underline=cell.state == "draft",
        )


def _joined(cells: Iterable[Cell]) -> Iterator[Cell]:
    """Merge neighbouring cells of the same origin and state, except masks."""
    for (origin, state), group in groupby(cells, lambda cell: (cell.origin, cell.state)):
        if state == "mask":
            yield from group
        else:
            yield Cell("".join(cell.text for cell in group), origin, state)


def _writes_unicode(console: Console) -> bool:
    try:
        "".join(pair[0] for pair in (_MASKS, _BREAKS, _ELLIPSES)).encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
