r"""Lines of a text and their indentation; line breaks are ``\n``, ``\r\n`` and ``\r``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lsp_server.positions import line_start, line_stop

TAB: Final = 4
"""Columns that a tab counts as."""

_BLANK: Final = re.compile(r"[ \t\f\v]*")


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
        end = line_stop(text, start)
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
