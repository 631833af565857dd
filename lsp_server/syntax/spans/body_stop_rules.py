"""Stop rules for texts of several lines: a statement, a block, a region.

See ``stop_rules`` for what all rules have in common.
"""

from __future__ import annotations

from dataclasses import dataclass

from lsp_server.positions import LINE_END
from lsp_server.syntax.brackets import CLOSERS
from lsp_server.syntax.lines import filled, width
from lsp_server.syntax.spans.stop_rules import MOST_LINES, AtSeparator, CodeFacts, first_of
from lsp_server.syntax.spans.written_text import Line, WrittenText


@dataclass(frozen=True, slots=True)
class StatementStopRule:
    """Up to the end of one statement, with the comments before it and its body.

    Without the body if the document already has it below.
    """

    facts: CodeFacts
    at_separator: AtSeparator = ""

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        text = self.facts.read(written)
        separator_end = self.facts.separated(text, self.at_separator)
        return first_of(self.facts.foreign_closer(text), separator_end, self._line(text))

    def _line(self, text: WrittenText) -> int | None:
        base, body, started = -1, False, False
        mark = self.facts.style.decorator
        for index, line in enumerate(text.lines):
            if not line.complete:
                return None
            if index + 1 >= MOST_LINES:
                return line.end
            if line.blank and not started and base >= 0:
                return text.filled_before(index)  # a comment of its own
            if body and text.is_gap(index):
                return text.filled_before(index)
            if line.blank and not body:
                continue
            if index and self.facts.repeats(text, index):
                return text.filled_before(index)
            if base < 0:
                base = line.indent
            decorated = bool(mark) and line.code.lstrip().startswith(mark)
            started = started or (filled(line.code) and not decorated)
            if not started or (line.nested and line.depth):
                continue
            ends = self._ends(text, index, base, body)
            if ends:
                return text.filled_before(index + 1)
            if ends is None:
                body = True
        return None

    def _ends(self, text: WrittenText, index: int, base: int, body: bool) -> bool | None:
        """Whether a line ends the statement; None when an indented body begins behind it."""
        line, style, following = text.lines[index], self.facts.style, text.next_filled(index)
        has_body = width(self.facts.below) > base
        if style.braces and line.opened and self.facts.opens.startswith(line.opened):
            return True
        first = next(iter(line.code.split()), "").rstrip(":")
        label = first in style.labels if style.braces else line.depth == 0
        if label and line.code.endswith(":"):
            return True if has_body else None
        if self.facts.goes_on(line):
            return False
        if body:
            return following is not None and not self._continues_body(following, base)
        if not style.terminator:
            return True
        if line.code.endswith((style.terminator, style.separator)):
            return line.code.endswith(style.terminator)
        if following is None or self._continues_line(following):
            return False
        return following.indent <= base or first not in style.headers

    def _continues_body(self, line: Line, base: int) -> bool:
        return line.indent > base or (line.indent == base and self._is_clause(line))

    def _continues_line(self, line: Line) -> bool:
        start = line.code.lstrip()
        return bool(self.facts.style.continued.match(start)) or self._is_clause(line)

    def _is_clause(self, line: Line) -> bool:
        """Whether a line starts with the first word of a clause, or may yet do so."""
        start = line.code.lstrip()
        if not start:
            return False
        word = start[: next((i for i, c in enumerate(start) if not c.isalnum()), len(start))]
        clauses = self.facts.style.clauses
        if line.complete or len(word) < len(start):
            return word in clauses
        return any(clause.startswith(word) for clause in clauses)


@dataclass(frozen=True, slots=True)
class BlockStopRule:
    """Up to the end of a block's body: a dedent, two blank lines, or its closing bracket.

    ``header`` is the indentation of the line that opens the block, -1 where a bracket does.
    """

    facts: CodeFacts
    header: int

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        text = self.facts.read(written)
        return first_of(self.facts.foreign_closer(text), self._line(text))

    def _line(self, text: WrittenText) -> int | None:
        base = -1
        for index, line in enumerate(text.lines):
            if base > 0 and line.complete and line.nested == 0 and text.is_gap(index):
                return text.filled_before(index)
            if line.blank:
                continue
            if index and self.facts.repeats(text, index):
                return text.filled_before(index)
            closes = line.code.lstrip().startswith(CLOSERS)
            if base >= 0 and not line.nested and line.indent < base and not closes:
                return text.filled_before(index)
            if not line.complete:
                return None
            if base < 0 and (index or not filled(self.facts.head)):
                base = line.indent
            if line.depth == 0 and self._ends(line, index, base):
                return line.end
            if index + 1 >= 2 * MOST_LINES:
                return line.end
        return None

    def _ends(self, line: Line, index: int, base: int) -> bool:
        if line.closed:
            return line.closed >= self.facts.owes
        return base <= self.header or index + 1 >= MOST_LINES


@dataclass(frozen=True, slots=True)
class RegionStopRule:
    """For a region of several lines: at the bracket depth and indentation where the region ended.

    ``indent`` is the least indentation of its old lines, ``lines`` their number.
    """

    facts: CodeFacts
    indent: int
    lines: int
    keeps_break: bool

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        text = self.facts.read(written)
        end = first_of(self.facts.foreign_closer(text), self._line(text))
        stop = LINE_END.match(written, end) if self.keeps_break and end is not None else None
        return stop.end() if stop else end

    def _line(self, text: WrittenText) -> int | None:
        for index, line in enumerate(text.lines):
            if line.blank or line.nested:
                continue
            first = index == 0 and filled(self.facts.head)
            if not first and line.indent < self.indent:
                return text.filled_before(index)
            if self.facts.repeats(text, index):
                return text.filled_before(index)
            if not line.complete:
                continue
            rest = self.facts.before_rest(text, line)
            if rest is not None:
                return rest
            if not self.facts.opens.startswith(line.opened):
                continue
            if index + 1 >= 2 * self.lines + MOST_LINES // 3:
                return text.filled_before(index + 1)
        return None
