"""The starts of a text's lines, kept up to date by its edits."""

from __future__ import annotations

import numpy as np

from lsp_server.positions import LINE_END, column_offset


class LineIndex:
    """The start of every line of a text, so that positions are found without reading the text."""

    __slots__ = ("_starts",)

    def __init__(self, text: str) -> None:
        self._starts = np.array([0, *(ending.end() for ending in LINE_END.finditer(text))])

    def offset_at(self, text: str, line: int, character: int) -> int:
        """See ``positions.offset_at``; ``text`` is the text after the last edit."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(text)
        start, stop = int(self._starts[line]), len(text)
        if line + 1 < len(self._starts):
            stop = int(self._starts[line + 1])
            stop -= 2 if text[stop - 2 : stop] == "\r\n" else 1
        return column_offset(text, start, stop, character)

    def starts(self) -> list[int]:
        """The offset at which every line starts."""
        starts: list[int] = self._starts.tolist()
        return starts

    def edit(self, text: str, start: int, end: int, length: int) -> None:
        """Update the index: ``length`` characters have replaced those from ``start`` to ``end``.

        ``text`` is the text after the edit.
        """
        new_end = start + length
        first = max(int(np.searchsorted(self._starts, start)), 1)
        last = max(int(np.searchsorted(self._starts, end, side="right")), first)
        # The edit may join \r and \n, or separate them, at either end.
        endings = LINE_END.finditer(text, max(start - 1, 0), new_end + 1)
        found = [ending.end() for ending in endings if start <= ending.end() <= new_end]
        below = self._starts[last:] + (length - (end - start))
        self._starts = np.concatenate([self._starts[:first], np.array(found, int), below])
