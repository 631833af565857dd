"""Syntax trees of a document's successive texts, parsed lazily and incrementally.

A tree is immutable. It is parsed on the thread that first uses it, incrementally from the last
parsed tree of the same document. Texts without a grammar, and texts too long to parse, have a tree
without nodes; spans then go by lines.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import tree_sitter

from lsp_server.positions import find_difference
from lsp_server.syntax.languages import Language

LIMIT: Final = 1_000_000
"""Longer texts, in characters, are not parsed: this many take a third of a second."""

LONGEST_LINE: Final = 50_000
"""Texts with a longer line are not parsed, either: they are data or minified, and take longer."""

CHUNK: Final = 1 << 16
"""Bytes that the parser reads at a time."""

KNOWN_APART: Final = 512
"""Code points whose bytes are remembered are at least this far from each other."""

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
    known: list[tuple[int, int]] = field(default_factory=list)
    """Code points and the bytes that they start at, in order: those that were asked for."""


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

    def byte(self, offset: int) -> int:
        """The byte at which a code point starts."""
        parsed = self._look()
        if len(parsed.data) == len(self._text):
            return offset
        return self._locate(parsed, offset, 0)[1]

    def offsets(self, places: Iterable[int]) -> dict[int, int]:
        """The code points that start at some bytes, by byte."""
        parsed = self._look()
        if len(parsed.data) == len(self._text):
            return {place: place for place in places}
        return {place: self._locate(parsed, place, 1)[0] for place in sorted(places)}

    def _locate(self, parsed: _Parsed, at: int, unit: int) -> tuple[int, int]:
        """A code point and its byte, given the code point (unit 0) or the byte (unit 1).

        Counted from the nearest one known, because requests stay near the cursor.
        """
        known = parsed.known or [(0, 0)]
        index = bisect_left(known, at, key=lambda pair: pair[unit])
        around = known[max(0, index - 1) : index + 1]
        offset, byte = min(around, key=lambda pair: abs(pair[unit] - at))
        distance = at - (offset, byte)[unit]
        if unit == 0:
            first, last = sorted((offset, at))
            step = len(encode(self._text[first:last]))
            found = at, byte + (step if distance > 0 else -step)
        else:
            first, last = sorted((byte, at))
            step = len(parsed.data[first:last].decode())
            found = offset + (step if distance > 0 else -step), at
        if abs(distance) > KNOWN_APART:
            insort(parsed.known, found)
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
        if self._language is None or len(self._text) > LIMIT or _has_long_line(self._text):
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
        row = data.count(b"\n", 0, first)
        old.edit(
            start_byte=first,
            old_end_byte=old_last,
            new_end_byte=new_last,
            start_point=_point(data, first, row),
            old_end_point=_point(
                before.data, old_last, row + before.data.count(b"\n", first, old_last)
            ),
            new_end_point=_point(data, new_last, row + data.count(b"\n", first, new_last)),
        )
        return _Parsed(data, _parse(data, self._language, old), [(0, 0), (start, first)])


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


def _has_long_line(text: str) -> bool:
    """Whether a line is longer than ``LONGEST_LINE``; reads little of the text."""
    start = 0
    while len(text) - start > LONGEST_LINE:
        start = text.rfind("\n", start, start + LONGEST_LINE + 1) + 1
        if not start:
            return True
    return False


def _point(data: bytes, byte: int, row: int) -> tree_sitter.Point:
    return tree_sitter.Point(row, byte - (data.rfind(b"\n", 0, byte) + 1))
