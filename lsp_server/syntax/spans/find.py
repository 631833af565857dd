"""Spans: what is being written at a cursor or in a region, and where it must end.

The span bounds what a model may write. Its kind names it for people; its ending is a rule that
looks at the written text alone.

What ends a span follows from the rest of the cursor's line. Where that is nothing but closing marks
(``)``, ``):``, ``"]``), the text may type them again, and with them whatever completes the line: an
argument list in ``if f(|):`` ends with its line, not at its bracket. Where the rest has code, the
text stops before a bracket or a separator that follows already. Brackets that the text opens, or
that nothing in the document closes, carry it over line breaks.
"""

from __future__ import annotations

from lsp_server.syntax.lexer import LINE_BREAK
from lsp_server.syntax.lines import filled, line_end, line_start, lines_above, lines_below, width
from lsp_server.syntax.spans.cursor import span_at
from lsp_server.syntax.spans.selection import region_span
from lsp_server.syntax.spans.stop_rules import PlainEnding
from lsp_server.syntax.spans.types import Kind, Rule, Span
from lsp_server.syntax.surroundings import look_around
from lsp_server.syntax.tree import SyntaxTree

__all__ = ["Kind", "Rule", "Span", "find_region", "find_span"]


def find_span(tree: SyntaxTree, offset: int, bounded: bool = True) -> Span:
    """What is being written at a cursor.

    ``bounded=False`` goes by lines alone, as for a language without a grammar.
    """
    offset = _within(tree.text, offset)
    if tree.language is None or tree.root is None or not bounded:
        return _plain_span(tree.text, offset)
    return span_at(look_around(tree, tree.language, offset, offset), tree.language)


def find_region(tree: SyntaxTree, start: int, end: int, bounded: bool = True) -> Span:
    """What is being written where the text between two offsets is to be replaced.

    It spans several lines if the region does. A region of blank space is a cursor.
    """
    start = _within(tree.text, start)
    end = max(start, _within(tree.text, end))
    if not filled(tree.text[start:end]):
        if tree.language is None or tree.root is None or not bounded:
            return _plain_span(tree.text, start)
        return span_at(look_around(tree, tree.language, start, end), tree.language)
    if tree.language is None or tree.root is None or not bounded:
        return _plain_region(tree.text, start, end)
    return region_span(tree, tree.language, start, end)


def _within(text: str, offset: int) -> int:
    """An offset inside the text, and not inside a line break."""
    offset = min(max(offset, 0), len(text))
    return offset - (text[offset - 1 : offset + 1] == "\r\n")


def _plain_span(text: str, offset: int) -> Span:
    """One line; on a blank line that begins a block, lines up to a blank one or a dedent."""
    start, stop = line_start(text, offset), line_end(text, offset)
    head, column = text[start:offset], width(text[start:offset])
    above = next((text[a:b] for a, b in lines_above(text, start) if filled(text[a:b])), "")
    below = next((text[a:b] for a, b in lines_below(text, stop) if filled(text[a:b])), "")
    begins = bool(above) and width(above) < column and width(below) < column
    if begins and not filled(text[start:stop]):
        return Span(Kind.BLOCK, True, "", "indentation", PlainEnding(head, multiline=True))
    return Span(Kind.LINE, False, "", "line", PlainEnding(head))


def _plain_region(text: str, start: int, end: int) -> Span:
    """As many lines as the region has: one, or up to a blank one or a dedent."""
    old = text[start:end]
    multiline = LINE_BREAK.search(old.strip()) is not None
    head = text[line_start(text, start) : start]
    ending = PlainEnding(head, multiline, keeps_break=old.endswith(("\n", "\r")))
    if multiline:
        return Span(Kind.BLOCK, True, "", "indentation", ending)
    return Span(Kind.LINE, False, "", "line", ending)
