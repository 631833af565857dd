"""Converts the indentation of a new text to tabs or spaces, as in the surrounding document."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

INDENT: Final = re.compile(r"^[ \t]+", re.MULTILINE)


def indent_like(around: str, line: str, text: str, fixed: Collection[int] = ()) -> str:
    """``text`` with its lines indented by tabs or by spaces, as most lines of ``around`` are.

    ``line`` is the text before it on its line: white space at the start of ``text`` counts as
    indentation only if ``line`` is blank. Unchanged are the lines whose numbers are in ``fixed``,
    because they begin inside a string, and all if ``around`` has no indented lines.
    """
    indents = INDENT.findall(around)
    tabs = [indent for indent in indents if indent[0] == "\t"]
    steps = [len(indent) for indent in indents if indent[0] == " " and len(indent) > 1]
    if 2 * len(tabs) > len(indents):
        old, new = " " * _step(text), "\t"
    elif steps:
        old, new = "\t", " " * min(steps)
    else:
        return text
    kept = {*fixed, 0} if line.strip() else set(fixed)
    lines = text.split("\n")
    return "\n".join(
        each if number in kept else _convert(each, old, new) for number, each in enumerate(lines)
    )


def _step(text: str) -> int:
    """Spaces per level of a text: 4 if every indentation is a multiple of 4, else 2."""
    widths = [len(indent) for indent in INDENT.findall(text) if indent[0] == " "]
    return 4 if all(width % 4 == 0 for width in widths) else 2


def _convert(line: str, old: str, new: str) -> str:
    """Replace each leading ``old`` of a line by ``new``."""
    levels = 0
    while line.startswith(old, levels * len(old)):
        levels += 1
    return new * levels + line[levels * len(old) :]
