"""Syntax trees of a document's successive texts, parsed lazily and incrementally.

A tree is immutable. It is parsed on the thread that first uses it, incrementally from the last
parsed tree of the same document. Texts without a grammar, and texts too long to parse, have a tree
without nodes; spans then go by lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Final

import tree_sitter

from lsp_server.positions import find_difference
from lsp_server.syntax.languages import Language

LIMIT: Final = 1_000_000
"""Longer texts, in characters, are not parsed: this many take a third of a second."""

CHUNK: Final = 1 << 16
"""Bytes that the parser reads at a time."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class Trees:
    """Creates the trees of one document, each parsed from the last parsed one. Thread-safe."""

    def __init__(self, language: Language | None, last: SyntaxTree | None = None) -> None:
        """``language`` is None without a grammar; ``last`` is a parsed tree to start from."""
        self.language = language
        self.last = last

    def of(self, text: str) -> SyntaxTree:
        """The tree of a text, parsed when it is first used."""
        return SyntaxTree(text, self)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A text's bytes and tree; the tree is None without a grammar."""

    data: bytes
    tree: tree_sitter.Tree | None


class SyntaxTree:
    """A text and its syntax tree. Offsets are code points of ``text``; nodes count bytes."""

    __slots__ = ("_language", "_lock", "_parsed", "_text", "_trees")

    def __init__(self, text: str, trees: Trees) -> None:
        self._text, self._language = text, trees.language
        self._trees: Trees | None = trees  # until it is parsed
        self._parsed: _Parsed | None = None
        self._lock = Lock()

    @classmethod
    def parse(cls, text: str, language: Language | None) -> SyntaxTree:
        """The tree of a text by itself; ``None`` is a language without a grammar."""
        return Trees(language).of(text)

    def edit(self, start: int, end: int, new_text: str) -> SyntaxTree:
        """The tree after ``new_text`` has replaced the text between two offsets.

        Offsets outside the text are moved inside; swapped ones are put in order.
        """
        start = min(max(start, 0), len(self._text))
        end = min(max(end, start), len(self._text))
        trees = self._trees
        last = self if trees is None else trees.last
        return Trees(self._language, last).of(self._text[:start] + new_text + self._text[end:])

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
        tree = self._look().tree
        return tree.root_node if tree else None

    def errors(self) -> int:
        """The number of error nodes, and of missing tokens that the parser added."""
        root = self.root
        if self._language is None or root is None or not root.has_error:
            return 0
        return len(self._language.find_errors(root))

    def captures(self, query: tree_sitter.Query, start: int, end: int) -> Captures:
        """What a query captures between two offsets, by the captures' names."""
        root = self.root
        if root is None:
            return {}
        cursor = tree_sitter.QueryCursor(query)
        cursor.set_byte_range(self.byte(start), self.byte(end))
        return cursor.captures(root)

    @property
    def _is_ascii(self) -> bool:
        return len(self._look().data) == len(self._text)

    def byte(self, offset: int) -> int:
        """The byte at which a code point starts."""
        if self._is_ascii:
            return offset
        return len(encode(self._text[:offset]))

    def offsets(self, places: Iterable[int]) -> dict[int, int]:
        """The code points that start at some bytes, by byte."""
        data, ascii_only = self._look().data, self._is_ascii
        found: dict[int, int] = {}
        byte = offset = 0
        for place in sorted(places):
            offset += place - byte if ascii_only else len(data[byte:place].decode())
            byte = place
            found[place] = offset
        return found

    def _look(self) -> _Parsed:
        """The text parsed, now if it was not yet."""
        with self._lock:
            if self._parsed is None:
                assert self._trees is not None
                last, self._trees.last = self._trees.last, None  # in case parsing fails
                self._parsed = self._parse(last)
                self._trees.last, self._trees = self, None
            return self._parsed

    def _parse(self, last: SyntaxTree | None) -> _Parsed:
        if self._language is None or len(self._text) > LIMIT:
            return _Parsed(encode(self._text), None)
        if last is None:
            data = encode(self._text)
            return _Parsed(data, _parse(data, self._language))
        before = last._look()
        if last._text == self._text:
            return before
        data = encode(self._text)
        if before.tree is None:
            return _Parsed(data, _parse(data, self._language))
        start, old_end, new_end = find_difference(last._text, self._text)
        first = last.byte(start)
        old_last = first + len(encode(last._text[start:old_end]))
        new_last = first + len(encode(self._text[start:new_end]))
        old = before.tree.copy()
        old.edit(
            start_byte=first,
            old_end_byte=old_last,
            new_end_byte=new_last,
            start_point=_point(before.data, first),
            old_end_point=_point(before.data, old_last),
            new_end_point=_point(data, new_last),
        )
        return _Parsed(data, _parse(data, self._language, old))


Captures = dict[str, list[tree_sitter.Node]]


def encode(text: str) -> bytes:
    """UTF-8; a lone surrogate becomes U+FFFD, which has the same number of bytes."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text).encode()


def _parse(
    data: bytes, language: Language, old: tree_sitter.Tree | None = None
) -> tree_sitter.Tree:
    """Parse without blocking other threads.

    The parser holds the GIL except while it calls Python code: to read more bytes and, several
    times per millisecond, to report progress.
    """

    def read(byte: int, point: tree_sitter.Point) -> bytes:
        return data[byte : byte + CHUNK]

    parser = tree_sitter.Parser(language.grammar)
    if old is None:
        return parser.parse(read, progress_callback=_go_on)
    return parser.parse(read, old, progress_callback=_go_on)


def _go_on(byte: int, has_error: bool) -> bool:
    """Whether to stop parsing."""
    return False


def _point(data: bytes, byte: int) -> tree_sitter.Point:
    row = data.count(b"\n", 0, byte)
    return tree_sitter.Point(row, byte - (data.rfind(b"\n", 0, byte) + 1))
