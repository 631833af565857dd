"""Spans: what is being written at a cursor or in a region, and where it must end.

The span bounds what a model may write. Its kind names it for people; its stop rule
looks at the written text alone.

What ends a span follows from the rest of the cursor's line. Where that is nothing but closing marks
(``)``, ``):``, ``"]``), the text may type them again, and with them whatever completes the line: an
argument list in ``if f(|):`` ends with its line, not at its bracket. Where the rest has code, the
text stops before a bracket or a separator that follows already. Brackets that the text opens, or
that nothing in the document closes, carry it over line breaks.
"""

from __future__ import annotations

from lsp_server.positions import LINE_END, clamp, line_start, line_stop
from lsp_server.syntax.lines import filled, lines_above, lines_below, width
from lsp_server.syntax.spans.cursor import span_at
from lsp_server.syntax.spans.selection import region_span
from lsp_server.syntax.spans.stop_rules import PlainStopRule
from lsp_server.syntax.spans.types import Kind, Rule, Span
from lsp_server.syntax.surroundings import Surroundings, look_around
from lsp_server.syntax.tree import SyntaxTree

__all__ = ["Kind", "Rule", "Span", "find_region", "find_span"]


def find_span(
    tree: SyntaxTree, offset: int, bounded: bool = True, around: Surroundings | None = None
) -> Span:
    """What is being written at a cursor.

    ``bounded=False`` goes by lines alone, as for a language without a grammar. ``around`` is what
    is known about the place, if somebody has looked already.
    """
    offset = clamp(tree.text, offset)
    if bounded and tree.language is not None:
        around = around or look_around(tree, offset, offset)
        if around is not None:
            return span_at(around, tree.language)
    return _plain_span(tree.text, offset)


def find_region(
    tree: SyntaxTree,
    start: int,
    end: int,
    bounded: bool = True,
    around: Surroundings | None = None,
) -> Span:
    """What is being written where the text between two offsets is to be replaced.

    It spans several lines if the region does. A region of blank space is a cursor. See
    ``find_span`` for the rest.
    """
    start = clamp(tree.text, start)
    end = max(start, clamp(tree.text, end))
    blank = not filled(tree.text[start:end])
    if bounded and tree.language is not None:
        around = around or look_around(tree, start, end)
        if around is not None and blank:
            return span_at(around, tree.language)
        if around is not None:
            return region_span(tree, tree.language, around, start, end)
    return _plain_span(tree.text, start) if blank else _plain_region(tree.text, start, end)


def _plain_span(text: str, offset: int) -> Span:
    """One line; on a blank line that begins a block, lines up to a blank one or a dedent."""
    start, stop = line_start(text, offset), line_stop(text, offset)
    head, column = text[start:offset], width(text[start:offset])
    above = next((text[a:b] for a, b in lines_above(text, start) if filled(text[a:b])), "")
    below = next((text[a:b] for a, b in lines_below(text, stop) if filled(text[a:b])), "")
    begins = bool(above) and width(above) < column and width(below) < column
    if begins and not filled(text[start:stop]):
        return Span(Kind.BLOCK, True, "", "indentation", PlainStopRule(head, multiline=True))
    return Span(Kind.LINE, False, "", "line", PlainStopRule(head))


def _plain_region(text: str, start: int, end: int) -> Span:
    """As many lines as the region has: one, or up to a blank one or a dedent."""
    old = text[start:end]
    multiline = LINE_END.search(old.strip()) is not None
    head = text[line_start(text, start) : start]
    stop_rule = PlainStopRule(head, multiline, keeps_break=old.endswith(("\n", "\r")))
    if multiline:
        return Span(Kind.BLOCK, True, "", "indentation", stop_rule)
    return Span(Kind.LINE, False, "", "line", stop_rule)
