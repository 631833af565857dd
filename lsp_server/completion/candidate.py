"""A text on its way to the editor, for one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from lsp_server.completion.place import Place
from lsp_server.syntax.brackets import BracketMatcher
from lsp_server.syntax.lexer import Lexer

WORD: Final = re.compile(r"\w")


@dataclass(frozen=True)
class Candidate:
    """A text for a place, and how much of the rest of the line it replaces.

    ``taken`` is the number of characters replaced right of the place; ``fixed``: it must stay 0.
    ``prose``: brackets need not match here. ``old`` is the text of the region that is replaced.
    """

    place: Place
    text: str
    prose: bool = False
    fixed: bool = False
    old: str = ""
    taken: int = 0

    @property
    def left(self) -> str:
        """The part of the rest of the line that is not replaced."""
        return self.place.rest[self.taken :]

    @property
    def replaced(self) -> str:
        """The text that is replaced."""
        return self.old or self.place.rest[: self.taken]

    @cached_property
    def brackets(self) -> BracketMatcher:
        """The brackets of the text."""
        return self.place.match(self.text)

    def in_place(self, offset: int) -> bool:
        """Whether the text's brackets and strings before an offset are as where it begins.

        What follows there then means the same as what follows the text.
        """
        place, text = self.place, self.text[:offset]
        lexer, matcher = Lexer(place.lexical, place.nesting), BracketMatcher(nesting=place.nesting)
        for mark in lexer.scan(text, place.code):
            matcher.read(mark, text)
        return lexer.nesting == place.nesting and not matcher.opened and not matcher.closers
