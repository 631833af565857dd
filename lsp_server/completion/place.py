r"""A place in a document, a cursor or a region, with the text before, right of and below it.

Here, and wherever the model's text is handled, lines end with ``\n``; the document's own line
breaks are restored in the completion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from lsp_server.positions import LINE_END, clamp, line_start, line_stop
from lsp_server.syntax.brackets import LONGEST, BracketMatcher, match_brackets
from lsp_server.syntax.enclosures import closes_only
from lsp_server.syntax.languages import Language, LexicalRules, lexical_rules_for
from lsp_server.syntax.lexer import GENERIC, Inside, Nesting, innermost, nesting_after
from lsp_server.syntax.surroundings import Surroundings, code_of, look_around
from lsp_server.syntax.tree import SyntaxTree

NEAR: Final = 10_000
"""Characters before and after a place that a text for it is compared with."""

_FAR: Final = NEAR
"""Characters before a place that are searched for open brackets if there is no tree."""

_OUTERMOST: Final = re.compile(r"^(?=\S)", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    r"""A document around ``start`` and ``end``, which are equal for a cursor.

    ``rest`` is the text right of the end on its line. ``below`` is everything after that: it
    starts with ``\n``, or is empty on the last line. ``nesting`` are the strings, comments and code
    in strings in which the place lies, ``around`` the facts from the syntax tree, if there is one.
    ``start`` and ``end`` are its offsets in ``tree``.
    """

    before: str
    rest: str
    below: str
    lexical: LexicalRules = GENERIC
    nesting: Nesting = ()
    around: Surroundings | None = field(default=None, repr=False)
    tree: SyntaxTree | None = field(default=None, repr=False)
    start: int = 0
    end: int = 0

    @classmethod
    def of(cls, tree: SyntaxTree, start: int, end: int, language_id: str = "") -> Place:
        """The place between two offsets of a tree's text.

        ``language_id`` says which are the comments and strings of a text without a grammar.
        """
        text, language = tree.text, tree.language
        stop = line_stop(text, end)
        before, rest, below = newlines(text[:start]), text[end:stop], newlines(text[stop:])
        if language is not None:
            lexical = language.lexical
        else:
            lexical = lexical_rules_for(language_id) or GENERIC
        around = look_around(tree, start, end)
        if around is not None:
            return cls(before, rest, below, lexical, around.nesting, around, tree, start, end)
        line = text[max(line_start(text, start), start - NEAR) : start]
        nesting = nesting_after(line, lexical)
        return cls(before, rest, below, lexical, nesting, None, tree, start, end)

    @property
    def inside(self) -> Inside | None:
        """The string or comment in which the place lies."""
        return innermost(self.nesting)

    @property
    def language(self) -> Language | None:
        """The language whose grammar describes the text, if there is one."""
        return self.tree.language if self.tree and self.around else None

    @cached_property
    def code(self) -> str:
        """The code left of it on its line."""
        return code_of(self.line, self.lexical)

    @property
    def line(self) -> str:
        """The part of the place's line left of it; of a very long line, its end."""
        size = len(self.before)
        return self.before[max(self.before.rfind("\n") + 1, size - LONGEST) :]

    @cached_property
    def opened(self) -> str:
        """The brackets that are open here, outermost first.

        Without a tree, the search starts at a line without indentation, which is most likely
        outside strings and comments.
        """
        if self.around is not None:
            return self.around.unclosed
        start = 0
        if len(self.before) > _FAR:
            outermost = _OUTERMOST.search(self.before, len(self.before) - _FAR)
            start = outermost.start() if outermost else len(self.before) - _FAR
        matcher = match_brackets(self.before[start:], self.lexical)
        return "".join(bracket.char for bracket in matcher.opened)

    @property
    def behind(self) -> str:
        """The text right of the place and below it that a text for it is compared with."""
        return (self.rest + self.below[:NEAR])[:NEAR]

    def match(self, text: str) -> BracketMatcher:
        """The brackets of a text inserted here."""
        return match_brackets(text, self.lexical, self.nesting, self.code)

    @property
    def closing(self) -> bool:
        """Whether the rest of the line has only closing marks, as editors insert automatically.

        Such a rest is hidden from the model, which writes it again.
        """
        return closes_only(self.rest, self.nesting)

    @property
    def after_cursor(self) -> str:
        """The text after a cursor that the model is shown; unchanged while a line is typed."""
        return self.below if self.closing else self.rest + self.below

    @property
    def after_region(self) -> str:
        """The text after a region that the model is shown."""
        return self.rest + self.below if self.rest.strip() else self.below


def trim_region(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of a selection to be replaced; ``start`` and ``end`` may be swapped or outside.

    Leading blank lines, the indentation of the first line and the line breaks after the last one
    are kept, so that whole lines are replaced by whole lines. A blank selection becomes a cursor.
    """
    start, end = sorted((clamp(text, start), clamp(text, end)))
    selection = text[start:end]
    body = selection.strip()
    lead = selection[: len(selection) - len(selection.lstrip())]
    trail = selection[len(selection.rstrip()) :]
    if not body:
        blank = re.match(r"[ \t]*", selection)
        start += blank.end() if blank else 0
        return start, start
    if LINE_END.search(lead) or not text[line_start(text, start) : start].strip():
        start += len(lead)
    if LINE_END.search(trail):
        end -= len(trail)
    return start, end


def newlines(text: str) -> str:
    r"""The text with ``\n`` for every line break."""
    return text if "\r" not in text else text.replace("\r\n", "\n").replace("\r", "\n")


def line_break(text: str, offset: int) -> str:
    r"""The line break to use at an offset: the last before, else the first after, else ``\n``."""
    last = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset))
    if last >= 0:
        return "\r\n" if text[last - 1 : last + 1] == "\r\n" and last else text[last]
    first = LINE_END.search(text, offset)
    return first.group() if first else "\n"
