"""The span of a region: a selection whose text is to be replaced.

The new text must fit in its place: end at the same bracket depth, be indented at least as far as
the old lines, and stop before the text that follows.
"""

from __future__ import annotations

from lsp_server.positions import LINE_END
from lsp_server.syntax.brackets import opens_block
from lsp_server.syntax.languages import Language
from lsp_server.syntax.lines import filled
from lsp_server.syntax.spans.body_stop_rules import RegionStopRule, StatementStopRule
from lsp_server.syntax.spans.cursor import forced_text_at, operand_due
from lsp_server.syntax.spans.stop_rules import CodeFacts, CodeStopRule, LineStopRule, TextStopRule
from lsp_server.syntax.spans.types import Kind, Rule, Span
from lsp_server.syntax.spans.written_text import read_written
from lsp_server.syntax.surroundings import Surroundings
from lsp_server.syntax.tree import SyntaxTree


def region_span(
    tree: SyntaxTree, language: Language, around: Surroundings, start: int, end: int
) -> Span:
    """The span between two offsets whose text is not blank."""
    old = tree.text[start:end]
    text = read_written(old, around.head, language.lexical, around.nesting)
    keeps_break = old.endswith(("\n", "\r"))
    below, second = around.below, around.second
    if keeps_break and filled(around.rest):  # the region ends where the next line begins
        below, second = around.rest, around.below
    facts = CodeFacts(
        lexical=language.lexical,
        style=language.style,
        head=around.head,
        nesting=around.nesting,
        closers=tuple(closer.mark for closer in text.closers),
        owes=len(text.closers),
        opens=text.lines[-1].opened,
        rest="" if keeps_break else around.rest,
        below=below,
        second=second,
    )
    multiline = LINE_END.search(old.strip()) is not None
    kind = _kind(tree, language, around, start, end)
    stop_rule = _line_stop_rule(facts, around, kind, keeps_break)
    if around.inside and text.code_start >= len(old.rstrip()) and not multiline:
        kind = Kind.COMMENT if around.inside.kind == "comment" else Kind.STRING
        stop_rule = TextStopRule(facts)
    elif multiline:
        lines = [line for line in text.lines if not line.blank]
        whole = lines[1:] if filled(around.head) and len(lines) > 1 else lines
        stop_rule = RegionStopRule(
            facts=facts,
            indent=min(line.indent for line in whole if not line.nested or line is whole[0]),
            lines=len(LINE_END.findall(old)) + 1,
            keeps_break=keeps_break,
        )
    forced_text = forced_text_at(around, language.style, language.lexical)
    rule: Rule = "tree" if around.clean else "indentation"
    return Span(
        kind,
        multiline,
        "".join(facts.closers),
        rule,
        stop_rule,
        language.lexical,
        around.nesting,
        forced_text,
    )


def _line_stop_rule(
    facts: CodeFacts, around: Surroundings, kind: Kind, keeps_break: bool
) -> CodeStopRule:
    """The rule for a region on one line; a statement there may get a body."""
    whole = not filled(around.head) and not filled(around.rest) and not keeps_break
    if kind is Kind.STATEMENT and whole:
        return StatementStopRule(facts)
    follows = around.rest.lstrip().startswith(facts.style.separator) and bool(around.opened)
    return LineStopRule(facts, "before" if follows else "", keeps_break)


def _kind(tree: SyntaxTree, language: Language, around: Surroundings, start: int, end: int) -> Kind:
    """The kind of a region: one node, the text between two brackets, or whole lines."""
    old = tree.text[start:end]
    first, last = start + len(old) - len(old.lstrip()), end - len(old) + len(old.rstrip())
    bounds = tree.byte(first), tree.byte(last)
    captures = tree.captures(language.covers, first, last)
    for kind in (Kind.COMMENT, Kind.STRING, Kind.BLOCK, Kind.ARGUMENT_LIST):
        nodes = captures.get(kind, [])
        if any((node.start_byte, node.end_byte) == bounds for node in nodes):
            return kind
    if around.opened and not filled(tree.text[around.opened[-1].offset + 1 : first]):
        bracket, after = around.opened[-1], tree.text[last:].lstrip()
        if after.startswith(bracket.closer):
            return Kind.BLOCK if opens_block(bracket, language.style) else Kind.ARGUMENT_LIST
    statements = tree.captures(language.statements, first, last).get("statement", [])
    starts = any(node.start_byte == bounds[0] for node in statements)
    if starts and any(node.end_byte == bounds[1] for node in statements):
        return Kind.STATEMENT
    if not filled(around.head) and not filled(around.rest):
        return Kind.STATEMENT
    nodes = captures.get(Kind.EXPRESSION, [])
    if any((node.start_byte, node.end_byte) == bounds for node in nodes):
        return Kind.EXPRESSION
    if around.opened and not opens_block(around.opened[-1], language.style):
        return Kind.ARGUMENT_LIST
    due = operand_due(around.head, language.style, language.lexical)
    return Kind.EXPRESSION if due else Kind.REST_OF_LINE
