"""The span at a cursor, determined from the cursor's surroundings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lsp_server.syntax.brackets import CLOSERS, Bracket, opens_block
from lsp_server.syntax.enclosures import Enclosure
from lsp_server.syntax.languages import CodeStyle, Language, LexicalRules
from lsp_server.syntax.lexer import scan
from lsp_server.syntax.lines import filled, width
from lsp_server.syntax.spans.body_stop_rules import BlockStopRule, StatementStopRule
from lsp_server.syntax.spans.forced_text import ForcedText
from lsp_server.syntax.spans.stop_rules import (
    AtSeparator,
    CodeFacts,
    CodeStopRule,
    LineStopRule,
    TextStopRule,
)
from lsp_server.syntax.spans.types import Kind, Rule, Span
from lsp_server.syntax.surroundings import Surroundings, code_of

_PARTIAL: Final = re.compile(r"[\w.]*$")
_OPERATOR: Final = re.compile(r"[=+\-*/%<>&|^~?]$")
_ASSIGNMENT: Final = re.compile(r"(?<![=!<>])=(?!=)")
_WORD: Final = re.compile(r"\w+")


def span_at(around: Surroundings, language: Language) -> Span:
    """The span at a place with these surroundings."""
    return _SpanFinder(around, language).resolve()


class _SpanFinder:
    """Finds the span at one cursor from what is around it."""

    def __init__(self, around: Surroundings, language: Language) -> None:
        self._around, self._style, self._lexical_rules = around, language.style, language.lexical
        self._rule: Rule = "tree" if around.clean else "indentation"
        self._blank = not filled(around.head)
        self._in_list = bool(around.opened) and not self._is_block(around.opened[-1])

    def resolve(self) -> Span:
        """The span."""
        around = self._around
        if around.inside:
            kind = Kind.COMMENT if around.inside.kind == "comment" else Kind.STRING
            facts = self._facts(self._chain())
            text = TextStopRule(facts, self._at_separator(), self._tail(), self._is_key())
            return self._span(kind, text)
        if not around.closing and not self._between():
            return self._line(self._kind_on_line())
        if (header := self._empty_block()) is not None:
            facts = self._facts(self._chain(block=True))
            kind = Kind.ARGUMENT_LIST if self._in_list and self._style.opener else Kind.BLOCK
            return self._span(kind, BlockStopRule(facts, header), multiline=True)
        if not self._blank:
            return self._line(self._kind_on_line())
        if self._in_list and self._style.opener:
            return self._line(Kind.ARGUMENT_LIST)
        stop_rule = StatementStopRule(self._facts(self._chain()), self._at_separator())
        return self._span(Kind.STATEMENT, stop_rule, multiline=True)

    def _line(self, kind: Kind) -> Span:
        stop_rule = LineStopRule(self._facts(self._chain()), self._at_separator())
        return self._span(kind, stop_rule)

    def _span(self, kind: Kind, stop_rule: CodeStopRule, multiline: bool = False) -> Span:
        closers = "" if kind is Kind.COMMENT else "".join(stop_rule.facts.closers)
        return Span(
            kind,
            multiline,
            closers,
            self._rule,
            stop_rule,
            self._lexical_rules,
            self._around.nesting,
            self._forced_text(),
        )

    def _forced_text(self) -> ForcedText:
        return forced_text_at(
            self._around, self._style, self._lexical_rules, self._at_separator() == "after"
        )

    def _facts(self, chain: Sequence[Enclosure]) -> CodeFacts:
        around = self._around
        owes = max(0, len(chain) - around.closed_by_rest)
        indents = [each.indent for each in chain if isinstance(each, Bracket)]
        return CodeFacts(
            lexical=self._lexical_rules,
            style=self._style,
            head=around.head,
            nesting=around.nesting,
            closers=tuple(each.closer for each in chain),
            owes=owes,
            opens=around.unopened,
            indent=indents[-1] if indents and owes else 0,
            rest="" if around.closing else around.rest,
            below=around.below,
            second=around.second,
        )

    def _chain(self, block: bool = False) -> list[Enclosure]:
        """The brackets and strings around that the text may close, innermost first.

        These are the ones closed by the rest of the line or by nothing in the document, up to the
        brace of a block, which is included only if the span is the body of that block.
        """
        around = self._around
        count = around.closed_by_rest + around.dangling
        chain: list[Enclosure] = []
        for enclosure in around.enclosures[:count]:
            of_block = isinstance(enclosure, Bracket) and self._is_block(enclosure)
            if of_block and not (block and not chain):
                break
            if enclosure.closer:
                chain.append(enclosure)
        return chain

    def _is_block(self, bracket: Bracket) -> bool:
        """Whether a brace opens a block; one that is a member of a list does not."""
        opened = self._around.opened
        outer = opened[opened.index(bracket) - 1] if opened[0] != bracket else None
        if outer and outer.char in ("(", "[") and not filled(bracket.before):
            return False
        return opens_block(bracket, self._style)

    def _kind_on_line(self) -> Kind:
        """The kind of the span if there is text before or after the cursor on its line."""
        head = self._around.head
        typed_key = self._style.typed_keys and head.rstrip().endswith(":")
        if self._in_list and self._around.here and not typed_key:
            return Kind.ARGUMENT_LIST
        if typed_key or operand_due(head, self._style, self._lexical_rules):
            return Kind.EXPRESSION
        in_list = self._in_list and self._style.opener and not self._blank
        return Kind.ARGUMENT_LIST if in_list else Kind.REST_OF_LINE

    def _between(self) -> bool:
        """Whether it is an empty place between two brackets, with no other marks right of it."""
        around = self._around
        if not around.empty or around.nesting or (around.closing and around.rest.strip()):
            return False
        after = around.rest.lstrip() or around.below.lstrip()
        return after.startswith(around.opened[-1].closer)

    def _empty_block(self) -> int | None:
        """The indentation of the header of an empty block here; -1 inside brackets; else None.

        An empty list of members on a line of its own counts as a block.
        """
        around, opener = self._around, self._style.opener
        if around.opened and (self._style.braces or self._in_list):
            bracket = around.opened[-1]
            fits = self._is_block(bracket) or self._blank or self._between()
            closed = around.rest.lstrip() or around.below.lstrip()
            empty = closed.startswith(CLOSERS) or width(around.below) <= bracket.indent
            return -1 if fits and around.empty and empty else None
        if self._style.braces or around.rest.strip():
            return None
        header = around.above if self._blank else code_of(around.head, self._lexical_rules)
        words = _WORD.match(header.lstrip())
        known = header.lstrip()[:1] in CLOSERS or (
            words is not None and words.group() in self._style.headers
        )
        if not (known and header.endswith(opener)) or width(around.below) > width(header):
            return None
        return width(header)

    def _is_key(self) -> bool:
        """Whether a string is the key of a member whose value is missing."""
        around = self._around
        before = around.head[: around.head.rfind(around.inside.closer)] if around.inside else ""
        in_object = not around.opened or around.opened[-1].char == "{"
        starts = not filled(before) or before.rstrip().endswith(("{", self._style.separator))
        return self._style.typed_keys and in_object and starts and ":" not in around.rest

    def _tail(self) -> str:
        """The marks that may follow a string directly, if nothing follows it yet."""
        if self._around.rest.strip():
            return ""
        in_list = bool(self._around.opened) or not self._style.opener
        separated = in_list and self._at_separator() != "before"
        return self._style.terminator + (self._style.separator if separated else "")

    def _at_separator(self) -> AtSeparator:
        """How a separator outside all brackets of the text is treated."""
        around, separator = self._around, self._style.separator
        rest, below = around.rest.lstrip(), around.below.lstrip()
        if not around.closing:
            return "before" if self._in_list and rest.startswith(separator) else ""
        if self._style.opener or (around.here and around.opened[-1].char != "{"):
            return ""
        if rest:
            return "after" if rest.startswith(separator) else "before"
        return "before" if not below or below.startswith((*CLOSERS, separator)) else "after"


def forced_text_at(
    around: Surroundings, style: CodeStyle, lexical: LexicalRules, separated: bool = False
) -> ForcedText:
    """The forced-text rules for a place with these surroundings."""
    return ForcedText(
        lexical=lexical,
        style=style,
        head=around.head,
        nesting=around.nesting,
        opened=around.opened,
        unit=around.unit,
        colon=around.colon,
        separated=separated,
    )


def operand_due(head: str, style: CodeStyle, lexical: LexicalRules) -> bool:
    """Whether an expression is being written behind ``head``, the code left of the cursor."""
    bare = list(head)
    for mark in scan(head, lexical):
        if mark.kind == "string":
            bare[mark.start : mark.end] = "_" * (mark.end - mark.start)
    code = "".join(bare)
    words = _WORD.findall(code)
    if not words:
        return False
    last = _PARTIAL.sub("", code).rstrip()
    before = _WORD.findall(last)
    return (
        words[0] in style.operands
        or _ASSIGNMENT.search(code) is not None
        or _OPERATOR.search(last) is not None
        or (last[-1:].isalnum() and bool(before) and before[-1] in style.operands)
    )
