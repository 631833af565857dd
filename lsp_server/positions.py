r"""Conversion between LSP positions and offsets in a string.

A position is a 0-based line and a 0-based column in UTF-16 code units; an offset counts code
points of a Python string. Lines end with ``\n``, ``\r\n`` or ``\r`` and nothing else: form
feeds and Unicode separators, at which ``str.splitlines`` would break, are ordinary characters
here. Nothing raises: a position or offset outside the text is moved to the nearest one inside.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Final

LINE_END: Final = re.compile(r"\r\n|\n|\r")


def offset_at(text: str, line: int, character: int) -> int:
    """Offset of a position; a column inside a surrogate pair is moved to the pair's start.

    A line before the first gives 0, one after the last the end of the text; a column past its
    line gives the line's end, before its line break.
    """
    if line < 0:
        return 0
    start = 0
    for _ in range(line):
        ending = LINE_END.search(text, start)
        if ending is None:
            return len(text)
        start = ending.end()
    return _column(text, start, line_stop(text, start), character)


def position_at(text: str, offset: int) -> tuple[int, int]:
    r"""Line and UTF-16 column of an offset; between ``\r`` and ``\n`` is before ``\r``."""
    offset = clamp(text, offset)
    line = text.count("\n", 0, offset)
    if text.find("\r", 0, offset) >= 0:
        line += text.count("\r", 0, offset) - text.count("\r\n", 0, offset)
    return line, utf16_length(text[line_start(text, offset) : offset])


def clamp(text: str, offset: int) -> int:
    r"""The nearest offset at which an editor can put a cursor: inside, never within ``\r\n``."""
    offset = min(max(offset, 0), len(text))
    return offset - 1 if text[offset - 1 : offset + 1] == "\r\n" and offset else offset


def line_start(text: str, offset: int) -> int:
    """Where the line that holds ``offset`` starts."""
    start = text.rfind("\n", 0, offset) + 1
    return max(start, text.rfind("\r", start, offset) + 1)


def line_stop(text: str, offset: int) -> int:
    """Where the line that holds ``offset`` stops, before its line break."""
    feed = text.find("\n", offset)
    stop = len(text) if feed < 0 else feed
    ending = text.find("\r", offset, stop)
    return stop if ending < 0 else ending


def utf16_length(text: str) -> int:
    """Length of a text in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


class LineIndex:
    """The start of every line of a text, updated by edits, so that positions are found quickly.

    An edit moves all later lines by the same distance. This distance is stored once instead of
    being added to every start; it is added only when an edit further down needs exact starts.
    """

    __slots__ = ("_distance", "_exact", "_starts")

    def __init__(self, text: str) -> None:
        self._starts = [0, *(ending.end() for ending in LINE_END.finditer(text))]
        self._exact = len(self._starts)  # the number of leading starts that are exact
        self._distance = 0  # to be added to the other starts

    def offset_at(self, text: str, line: int, character: int) -> int:
        """The same as the function ``offset_at``; ``text`` is the text after the last edit."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(text)
        start = self._start(line)
        stop = len(text) if line + 1 == len(self._starts) else self._start(line + 1)
        if line + 1 < len(self._starts):
            stop -= 2 if text[stop - 2 : stop] == "\r\n" else 1
        return _column(text, start, stop, character)

    def starts(self) -> list[int]:
        """The offset at which every line starts."""
        return [self._start(line) for line in range(len(self._starts))]

    def edit(self, text: str, start: int, end: int, length: int) -> None:
        """Update the index: ``length`` characters have replaced those from ``start`` to ``end``.

        ``text`` is the text after the edit.
        """
        new_end = start + length
        first = bisect_left(range(len(self._starts)), start, lo=1, key=self._start)
        last = bisect_right(range(len(self._starts)), end, lo=first, key=self._start)
        self._make_exact(last)
        # The edit may join \r and \n, or separate them, at either end.
        endings = LINE_END.finditer(text, max(start - 1, 0), new_end + 1)
        found = [ending.end() for ending in endings if start <= ending.end() <= new_end]
        if found and found[0] == 0:
            del found[0]
        self._starts[first:last] = found
        self._exact = first + len(found)
        self._distance += length - (end - start)

    def _start(self, line: int) -> int:
        return self._starts[line] + (self._distance if line >= self._exact else 0)

    def _make_exact(self, count: int) -> None:
        """Make the first ``count`` starts exact, and the others relative to the distance."""
        moved = self._distance
        if moved:
            for line in range(self._exact, count):
                self._starts[line] += moved
            for line in range(count, self._exact):
                self._starts[line] -= moved
        self._exact = count


_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
"""Characters that take two UTF-16 code units."""


def _column(text: str, start: int, stop: int, character: int) -> int:
    """Offset of a column of the line between two offsets."""
    line = text[start : min(start + max(character, 0), stop)]
    if utf16_length(line) == len(line):
        return start + len(line)
    for before, found in enumerate(_ASTRAL.finditer(line)):
        if found.start() + before + 1 >= character:  # the column is this character, or inside it
            return start + min(found.start(), character - before)
        last = before
    return start + min(len(line), character - last - 1)
