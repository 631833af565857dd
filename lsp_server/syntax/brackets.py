"""Brackets: matches them in a text, and finds those that are open, missing or in excess.

All matching is done by ``BracketMatcher``. Where a syntax tree has errors, indentation is used,
too: a line that is not indented further than the line of an opening bracket, and does not begin
with its closing bracket, cannot be inside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, NamedTuple

from lsp_server.positions import LINE_END, line_start
from lsp_server.syntax.languages import CodeStyle, LexicalRules
from lsp_server.syntax.lexer import PARTNER, Mark, Nesting, scan
from lsp_server.syntax.lines import filled, width

REACH: Final = 300
"""Lines above and below a place that are read."""

LONGEST: Final = 4000
"""Characters of a line that are read on either side of it."""

FARTHEST: Final = 30_000
"""Characters that are read on either side, in however few lines."""

CLOSERS: Final = (")", "]", "}")
_CLOSING: Final = ")]} \t"

_PARAMETERS: Final = re.compile(r"\)\s*(?::[^={}]*)?$")
_VALUE: Final = re.compile(r"(?:[^=!<>]=|[(,:\[?&|])$")
_WORDS: Final = re.compile(r"\w+")


@dataclass(frozen=True)
class Bracket:
    """An opening or closing bracket at an offset of a text."""

    text: str = field(repr=False, compare=False)
    offset: int
    interpolates: bool = field(default=False, compare=False)  # it opens code inside a string
    outer: int | None = field(default=None, compare=False)  # columns of the line it belongs to

    @property
    def char(self) -> str:
        """The bracket itself."""
        return self.text[self.offset]

    @property
    def opens(self) -> bool:
        """Whether it is an opening bracket."""
        return self.char in PARTNER

    @property
    def closer(self) -> str:
        """The bracket that closes it."""
        return PARTNER[self.char]

    @cached_property
    def before(self) -> str:
        """The text left of it on its line."""
        start = max(line_start(self.text, self.offset), self.offset - LONGEST)
        return self.text[start : self.offset]

    @cached_property
    def indent(self) -> int:
        """The columns by which its line is indented, or the line that this goes on with."""
        own = width(self.before)
        return own if self.outer is None else min(own, self.outer)

    @property
    def begins_line(self) -> bool:
        """Whether nothing but closing brackets is left of it on its line."""
        return not self.before.strip(_CLOSING)


class Closer(NamedTuple):
    """A closing bracket or quote at an offset of a text, which it did not open."""

    offset: int
    mark: str


class BracketMatcher:
    """Matches the brackets of a text from left to right.

    A closing bracket closes the nearest open one of its kind, and all brackets opened since. If
    there is none, it closes one from before the text, or nothing.
    """

    def __init__(self, opened: Iterable[Bracket] = (), nesting: Nesting = ()) -> None:
        """``opened`` are brackets that are open already, outermost first.

        ``nesting`` are the strings, comments and code in strings in which the text starts.
        """
        self.opened = list(opened)
        """Brackets that are open, outermost first."""
        self.unopened: list[Bracket] = []
        """Closing brackets that found no open one of their kind."""
        self.closers: list[Closer] = []
        """These, and the ends of the strings and comments in which the text starts."""
        self._nesting = nesting
        self._closed: tuple[int, int] | None = None  # the last closer, its partner's indentation

    def read(self, mark: Mark, text: str, begin: int = 0) -> None:
        """Read the next mark; its offsets are relative to ``begin`` in ``text``."""
        if mark.kind in ("open", "close"):
            self.take(Bracket(text, begin + mark.start, mark.interpolates))
        elif mark.kind in ("string", "comment") and mark.level < len(self._nesting):
            closer = self._nesting[mark.level].closer
            if mark.closed and closer:
                self.closers.append(Closer(begin + mark.end - len(closer), closer))
        self._nesting = self._nesting[: mark.level]

    def take(self, bracket: Bracket) -> None:
        """Read the next bracket."""
        if bracket.opens:
            self.opened.append(self._with_line(bracket))
            return
        for index in range(len(self.opened) - 1, -1, -1):
            if self.opened[index].closer == bracket.char:
                self._closed = bracket.offset, self.opened[index].indent
                del self.opened[index:]
                return
        self.unopened.append(bracket)
        self.closers.append(Closer(bracket.offset, bracket.char))

    def _with_line(self, bracket: Bracket) -> Bracket:
        """The bracket with the indentation of the line that its own goes on with: ``) {``."""
        if self._closed is None:
            return bracket
        offset, indent = self._closed
        if LINE_END.search(bracket.text, offset, bracket.offset):
            self._closed = None
            return bracket
        return replace(bracket, outer=indent)


def match_brackets(
    text: str, lexical: LexicalRules, nesting: Nesting = (), head: str = ""
) -> BracketMatcher:
    """The brackets of a text that follows ``head`` and starts at ``nesting``."""
    matcher = BracketMatcher(nesting=nesting)
    for mark in scan(text, lexical, nesting, head):
        matcher.read(mark, text)
    return matcher


def find_excess(
    opened: str, own: BracketMatcher, was: BracketMatcher, below: BracketMatcher
) -> int | None:
    """Offset of the first closing bracket of an inserted text that is in excess, or None.

    ``opened`` are the brackets open before the text, outermost first; ``own`` are the text's
    brackets; ``was`` are those after it without the text, ``below`` those after it with the text.
    A bracket is in excess if it closes nothing, or something that a later bracket of the document
    closes already. Brackets that are in excess without the text do not count.
    """
    most = _count_unopened(opened + find_closers(was))
    behind = "".join(bracket.char for bracket in own.opened) + find_closers(below)
    for count, bracket in enumerate(own.unopened, start=1):
        if _count_unopened(opened + find_closers(own)[:count] + behind) > most:
            return bracket.offset
    return None


def closes_open(opened: str, own: BracketMatcher, replaced: BracketMatcher) -> bool:
    """Whether all brackets that a text closes are open before it, in the right order.

    ``own`` are the text's brackets, ``opened`` those open before it, outermost first. Brackets
    that the replaced text closed may be closed again.
    """
    expected = "".join(PARTNER[bracket] for bracket in reversed(opened))
    return any(known.startswith(find_closers(own)) for known in (expected, find_closers(replaced)))


def find_closers(matcher: BracketMatcher) -> str:
    """The closing brackets of a text that close what stands before it, in order."""
    return "".join(bracket.char for bracket in matcher.unopened)


def find_unopened(opened: str, behind: BracketMatcher) -> str:
    """The closing brackets behind a place that do not close one of those ``opened`` before it."""
    matcher, brackets = BracketMatcher(), opened + find_closers(behind)
    for offset in range(len(brackets)):
        matcher.take(Bracket(brackets, offset))
    return find_closers(matcher)


def _count_unopened(brackets: str) -> int:
    """The number of closing brackets without a partner in a text of brackets only."""
    return len(find_unopened(brackets, BracketMatcher()))


def opens_block(bracket: Bracket, style: CodeStyle) -> bool:
    """Whether a brace opens a block of statements rather than a value."""
    if bracket.char != "{" or style.opener != "{":
        return False
    before = bracket.before.rstrip()
    words = _WORDS.findall(before)
    if before.endswith("=>") or _PARAMETERS.search(before):
        return True
    labelled = before.endswith(":") and bool(words) and words[0] in style.labels
    if labelled:
        return True
    if _VALUE.search(before) or bracket.interpolates:
        return False
    if words and words[-1] in style.operands:
        return False
    return not words or any(word in style.headers for word in words)


def leave_by_indentation(opened: list[Bracket], style: CodeStyle, start: int, line: str) -> None:
    """Remove the brackets opened before ``start`` that a line cannot be inside, by indentation."""
    if filled(line):
        opened[:] = [
            each for each in opened if each.offset >= start or is_within(each, line, style)
        ]


def is_within(bracket: Bracket, line: str, style: CodeStyle) -> bool:
    """Whether a line can still be inside a bracket that was opened on a line above it."""
    if not style.opener and not bracket.indent:
        return True  # data is often not indented
    if line.lstrip()[:1] in CLOSERS:
        return width(line) >= bracket.indent
    return width(line) > bracket.indent
