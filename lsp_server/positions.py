r"""Conversion between LSP positions and offsets in a string.

A position is a 0-based line and a 0-based column in UTF-16 code units; an offset counts code
points of a Python string. Lines end with ``\n``, ``\r\n`` or ``\r`` and nothing else: form
feeds and Unicode separators, at which ``str.splitlines`` would break, are ordinary characters
here. Nothing raises: a position or offset outside the text is moved to the nearest one inside.
"""

from __future__ import annotations

import re
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
    return column_offset(text, start, line_stop(text, start), character)


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


def find_difference(old: str, new: str) -> tuple[int, int, int]:
    """Where two texts begin to differ, and where that ends in each of them.

    Binary search over slices: a fraction of a millisecond for a million characters.
    """
    start, high = 0, min(len(old), len(new))
    while start < high:
        middle = (start + high + 1) // 2
        if old[start:middle] == new[start:middle]:
            start = middle
        else:
            high = middle - 1
    same, high = 0, min(len(old), len(new)) - start
    while same < high:
        middle = (same + high + 1) // 2
        if old[len(old) - middle : len(old) - same] == new[len(new) - middle : len(new) - same]:
            same = middle
        else:
            high = middle - 1
    return start, len(old) - same, len(new) - same


_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")
"""Characters that take two UTF-16 code units."""


def column_offset(text: str, start: int, stop: int, character: int) -> int:
    """Offset of a column of the line between two offsets."""
    line = text[start : min(start + max(character, 0), stop)]
    if utf16_length(line) == len(line):
        return start + len(line)
    for before, found in enumerate(_ASTRAL.finditer(line)):
        if found.start() + before + 1 >= character:  # the column is this character, or inside it
            return start + min(found.start(), character - before)
        last = before
    return start + min(len(line), character - last - 1)
