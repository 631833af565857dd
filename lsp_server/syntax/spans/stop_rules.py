"""Stop rules: where the text of a span must end, one small rule per shape of span.

A rule takes the text written so far and returns the offset at which it ends (the rest is dropped),
or None while that is not known. Rules use marks and indentation only, because unfinished code often
cannot be parsed.

Common to all: the text ends before a closing bracket that the document already has, and every
span has a maximum number of lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

from lsp_server.positions import LINE_END
from lsp_server.syntax.brackets import CLOSERS
from lsp_server.syntax.languages import CodeStyle, LexicalRules
from lsp_server.syntax.lexer import PARTNER, Inside, Nesting, innermost
from lsp_server.syntax.lines import filled
from lsp_server.syntax.spans.written_text import Line, WrittenText, read_written

MOST_LINES: Final = 24
"""The most lines of a span of several lines, if nothing else ends it."""

ENDS: Final = frozenset(
    {")", "]", "}", "))", ");", "),", "])", "];", "],", "})", "});", "},", ",", ";"}
)
"""What a line may lack to count as a repetition."""

AtSeparator = Literal["", "before", "after"]
"""How a separator is treated: ignored, or as the end of the text, before or after it."""


def first_of(*offsets: int | None) -> int | None:
    """The smallest offset, or None where there is none."""
    return min((offset for offset in offsets if offset is not None), default=None)


def _before(text: WrittenText, offset: int) -> int:
    """Where to cut the text before an offset, without the indentation there."""
    index = text.line_of(offset)
    start = text.lines[index].start
    return offset if index == 0 or filled(text.written[start:offset]) else text.filled_before(index)


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """The facts about a place that all rules for code use."""

    lexical: LexicalRules
    style: CodeStyle
    head: str  # the text on the line left of the written text
    nesting: Nesting = ()  # the strings, comments and code in strings in which the text starts
    closers: tuple[str, ...] = ()  # of what was open before and the text may close, innermost first
    owes: int = 0  # how many of them it must close, because nothing in the document does
    opens: str = ""  # closers of brackets that the text leaves open, innermost first
    indent: int = 0  # columns of the line where the outermost of the owed was opened
    rest: str = ""  # what stays right of the text on its line
    below: str = ""  # the nearest line below that is not blank
    second: str = ""  # the one after that

    @property
    def inside(self) -> Inside | None:
        """The string or comment in which the text starts."""
        return innermost(self.nesting)

    def read(self, written: str) -> WrittenText:
        """The written text, line by line."""
        return read_written(written, self.head, self.lexical, self.nesting)

    def foreign_closer(self, text: WrittenText) -> int | None:
        """Before the first bracket or quote that closes what the document already closes.

        Also before what stands right of the text in front of that, if the text repeats it.
        """
        if len(text.closers) <= len(self.closers):
            return None
        end = _before(text, text.closers[len(self.closers)].offset)
        closers = read_written(self.rest, "", self.lexical, self.nesting).closers
        repeated = self.rest[: closers[0].offset].strip() if closers else ""
        if any(map(str.isalnum, repeated)) and text.written[:end].endswith(repeated):
            return len(text.written[: end - len(repeated)].rstrip())
        return end

    def separated(self, text: WrittenText, at_separator: AtSeparator) -> int | None:
        """Where a separator outside all brackets of the text ends it."""
        separator = self.style.separator
        found = (at for at in text.separators if at_separator and text.written[at] == separator)
        at = next(found, None)
        return at if at is None or at_separator == "before" else at + 1

    def before_rest(self, text: WrittenText, line: Line) -> int | None:
        """Where the end of a complete line repeats what stays right of the text, or None."""
        rest, piece = self.rest.strip(), text.written[line.start : line.end].rstrip()
        if not rest or not piece.endswith(rest):
            return None
        end = line.start + len(piece) - len(rest)
        if rest[0].isalnum() and text.written[:end][-1:].isalnum():
            return None
        before = self.read(text.written[:end]).lines[-1]
        return len(text.written[:end].rstrip()) if before.opened == self.opens else None

    def goes_on(self, line: Line, owes: int | None = None) -> bool:
        """Whether a complete line must be continued by the next."""
        return (
            not self.opens.startswith(line.opened)
            or line.closed < (self.owes if owes is None else owes)
            or bool(self.style.continues.search(line.code))
        )

    def repeats(self, text: WrittenText, index: int) -> bool:
        """Whether a complete line repeats the next line of the document.

        It may lack brackets at the end of that. A line that only opens something is too common to
        tell, unless it begins a definition; then the next line must match, too.
        """
        whole, below = text.whole(index), self.below.rstrip()
        if whole is None or not self.opens.startswith(text.opened_before(index)):
            return False
        line, mark = self.below.strip(), self.style.decorator
        if whole != below:
            missing = below[len(whole) :].strip() if below.startswith(whole) else "?"
            return bool(whole.strip()) and any(map(str.isalnum, whole)) and missing in ENDS
        begins = line.endswith((*PARTNER, ":")) or (bool(mark) and line.startswith(mark))
        if begins and not self.style.definition.match(line):
            following = text.next_filled(index)
            if not following:
                return False
            return text.whole(text.lines.index(following)) == self.second.rstrip()
        return any(map(str.isalnum, line))


@dataclass(frozen=True, slots=True)
class TextStopRule:
    """Inside a string or comment: up to its closer or the end of the line, whichever comes first.

    After the closer, marks of ``tail`` that follow directly are included. If the document does not
    close the string, or it is a key, the line goes on as code.
    """

    facts: CodeFacts
    at_separator: AtSeparator = ""
    tail: str = ""
    is_key: bool = False

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        inside = self.facts.inside
        assert inside is not None  # this rule is only used there
        stop = LINE_END.search(written)
        text = self.facts.read(written)
        foreign = self.facts.foreign_closer(text)
        end = text.code_start
        if foreign is not None and foreign < end and (not stop or foreign <= stop.start()):
            return foreign
        closed = bool(text.closers) and text.closers[0].offset < end
        if not closed or (stop and stop.start() < end):
            return stop.start() if stop else None
        if inside.kind == "string" and (self.facts.owes or self.is_key):
            return LineStopRule(self.facts, self.at_separator).end(written)
        while written[end : end + 1] in self.tail:
            if end == len(written):
                return None
            end += 1
        return end


@dataclass(frozen=True, slots=True)
class LineStopRule:
    """Up to the end of the line: the first line break outside all brackets.

    If the text begins with a line break after an opening bracket or a separator, it has one member
    per line and goes on until it has closed every bracket that it may close. It ends before what
    stays right of it, and before a line that stands below.
    """

    facts: CodeFacts
    at_separator: AtSeparator = ""
    keeps_break: bool = False

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        text = self.facts.read(written)
        if self._lays_out(text):
            owes, separator_end = len(self.facts.closers), None
        else:
            owes, separator_end = self.facts.owes, self.facts.separated(text, self.at_separator)
        return first_of(self.facts.foreign_closer(text), separator_end, self._line(text, owes))

    def _lays_out(self, text: WrittenText) -> bool:
        separator = self.facts.style.separator
        first = text.lines[0]
        open_ended = self.facts.head.rstrip().endswith((*PARTNER, separator))
        return bool(self.facts.closers) and open_ended and first.complete and first.blank

    def _line(self, text: WrittenText, owes: int) -> int | None:
        for index, line in enumerate(text.lines):
            if not line.complete:
                return None
            if index and not line.blank and self.facts.repeats(text, index):
                return text.filled_before(index)
            stop = line.end
            if self.keeps_break:
                stop = text.lines[index + 1].start
            rest = self.facts.before_rest(text, line)
            if rest is not None:
                return rest
            if not self.facts.goes_on(line, owes) or index + 1 >= MOST_LINES:
                return stop
            following = text.next_filled(index)
            if following and self.facts.owes and self._leaves(following):
                return stop
        return None

    def _leaves(self, line: Line) -> bool:
        """Whether a line cannot be inside the brackets that the text has to close."""
        if line.code.lstrip().startswith(CLOSERS):
            return line.indent < self.facts.indent
        return line.indent <= self.facts.indent


class StopRule(Protocol):
    """Says where a written text ends."""

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""


class CodeStopRule(StopRule, Protocol):
    """A stop rule in a language with a grammar."""

    @property
    def facts(self) -> CodeFacts:
        """What is known of the place."""
