"""Brackets that are open at a place in a document, and which of them something closes.

Where the syntax tree has errors, indentation helps: a line that is no further in than the line of
an opening bracket, and does not begin by closing it, cannot be inside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from lsp_server.syntax.languages import Language, Layout, Lexis
from lsp_server.syntax.lexer import PARTNER, Inside, Mark, scan
from lsp_server.syntax.lines import filled, line_end, line_start, lines_below, width

REACH: Final = 300
"""Lines above and below a place that are read."""

LONGEST: Final = 4000
"""Characters of a line that are read on either side of it."""

FARTHEST: Final = 30_000
"""Characters that are read on either side, in however few lines."""

CLOSERS: Final = (")", "]", "}")

_PARAMETERS: Final = re.compile(r"\)\s*(?::[^={}]*)?$")
_VALUE: Final = re.compile(r"(?:[^=!<>]=|[(,:\[?&|])$")
_WORDS: Final = re.compile(r"\w+")


class Bracket(NamedTuple):
    """An opening bracket; ``indent`` is that of its line, ``before`` stands left of it there."""

    char: str
    offset: int
    indent: int
    before: str

    @property
    def closer(self) -> str:
        """The bracket that closes it."""
        return PARTNER[self.char]

    @property
    def interpolates(self) -> bool:
        """Whether it opens code inside a string."""
        return self.before.endswith("$") and self.char == "{"


def opens_block(bracket: Bracket, layout: Layout) -> bool:
    """Whether a brace opens a block of statements rather than a value."""
    if bracket.char != "{" or layout.opener != "{":
        return False
    before = bracket.before.rstrip()
    words = _WORDS.findall(before)
    if before.endswith("=>") or _PARAMETERS.search(before):
        return True
    labelled = before.endswith(":") and bool(words) and words[0] in layout.labels
    if labelled:
        return True
    if _VALUE.search(before) or bracket.interpolates:
        return False
    if words and words[-1] in layout.operands:
        return False
    return not words or any(word in layout.headers for word in words)


def bracket_at(text: str, offset: int) -> Bracket:
    """The opening bracket at an offset."""
    before = text[max(line_start(text, offset), offset - LONGEST) : offset]
    return Bracket(text[offset], offset, width(before), before)


def follow(
    opened: list[Bracket], marks: Sequence[Mark], text: str, begin: int, layout: Layout | None
) -> None:
    """Open and close brackets along some marks; with a layout, indentation closes them too."""
    for mark in marks:
        offset = begin + mark.start
        if mark.kind == "line" and layout:
            line = text[begin + mark.end : line_end(text, begin + mark.end)]
            leave_by_indentation(opened, layout, offset, line)
        elif mark.kind == "open":
            opened.append(bracket_at(text, offset))
        elif mark.kind == "close" and opened and opened[-1].closer == text[offset]:
            opened.pop()


def leave_by_indentation(opened: list[Bracket], layout: Layout, start: int, line: str) -> None:
    """Forget the brackets opened before ``start`` that a line cannot be inside of."""
    if filled(line):
        opened[:] = [each for each in opened if each.offset >= start or _within(each, line, layout)]


def _within(bracket: Bracket, line: str, layout: Layout) -> bool:
    """Whether a line can still be inside a bracket that was opened on a line above it."""
    if not layout.opener and not bracket.indent:
        return True  # data is often not indented at all
    if line.lstrip()[:1] in CLOSERS:
        return width(line) >= bracket.indent
    return width(line) > bracket.indent


def count_closed(rest: str, opened: Sequence[Bracket], lexis: Lexis, inside: Inside | None) -> int:
    """How many of the innermost open brackets the rest of a line closes."""
    closed = 0
    for mark in scan(rest, lexis, inside):
        if mark.kind != "close":
            continue
        if closed >= len(opened) or opened[-1 - closed].closer != rest[mark.start]:
            break
        closed += 1
    return closed


def count_dangling(
    text: str, start: int, opened: Sequence[Bracket], closed: int, language: Language
) -> int:
    """How many of the innermost brackets, but for ``closed`` ones, nothing after ``start`` closes.

    A line that cannot be inside a bracket, by its indentation, leaves it open.
    """
    left, nested, dangling = list(opened[: len(opened) - closed]), 0, 0
    below = lines_below(text, line_end(text, start), REACH)
    stop = max((end for _, end in below), default=line_end(text, start))
    stop = min(stop, start + FARTHEST)
    for mark in scan(text[start:stop], language.lexis):
        if not left:
            break
        if mark.kind == "line":
            begin = start + mark.end
            line = text[begin : line_end(text, begin)]
            while left and filled(line) and not _within(left[-1], line, language.layout):
                left.pop()
                dangling, nested = dangling + 1, 0
        elif mark.kind == "open":
            nested += 1
        elif mark.kind == "close" and nested:
            nested -= 1
        elif mark.kind == "close":
            return dangling
    return dangling if stop < len(text) else dangling + len(left)
