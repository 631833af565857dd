"""The text written into a hole so far, line by line.

The text may stop anywhere: a line is complete only once its line break is written, and how it
counts often depends on the beginning of the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from lsp_server.syntax.brackets import BracketMatcher, Closer
from lsp_server.syntax.languages import LexicalRules
from lsp_server.syntax.lexer import Mark, Nesting, innermost, scan
from lsp_server.syntax.lines import filled, width


class Line(NamedTuple):
    """A line of written text. Line breaks inside strings do not count."""

    start: int
    end: int  # before the line break
    complete: bool  # the line break has been written
    code: str  # without comment and trailing white space; with the head on the first line
    indent: int  # columns of its indentation, head included
    blank: bool
    nested: int  # brackets opened by the text and open where the line begins
    opened: str  # what would close those that are open where it ends, innermost first
    closed: int  # closing brackets and quotes so far whose partners are before the text

    @property
    def depth(self) -> int:
        """Brackets opened by the text and open where the line ends."""
        return len(self.opened)


@dataclass(slots=True)
class WrittenText:
    """A text that is being written after ``head``, the part of the line left of the hole."""

    written: str
    code_start: int = 0  # where the string or comment ends in which the text starts
    lines: list[Line] = field(default_factory=list)
    closers: list[Closer] = field(default_factory=list)  # whose partners are before the text
    separators: list[int] = field(default_factory=list)  # outside all brackets of the text

    def filled_before(self, index: int) -> int:
        """The end of the last line before ``lines[index]`` that is not blank, or 0."""
        return next((line.end for line in reversed(self.lines[:index]) if not line.blank), 0)

    def whole(self, index: int) -> str | None:
        """The text of a complete line, without white space at its end."""
        line = self.lines[index]
        return self.written[line.start : line.end].rstrip() if line.complete else None

    def opened_before(self, index: int) -> str:
        """What would close the brackets that are open where ``lines[index]`` begins."""
        return self.lines[index - 1].opened if index else ""

    def is_gap(self, index: int) -> bool:
        """Whether ``lines[index]`` is the second of two blank lines."""
        return index > 0 and self.lines[index].blank and self.lines[index - 1].blank

    def line_of(self, offset: int) -> int:
        """Index of the line of an offset."""
        return next(i for i, line in enumerate(self.lines) if offset <= line.end)

    def next_filled(self, index: int) -> Line | None:
        """The next line after ``lines[index]`` that is not blank so far."""
        return next((line for line in self.lines[index + 1 :] if not line.blank), None)


def read_written(text: str, head: str, lexical: LexicalRules, nesting: Nesting = ()) -> WrittenText:
    """Split a text written after ``head`` into lines, with its brackets and separators."""
    so_far = WrittenText(text)
    matcher, level = BracketMatcher(nesting=nesting), len(nesting) if innermost(nesting) else 0
    start = nested = 0
    comment: Mark | None = None
    for mark in (*scan(text, lexical, nesting), Mark("line", len(text), len(text), False)):
        if mark.level < level:
            so_far.code_start, level = mark.end, 0
        if mark.kind == "separator" and not matcher.opened:
            so_far.separators.append(mark.start)
        matcher.read(mark, text)
        if mark.kind == "comment":
            comment = mark
        elif mark.kind == "line":
            piece = text[start : mark.start]
            whole = piece if start else head + piece
            trailing = comment and not filled(text[comment.end : mark.start])
            code = (
                whole[: len(whole) - (mark.start - comment.start)]
                if comment and trailing
                else whole
            )
            so_far.lines.append(
                Line(
                    start,
                    mark.start,
                    mark.closed,
                    code.rstrip(),
                    width(whole),
                    not filled(piece),
                    nested,
                    "".join(bracket.closer for bracket in reversed(matcher.opened)),
                    len(matcher.closers),
                )
            )
            start, nested, comment = mark.end, len(matcher.opened), None
    so_far.closers = matcher.closers
    if level:
        so_far.code_start = len(text)
    return so_far
