"""Text that the syntax almost forces next; it is used as a draft, which the model verifies.

A wrong draft costs a little time and a right one saves a forward. Each rule here is right in well
over 60% of the places in real files where it applies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lsp_server.syntax.brackets import Bracket, BracketMatcher
from lsp_server.syntax.languages import CodeStyle, LexicalRules
from lsp_server.syntax.lexer import Lexer, Mark, Nesting, innermost
from lsp_server.syntax.lines import filled, indent_of

_MOST_RULES: Final = 4
_OPENERS: Final = ("(", "[", "{")


@dataclass(frozen=True, slots=True)
class ForcedText:
    """The rules for one place, and the facts that they use."""

    lexical: LexicalRules
    style: CodeStyle
    head: str  # the text on the line left of the written text
    nesting: Nesting  # the strings, comments and code in strings in which the text starts
    opened: tuple[Bracket, ...]  # brackets open at the place, outermost first
    unit: str  # one level of indentation
    colon: str  # the text between a key and its value
    separated: bool  # a member follows, so that a separator has to

    def after(self, written: str) -> str:
        """The text forced after ``written``, or ""."""
        text = ""
        for _ in range(_MOST_RULES):
            piece = self._next(written + text)
            if not piece:
                break
            text += piece
        return text

    def _next(self, written: str) -> str:
        lexer = Lexer(self.lexical, self.nesting)
        marks = list(lexer.scan(written))
        if innermost(lexer.nesting):
            return ""
        opened = self._opened(written, marks)
        breaks = [mark for mark in marks if mark.kind == "line"]
        if not breaks:
            return self._on_line(self.head + written, opened, marks, len(written))
        line = written[breaks[-1].end :]
        if filled(line):
            return self._on_line(line, opened, marks, len(written))
        start = breaks[-2].end if len(breaks) > 1 else 0
        comment = next((m.start for m in marks if m.kind == "comment" and m.start >= start), None)
        before = written[start : breaks[-1].start if comment is None else comment]
        above = before if start else self.head + before
        return self._indentation(above.rstrip(), line, opened)

    def _opened(self, written: str, marks: Sequence[Mark]) -> str:
        """The brackets open at the end of the text, outermost first."""
        matcher = BracketMatcher(self.opened)
        for mark in marks:
            matcher.read(mark, written)
        return "".join(bracket.char for bracket in matcher.opened)

    def _indentation(self, above: str, line: str, opened: str) -> str:
        """How a line is indented, and the quote of a key, given the line above it."""
        if not above:
            return ""
        indent, first = indent_of(above), (above.split() or [""])[0]
        if above.endswith(_OPENERS) or self._is_header(above, opened):
            indent += self.unit
        elif not (above.endswith(",") if self.style.braces else first not in self.style.leaving):
            return ""
        key = self.style.typed_keys and opened.endswith("{") and above.endswith(("{", ","))
        quote = '"' if key else ""
        if line:  # already indented: the model chooses how far
            return quote if line == indent else ""
        return indent + quote

    def _on_line(self, line: str, opened: str, marks: Sequence[Mark], size: int) -> str:
        """The text forced inside a line."""
        last = marks[-1] if marks and marks[-1].end == size else None
        first = line.split()[0] if filled(line) else ""
        if self.style.typed_keys:
            return self._after_key(line, opened, last) if last and last.kind == "string" else ""
        if not self.style.braces and opened:
            return ""
        if self._is_header(line, opened):
            return "\n"
        if first in self.style.bare and line.strip() == first:
            return self.style.opener
        word = first.split("(")[0]
        closed = last and last.kind == "close" and line.endswith(")")
        if closed and word in self.style.bracketed and not opened.endswith(("(", "[")):
            return (" " if self.style.braces else "") + self.style.opener
        return ""

    def _after_key(self, line: str, opened: str, last: Mark) -> str:
        """The colon behind a key; the separator behind a value that others follow."""
        size = last.end - last.start
        inside = innermost(self.nesting)
        if last.start == 0 and inside:  # it began in ``head``
            size += len(self.head) - self.head.rfind(inside.closer)
        before = line[: len(line) - size].rstrip()
        if opened.endswith("{") and (not before or before.endswith(("{", ","))):
            return self.colon
        return self.style.separator if self.separated and len(opened) == len(self.opened) else ""

    def _is_header(self, line: str, opened: str) -> bool:
        """Whether a line ends where an indented block begins."""
        if self.style.braces or opened or not line.endswith(self.style.opener):
            return False
        first = line.split()[0].rstrip(":")
        return first in self.style.headers or line.lstrip()[:1] in (")", "]", "}")
