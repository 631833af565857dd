"""The stop rule for texts without a grammar, by lines, indentation and brackets alone."""

from __future__ import annotations

from dataclasses import dataclass

from lsp_server.positions import LINE_END
from lsp_server.syntax.languages import LexicalRules
from lsp_server.syntax.lexer import Nesting, innermost, nesting_after
from lsp_server.syntax.lines import filled, width
from lsp_server.syntax.spans.stop_rules import MOST_LINES
from lsp_server.syntax.spans.written_text import Line, WrittenText, read_written


@dataclass(frozen=True, slots=True)
class PlainStopRule:
    """One line, with the lines of the braces that it opens; or several up to a dedent.

    Several lines also end at a blank one. A line ends before what stays right of it, and before
    the quote of a string that is closed there. ``rest`` is what stays right of the text, ``below``
    the nearest line below that is not blank.
    """

    lexical: LexicalRules
    head: str = ""
    nesting: Nesting = ()
    rest: str = ""
    below: str = ""
    multiline: bool = False
    keeps_break: bool = False

    def end(self, written: str) -> int | None:
        """See ``Span.end``."""
        return self._by_indentation(written) if self.multiline else self._by_lines(written)

    def _by_lines(self, written: str) -> int | None:
        if not LINE_END.search(written) and not self.nesting:
            return None
        text = read_written(written, self.head, self.lexical, self.nesting)
        if text.closers and self._closed:
            return text.closers[0].offset
        for index, line in enumerate(text.lines):
            if not line.complete:
                return None
            if index and text.whole(index) == self.below.rstrip() and filled(self.below):
                return text.filled_before(index)
            if not self._goes_on(text, line) or index + 1 >= MOST_LINES:
                return self._before_rest(written, line, text.lines[index + 1].start)
        return None

    @property
    def _closed(self) -> bool:
        """Whether the string or comment in which the text starts is closed right of it."""
        inside = innermost(self.nesting)
        return (
            inside is not None
            and bool(inside.closer)
            and inside.closer in self.rest
            and not nesting_after(self.rest, self.lexical, self.nesting)
        )

    def _goes_on(self, text: WrittenText, line: Line) -> bool:
        """Whether a line opens a block that does not stand below."""
        if self.lexical.prose or self.rest.strip() or "}" not in line.opened:
            return False
        first = text.lines[0]
        return width(self.below) <= first.indent and not self.below.startswith("{")

    def _before_rest(self, written: str, line: Line, following: int) -> int:
        rest, piece = self.rest.strip(), written[line.start : line.end].rstrip()
        head = piece[: -len(rest)] if rest and piece.endswith(rest) else piece
        split = head != piece and rest[0].isalnum() and head[-1:].isalnum()
        if head == piece or split:
            return following if self.keeps_break else line.end
        return line.start + len(head.rstrip())

    def _by_indentation(self, written: str) -> int | None:
        base, last, start = -1, 0, 0
        for number, stop in enumerate(LINE_END.finditer(written)):
            line = written[start : stop.start()]
            whole = line if start else self.head + line
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
