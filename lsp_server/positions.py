r"""Positions of the protocol and offsets of a string, each from the other.

A position is a 0-based line and a 0-based column in UTF-16 code units; an offset counts code
points of a Python string. Lines end with ``\n``, ``\r\n`` or ``\r`` and nothing else: form
feeds and Unicode separators, at which ``str.splitlines`` would break, are ordinary characters
here. Nothing raises: what lies outside is moved to the nearest place inside. Knows neither
documents nor pygls.
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
    stop = line_stop(text, start)
    if text[start:stop].isascii():
        return start + min(max(character, 0), stop - start)
    units = 0
    for offset in range(start, stop):
        units += _units(text[offset])
        if units > character:
            return offset
    return stop


def position_at(text: str, offset: int) -> tuple[int, int]:
    r"""Line and UTF-16 column of an offset; between ``\r`` and ``\n`` is before ``\r``."""
    offset = clamp(text, offset)
    line = start = 0
    for ending in LINE_END.finditer(text, 0, offset):
        line, start = line + 1, ending.end()
    return line, utf16_length(text[start:offset])


def clamp(text: str, offset: int) -> int:
    r"""The nearest offset at which an editor can put a cursor: inside, never within ``\r\n``."""
    offset = min(max(offset, 0), len(text))
    return offset - 1 if text[offset - 1 : offset + 1] == "\r\n" and offset else offset


def line_start(text: str, offset: int) -> int:
    """Where the line that holds ``offset`` starts."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_stop(text: str, offset: int) -> int:
    """Where the line that holds ``offset`` stops, before its line break."""
    ending = LINE_END.search(text, offset)
    return len(text) if ending is None else ending.start()


def utf16_length(text: str) -> int:
    """Length of a text in UTF-16 code units."""
    return len(text) if text.isascii() else sum(map(_units, text))


def _units(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1
