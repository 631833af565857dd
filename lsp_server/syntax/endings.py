"""Where a written text must end: one small rule per shape of span.

Every rule sees all that has been written so far, behind what stood on the line before, and gives
the offset from which on everything is dropped, or None while that cannot be told. The rules read
marks and indentation, which half-written code has too; they never parse.

Common to all: a bracket that the document closes itself is not closed by the text, which ends
before it; and a number of lines bounds every span.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lsp_server.syntax.languages import Layout, Lexis
from lsp_server.syntax.lines import filled, width
from lsp_server.syntax.marks import LINE_BREAK, Inside
from lsp_server.syntax.reading import Line, Reading, read

MOST_LINES: Final = 24
"""Lines that a span of several lines may have, where nothing else ends it."""

Member = Literal["", "before", "after"]
"""Whether a separator means nothing, or ends the text before or after it."""

_CLOSERS: Final = (")", "]", "}")


def _first(*offsets: int | None) -> int | None:
    return min((offset for offset in offsets if offset is not None), default=None)


def _before(reading: Reading, offset: int) -> int:
    """Where to cut so that the text goes up to an offset: not in the indentation before it."""
    index = reading.line_of(offset)
    start = reading.lines[index].start
    return (
        offset if index == 0 or filled(reading.text[start:offset]) else reading.filled_before(index)
    )


@dataclass(frozen=True, slots=True)
class Code:
    """What all rules for code know of a place."""

    lexis: Lexis
    layout: Layout
    head: str  # what stands on the line, left of the text
    inside: Inside | None = None  # the string in which the text starts
    closers: str = ""  # brackets that were open before and that the text may close, innermost first
    owes: int = 0  # so many of them it has to close, as nothing in the document does
    opens: int = 0  # brackets that the text leaves open
    indent: int = 0  # columns of the line where the outermost of these was opened
    below: str = ""  # the nearest line below that is not blank

    def read(self, written: str) -> Reading:
        """The written text, line by line."""
        return read(written, self.head, self.lexis, self.inside)

    def foreign(self, reading: Reading) -> int | None:
        """Before the first bracket that closes what the document closes itself."""
        if len(reading.closers) <= len(self.closers):
            return None
        return _before(reading, reading.closers[len(self.closers)])

    def separated(self, reading: Reading, member: Member) -> int | None:
        """Where a separator outside all brackets of the text ends it."""
        separator = self.layout.separator
        found = (at for at in reading.separators if member and reading.text[at] == separator)
        at = next(found, None)
        return at if at is None or member == "before" else at + 1

    def goes_on(self, line: Line) -> bool:
        """Whether a complete line leaves something open that the next has to go on with."""
        return (
            line.depth > self.opens
            or line.closed < self.owes
            or bool(self.layout.continues.search(line.code))
        )

    def repeats(self, line: Line, text: str) -> bool:
        """Whether a complete line is the line that follows in the document anyway."""
        written = text[line.start : line.end].rstrip()
        return (
            line.complete
            and line.nested == 0
            and written == self.below.rstrip()
            and any(map(str.isalnum, written))
        )


@dataclass(frozen=True, slots=True)
class PlainEnding:
    """By lines alone: one line, or several up to a blank line or a dedent."""

    head: str = ""
    multiline: bool = False
    keeps_break: bool = False

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        base, last, start = -1, 0, 0
        for number, stop in enumerate(LINE_BREAK.finditer(written)):
            line = written[start : stop.start()]
            whole = line if start else self.head + line
            if not self.multiline:
                return stop.end() if self.keeps_break else stop.start()
            if filled(line):
                base = width(whole) if base < 0 else base
                if width(whole) < base:
                    return last
                last = stop.end() if self.keeps_break else stop.start()
            if (base >= 0 and not filled(line)) or number + 1 >= MOST_LINES:
                return last
            start = stop.end()
        line = written[start:]
        return last if start and filled(line) and 0 <= width(line) < base else None


@dataclass(frozen=True, slots=True)
class TextEnding:
    """Inside a string or comment: its closer or the end of the line, whichever comes first.

    Where brackets are left open before the string, its line goes on as code that closes them. What
    of ``tail`` follows the closer directly goes with it. A key goes on with its value.
    """

    code: Code
    member: Member = ""
    tail: str = ""
    is_key: bool = False

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        inside = self.code.inside
        assert inside is not None  # or the place would not be text
        stop = LINE_BREAK.search(written)
        reading = self.code.read(written)
        closed = bool(inside.closer) and written[: reading.code_start].endswith(inside.closer)
        if not closed or (stop and stop.start() < reading.code_start):
            return stop.start() if stop else None
        if inside.kind == "string" and (self.code.owes or self.is_key):
            return LineEnding(self.code, self.member).end(written)
        end = reading.code_start
        while written[end : end + 1] in self.tail:
            if end == len(written):
                return None
            end += 1
        return end


@dataclass(frozen=True, slots=True)
class LineEnding:
    """To the end of the line: the first line break with no bracket left open."""

    code: Code
    member: Member = ""
    keeps_break: bool = False

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        reading = self.code.read(written)
        member = self.code.separated(reading, self.member)
        return _first(self.code.foreign(reading), member, self._line(reading))

    def _line(self, reading: Reading) -> int | None:
        for index, line in enumerate(reading.lines):
            if not line.complete:
                return None
            stop = line.end
            if self.keeps_break:
                stop = reading.lines[index + 1].start
            if not self.code.goes_on(line) or index + 1 >= MOST_LINES:
                return stop
            following = reading.next_filled(index)
            if following and self.code.owes and self._leaves(following):
                return stop
        return None

    def _leaves(self, line: Line) -> bool:
        """Whether a line cannot be inside the brackets that the text has to close."""
        if line.code.lstrip().startswith(_CLOSERS):
            return line.indent < self.code.indent
        return line.indent <= self.code.indent


@dataclass(frozen=True, slots=True)
class StatementEnding:
    """To the end of one statement, with the comments before it and the body behind it.

    The body is left out where it stands below already.
    """

    code: Code
    member: Member = ""

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        reading = self.code.read(written)
        member = self.code.separated(reading, self.member)
        return _first(self.code.foreign(reading), member, self._line(reading))

    def _line(self, reading: Reading) -> int | None:
        base, body, started = -1, False, False
        mark = self.code.layout.decorator
        for index, line in enumerate(reading.lines):
            if not line.complete:
                return None
            if index + 1 >= MOST_LINES:
                return line.end
            if line.blank and not started and base >= 0:
                return reading.filled_before(index)  # a comment that stands for itself
            if line.blank and not body:
                continue
            if base < 0:
                base = line.indent
            decorated = bool(mark) and line.code.lstrip().startswith(mark)
            started = started or (filled(line.code) and not decorated)
            if not started or (line.nested and line.depth):
                continue
            ends = self._ends(reading, index, base, body)
            if ends:
                return reading.filled_before(index + 1)
            if ends is None:
                body = True
        return None

    def _ends(self, reading: Reading, index: int, base: int, body: bool) -> bool | None:
        """Whether a line ends the statement; None when an indented body begins behind it."""
        line, layout, following = reading.lines[index], self.code.layout, reading.next_filled(index)
        has_body = width(self.code.below) > base
        if layout.braces and line.code.endswith(layout.opener or "\n"):
            return has_body and not line.nested
        first = next(iter(line.code.split()), "").rstrip(":")
        label = first in layout.labels if layout.braces else line.depth == 0
        if label and line.code.endswith(":"):
            return True if has_body else None
        if self.code.goes_on(line):
            return False
        if body:
            return following is not None and not self._continues_body(following, base)
        if not layout.terminator:
            return True
        if line.code.endswith((layout.terminator, layout.separator)):
            return line.code.endswith(layout.terminator)
        if following is None or self._continues_line(following):
            return False
        return following.indent <= base or first not in layout.headers

    def _continues_body(self, line: Line, base: int) -> bool:
        return line.indent > base or (line.indent == base and self._is_clause(line))

    def _continues_line(self, line: Line) -> bool:
        start = line.code.lstrip()
        return bool(self.code.layout.continued.match(start)) or self._is_clause(line)

    def _is_clause(self, line: Line) -> bool:
        """Whether a line starts with the first word of a clause, or may yet do so."""
        start = line.code.lstrip()
        word = start[: next((i for i, c in enumerate(start) if not c.isalnum()), len(start))]
        clauses = self.code.layout.clauses
        if line.complete or len(word) < len(start):
            return word in clauses
        return any(clause.startswith(word) for clause in clauses)


@dataclass(frozen=True, slots=True)
class BlockEnding:
    """To the end of a block's body: a dedent, or the bracket that closes it.

    ``header`` is the indentation of the line that opens the block, -1 where a bracket does.
    """

    code: Code
    header: int

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        reading = self.code.read(written)
        return _first(self.code.foreign(reading), self._line(reading))

    def _line(self, reading: Reading) -> int | None:
        base = -1
        for index, line in enumerate(reading.lines):
            if line.blank:
                continue
            if index and self.code.repeats(line, reading.text):
                return reading.filled_before(index)
            closes = line.code.lstrip().startswith(_CLOSERS)
            if base >= 0 and not line.nested and line.indent < base and not closes:
                return reading.filled_before(index)
            if not line.complete:
                return None
            if base < 0 and (index or not filled(self.code.head)):
                base = line.indent
            if line.depth == 0 and self._ends(line, index, base):
                return line.end
            if index + 1 >= 2 * MOST_LINES:
                return line.end
        return None

    def _ends(self, line: Line, index: int, base: int) -> bool:
        if line.closed:
            return line.closed >= self.code.owes
        return base <= self.header or index + 1 >= MOST_LINES


@dataclass(frozen=True, slots=True)
class RegionEnding:
    """For a region of several lines: where it was left, in depth and indentation.

    ``indent`` is the least indentation of its old lines, ``lines`` their number, ``tail`` what
    stands behind it on its last line.
    """

    code: Code
    indent: int
    lines: int
    tail: str
    keeps_break: bool

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        reading = self.code.read(written)
        end = _first(self._before_tail(reading), self._line(reading))
        stop = LINE_BREAK.match(written, end) if self.keeps_break and end is not None else None
        return stop.end() if stop else end

    def _before_tail(self, reading: Reading) -> int | None:
        """Before the first bracket that the document closes, and the code before it there."""
        end, tail = self.code.foreign(reading), self.tail.strip()
        closers = read(tail, "", self.code.lexis).closers
        repeated = tail[: closers[0]].rstrip() if closers else ""
        if end is None or not any(map(str.isalnum, repeated)):
            return end
        return end - len(repeated) if reading.text[:end].endswith(repeated) else end

    def _line(self, reading: Reading) -> int | None:
        tail = self.tail.strip()
        for index, line in enumerate(reading.lines):
            if line.blank or line.nested:
                continue
            first = index == 0 and filled(self.code.head)
            if not first and line.indent < self.indent:
                return reading.filled_before(index)
            if self.code.repeats(line, reading.text):
                return reading.filled_before(index)
            if not line.complete or line.depth > self.code.opens:
                continue
            if tail and any(map(str.isalnum, tail)) and line.code.endswith(tail):
                return line.start + len(reading.text[line.start : line.end].rstrip()) - len(tail)
            if index + 1 >= 2 * self.lines + MOST_LINES // 3:
                return reading.filled_before(index + 1)
        return None


CodeEnding = TextEnding | LineEnding | StatementEnding | BlockEnding | RegionEnding
Ending = PlainEnding | CodeEnding
