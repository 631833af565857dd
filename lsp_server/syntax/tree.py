"""Syntax trees that follow a text through its edits.

A tree never changes; an edit gives a new one and parses only what the edit touched. Texts without
a grammar, and texts too long to parse at once, have a tree with no nodes: whoever reads it goes by
lines. Knows nothing of cursors and spans.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import tree_sitter

from lsp_server.syntax.languages import Language

LIMIT: Final = 1_000_000
"""Characters beyond which a text is not parsed: parsing holds the interpreter's lock."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class SyntaxTree:
    """A text and its syntax tree. Offsets are code points of ``text``; nodes count bytes."""

    __slots__ = ("_data", "_language", "_text", "_tree")

    def __init__(
        self, text: str, data: bytes, language: Language | None, tree: tree_sitter.Tree | None
    ) -> None:
        self._text, self._data, self._language, self._tree = text, data, language, tree

    @classmethod
    def parse(cls, text: str, language: Language | None) -> SyntaxTree:
        """Parse a text from scratch; ``None`` is a language without a grammar."""
        data = encode(text)
        if language is None or len(text) > LIMIT:
            return cls(text, data, language, None)
        return cls(text, data, language, tree_sitter.Parser(language.grammar).parse(data))

    def edit(self, start: int, end: int, new_text: str) -> SyntaxTree:
        """The tree after ``new_text`` took the place of the text between two offsets.

        Offsets outside the text, or in the wrong order, are moved inside it.
        """
        start = min(max(start, 0), len(self._text))
        end = min(max(end, start), len(self._text))
        text = self._text[:start] + new_text + self._text[end:]
        if self._language is None or self._tree is None or len(text) > LIMIT:
            return SyntaxTree.parse(text, self._language)
        first = self.byte(start)
        last = first + len(encode(self._text[start:end]))
        middle = encode(new_text)
        data = self._data[:first] + middle + self._data[last:]
        old = self._tree.copy()
        old.edit(
            start_byte=first,
            old_end_byte=last,
            new_end_byte=first + len(middle),
            start_point=_point(self._data, first),
            old_end_point=_point(self._data, last),
            new_end_point=_point(data, first + len(middle)),
        )
        tree = tree_sitter.Parser(self._language.grammar).parse(data, old)
        return SyntaxTree(text, data, self._language, tree)

    @property
    def text(self) -> str:
        """The text."""
        return self._text

    @property
    def language(self) -> Language | None:
        """Its language, or None for one without a grammar."""
        return self._language

    @property
    def root(self) -> tree_sitter.Node | None:
        """The root node, or None where there is no grammar or the text is too long."""
        return self._tree.root_node if self._tree else None

    def errors(self) -> int:
        """How many nodes are errors, or tokens that the parser had to add."""
        root = self.root
        if self._language is None or root is None or not root.has_error:
            return 0
        return len(self._language.find_errors(root))

    def captures(self, query: tree_sitter.Query, start: int, end: int) -> Captures:
        """What a query captures between two offsets, by the captures' names."""
        if self._tree is None:
            return {}
        cursor = tree_sitter.QueryCursor(query)
        cursor.set_byte_range(self.byte(start), self.byte(end))
        return cursor.captures(self._tree.root_node)

    @property
    def _is_ascii(self) -> bool:
        return len(self._data) == len(self._text)

    def byte(self, offset: int) -> int:
        """The byte at which a code point starts."""
        if self._is_ascii:
            return offset
        return len(encode(self._text[:offset]))

    def offsets(self, places: Iterable[int]) -> dict[int, int]:
        """The code points that start at some bytes, by byte."""
        found: dict[int, int] = {}
        byte = offset = 0
        for place in sorted(places):
            offset += place - byte if self._is_ascii else len(self._data[byte:place].decode())
            byte = place
            found[place] = offset
        return found


Captures = dict[str, list[tree_sitter.Node]]


def encode(text: str) -> bytes:
    """UTF-8; half a surrogate pair becomes U+FFFD, which has as many bytes."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text).encode()


def _point(data: bytes, byte: int) -> tree_sitter.Point:
    row = data.count(b"\n", 0, byte)
    return tree_sitter.Point(row, byte - (data.rfind(b"\n", 0, byte) + 1))
