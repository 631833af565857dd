"""Finds the span at a cursor or region: what is being written there, and where it must end.

The span bounds what a model may write: its stop rule is applied to the text written so far. Its
kind is shown to the user.

Where a span ends depends on the rest of the cursor's line. If that has only closing marks (``)``,
``):``, ``"]``), the text may repeat them and complete the line: in ``if f(|):`` it ends with the
line, not at the bracket. If the rest has code, the text ends before the bracket or separator that
already follows. The text goes on over line breaks while it has open brackets, or brackets that
nothing in the document closes.
"""

from __future__ import annotations

from dataclasses import replace

from lsp_server.positions import LINE_END, clamp, line_start, line_stop
from lsp_server.syntax.brackets import LONGEST
from lsp_server.syntax.enclosures import closes_only
from lsp_server.syntax.languages import LexicalRules
from lsp_server.syntax.lexer import GENERIC, nesting_after
from lsp_server.syntax.lines import filled, lines_above, lines_below, width
from lsp_server.syntax.spans.cursor import span_at
from lsp_server.syntax.spans.plain_stop_rule import PlainStopRule
from lsp_server.syntax.spans.selection import region_span
from lsp_server.syntax.spans.types import Kind, Rule, Span
from lsp_server.syntax.surroundings import Surroundings, look_around
from lsp_server.syntax.tree import SyntaxTree

__all__ = ["Kind", "Rule", "Span", "find_region", "find_span"]


def find_span(
    tree: SyntaxTree,
    offset: int,
    bounded: bool = True,
    around: Surroundings | None = None,
    lexical: LexicalRules = GENERIC,
) -> Span:
    """The span at a cursor.

    ``bounded=False`` uses lines alone, as for a language without a grammar. ``around`` are the
    place's surroundings if they are known; else they are looked up. ``lexical`` are the rules of a
    text without a grammar.
    """
    offset = clamp(tree.text, offset)
    if bounded and tree.language is not None:
        around = around or look_around(tree, offset, offset)
        if around is not None:
            return span_at(around, tree.language)
    return _plain_span(tree.text, offset, lexical)


def find_region(
    tree: SyntaxTree,
    start: int,
    end: int,
    bounded: bool = True,
    around: Surroundings | None = None,
    lexical: LexicalRules = GENERIC,
) -> Span:
    """The span of a region, the text between two offsets that is to be replaced.

    It has several lines if the region has. A blank region is treated as a cursor. See
    ``find_span`` for the other arguments.
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
    if blank:
        return _plain_span(tree.text, start, lexical)
    return _plain_region(tree.text, start, end, lexical)


def _plain_span(text: str, offset: int, lexical: LexicalRules) -> Span:
    """One line; on a blank line that begins a block, lines up to a blank one or a dedent."""
    start, stop = line_start(text, offset), line_stop(text, offset)
    rule = _plain_rule(text, offset, offset, lexical)
    column = width(rule.head)
    above = next((text[a:b] for a, b in lines_above(text, start) if filled(text[a:b])), "")
    begins = bool(above) and width(above) < column and width(rule.below) < column
    if begins and not filled(text[start:stop]):
        return _span(replace(rule, multiline=True))
    closing = closes_only(rule.rest, rule.nesting)
    return _span(replace(rule, rest="") if closing else rule)


def _plain_region(text: str, start: int, end: int, lexical: LexicalRules) -> Span:
    """As many lines as the region has: one, or up to a blank one or a dedent."""
    old = text[start:end]
    multiline = LINE_END.search(old.strip()) is not None
    rule = _plain_rule(text, start, end, lexical)
    return _span(replace(rule, multiline=multiline, keeps_break=old.endswith(("\n", "\r"))))


def _plain_rule(text: str, start: int, end: int, lexical: LexicalRules) -> PlainStopRule:
    head, stop = text[max(line_start(text, start), start - LONGEST) : start], line_stop(text, end)
    below = next((text[a:b] for a, b in lines_below(text, stop) if filled(text[a:b])), "")
    return PlainStopRule(
        lexical=lexical,
        head=head,
        nesting=nesting_after(head, lexical),
        rest=text[end : min(stop, end + LONGEST)],
        below=below,
    )


def _span(rule: PlainStopRule) -> Span:
    several = rule.multiline
    return Span(
        Kind.BLOCK if several else Kind.LINE,
        several,
        "",
        "indentation" if several else "line",
        rule,
        rule.lexical,
        rule.nesting,
    )
