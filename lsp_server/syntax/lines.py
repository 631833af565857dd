r"""Lines of a text and their indentation; line breaks are ``\n``, ``\r\n`` and ``\r``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

TAB: Final = 4
"""Columns that a tab is taken for, where a text mixes tabs and spaces."""

_STOP: Final = re.compile(r"[\r\n]")
_BLANK: Final = re.compile(r"[ \t\f\v]*")


def line_start(text: str, offset: int) -> int:
    """Where the line of an offset begins."""
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def line_end(text: str, offset: int) -> int:
    """Where the line of an offset ends, before its line break."""
    stop = _STOP.search(text, offset)
    return stop.start() if stop else len(text)


def lines_above(text: str, start: int, most: int = 300) -> Iterator[tuple[int, int]]:
    """Starts and ends of the lines above the one that begins at ``start``, nearest first."""
    for _ in range(most):
        if start <= 0:
            return
        end = start - 1
        if text[end] == "\n" and end and text[end - 1] == "\r":
            end -= 1
        start = line_start(text, end)
        yield start, end


def lines_below(text: str, end: int, most: int = 300) -> Iterator[tuple[int, int]]:
    """Starts and ends of the lines below the one that ends at ``end``, nearest first."""
    for _ in range(most):
        if end >= len(text):
            return
        start = end + (2 if text.startswith("\r\n", end) else 1)
        end = line_end(text, start)
        yield start, end


def indent_of(line: str) -> str:
    """The white space at the start of a line."""
    match = _BLANK.match(line)
    return match.group() if match else ""


def width(line: str) -> int:
    """The columns of a line's indentation."""
    return len(indent_of(line).replace("\f", "").expandtabs(TAB))


def filled(line: str) -> bool:
    """Whether a line has anything in it."""
    return bool(line) and not line.isspace()
