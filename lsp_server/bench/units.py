"""Units of code drawn from real files: what a person would write at one go, whose text is known."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import tree_sitter

from lsp_server.bench.holes import RealFile
from lsp_server.bench.nodes import CodeNodes, Pair, body_of
from lsp_server.positions import line_start, line_stop
from lsp_server.syntax.tree import SyntaxTree

UnitKind = Literal[
    "expression",
    "arguments",
    "argument",
    "statement",
    "block",
    "string",
    "interpolation",
    "comment",
]

_DRAWN: Final[tuple[tuple[UnitKind, int], ...]] = (
    ("expression", 6),
    ("arguments", 2),
    ("argument", 1),
    ("statement", 2),
    ("block", 2),
    ("string", 1),
    ("interpolation", 1),
    ("comment", 1),
)
"""How often each kind is drawn."""

_MOST_LINES: Final = 12
_TRIES: Final = 12  # per draw
_WIDEST: Final = 120  # average columns of a file that was written by hand
_OPENING_TAGS: Final = ("opening_element", "start_tag")
_WORDS: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit between two offsets of a file's text.

    ``whole`` is where the statement ends that it is in, or the header of that statement's body.
    ``closers`` are what an editor inserts right of ``start`` by itself, for the quote and brackets
    opened left of it on its line; "" where one text would not close them all: members of a
    collection are several texts, and a statement may end in a comment.
    """

    kind: UnitKind
    start: int
    end: int
    whole: int
    closers: str = ""

    def moved(self, by: int) -> Unit:
        """The same unit further down."""
        return Unit(self.kind, self.start + by, self.end + by, self.whole + by, self.closers)


class UnitFinder:
    """Draws units of one file."""

    def __init__(self, file: RealFile) -> None:
        self.file, self.text = file, file.text
        self.tree = SyntaxTree.parse(file.text, file.language)

    @property
    def usable(self) -> bool:
        """Whether the file parses without errors, and was written by hand."""
        root, lines = self.tree.root, self.text.count("\n") + 1
        return root is not None and not root.has_error and len(self.text) <= _WIDEST * lines

    def repeated(self, times: int) -> UnitFinder:
        """The file repeated below itself."""
        larger = UnitFinder(RealFile(self.file.path, self.text * times, self.file.language))
        larger.tree.errors()  # parsed now, so that no unit is charged with it
        return larger

    def draw(self, chance: random.Random) -> Unit | None:
        """A unit of a kind drawn at random; None if none is found in a few tries."""
        kinds, weights = zip(*_DRAWN, strict=True)
        (kind,) = chance.choices(kinds, weights)
        for _ in range(_TRIES):
            found = self._draw(kind, chance)
            if found and self._is_worth(*found):
                return self._unit(kind, *found)
        return None

    @cached_property
    def _nodes(self) -> CodeNodes:
        return CodeNodes(self.tree)

    def _is_worth(self, start: int, stop: int) -> bool:
        truth = self.text[start:stop]
        return bool(truth.strip()) and truth.count("\n") < _MOST_LINES

    def _unit(self, kind: UnitKind, start: int, stop: int) -> Unit:
        statement = self._statement(self._nodes.around(start))
        whole = stop
        if statement is not None:
            end = self._header_stop(statement, start) or self._stop(statement)
            whole = max(stop, end)
        return Unit(kind, start, stop, whole, self._closers(start, whole))

    def _closers(self, start: int, whole: int) -> str:
        first, right = line_start(self.text, start), self.text[whole : line_stop(self.text, whole)]
        around = [p for p in self._nodes.pairs if first < p.start <= start <= p.stop]
        several = any(p.closer != ")" and self._member_stop(p, start) < p.stop for p in around)
        if right.strip() or several or any(pair.stop >= whole for pair in around):
            return ""
        if self.text.count("\n", start, whole) >= _MOST_LINES:
            return ""
        string = self._nodes.string(start)
        quote = string.quote if string else ""
        return quote + "".join(pair.closer for pair in sorted(around, reverse=True))

    def _draw(self, kind: UnitKind, chance: random.Random) -> tuple[int, int] | None:
        nodes = self._nodes
        if kind in ("expression", "statement"):
            leaf = chance.choice(nodes.leaves) if nodes.leaves else None
            statement = self._statement(leaf)
            if leaf is None or statement is None:
                return None
            if kind == "statement":
                return self._whole_statement(statement)
            return self._rest_of_statement(statement, leaf, chance)
        if kind == "comment":
            return self._rest_of_words(nodes.comments, chance)
        if kind == "string":
            return self._rest_of_words([each[:2] for each in nodes.strings], chance)
        if kind == "block":
            return self._body(chance)
        return self._in_brackets(kind, chance)

    def _whole_statement(self, statement: tree_sitter.Node) -> tuple[int, int] | None:
        start, stop = self._nodes.at(statement.start_byte), self._stop(statement)
        alone = not self.text[stop : line_stop(self.text, stop)].strip()
        return (start, stop) if alone else None

    def _rest_of_statement(
        self, statement: tree_sitter.Node, leaf: tree_sitter.Node, chance: random.Random
    ) -> tuple[int, int] | None:
        """From a token to the bracket around it, or to the end of the statement or its header."""
        nodes, first = self._nodes, self._nodes.at(statement.start_byte)
        start, after = nodes.at(leaf.start_byte), nodes.at(leaf.end_byte)
        if _WORDS.fullmatch(self.text, start, after) and chance.random() < 0.5:
            start = after
        if start <= first or nodes.is_text(start):
            return None
        around = [p for p in nodes.pairs if first <= p.start <= start <= p.stop]
        if around:
            pair = max(around)
            stop = pair.stop if pair.closer == ")" else self._member_stop(pair, start)
            return start, nodes.before_space(start, stop)
        return start, self._header_stop(statement, start) or self._stop(statement)

    def _rest_of_words(
        self, texts: list[tuple[int, int]], chance: random.Random
    ) -> tuple[int, int] | None:
        """From the start or a word of a string or comment to its end, or the end of the line."""
        if not texts:
            return None
        first, stop = chance.choice(texts)
        words = [word.end() for word in _WORDS.finditer(self.text, first, stop)]
        start = chance.choice(words or [first])
        if texts is not self._nodes.comments and chance.random() < 0.3:
            start = first
        return start, self._nodes.before_space(start, min(stop, line_stop(self.text, start)))

    def _body(self, chance: random.Random) -> tuple[int, int] | None:
        """The body of a block, from the end of the line above it or from its first line."""
        if not self._nodes.bodies:
            return None
        start, stop = chance.choice(self._nodes.bodies)
        if chance.random() < 0.5:
            start += len(self.text[start:stop]) - len(self.text[start:stop].lstrip())
        return start, stop

    def _in_brackets(self, kind: UnitKind, chance: random.Random) -> tuple[int, int] | None:
        """All members between brackets, or one of them, or the rest of an interpolation."""
        interpolation = kind == "interpolation"
        among = [p for p in self._nodes.pairs if p.interpolates == interpolation]
        if kind == "argument":
            among = [pair for pair in among if pair.separators]
        if not among:
            return None
        pair = chance.choice(among)
        if kind == "argument":
            return self._member(pair, chance)
        start, stop = pair.start, self._nodes.before_space(pair.start, pair.stop)
        if self.text.startswith("\n", start):
            return None  # a body
        if interpolation:
            words = [word.end() for word in _WORDS.finditer(self.text, start, stop)]
            start = chance.choice([start, *words])
        return start, stop

    def _member_stop(self, pair: Pair, start: int) -> int:
        return min((each for each in pair.separators if each >= start), default=pair.stop)

    def _member(self, pair: Pair, chance: random.Random) -> tuple[int, int]:
        index = chance.randrange(len(pair.separators))
        start = pair.separators[index - 1] + 1 if index else pair.start
        start += len(self.text[start : pair.stop]) - len(self.text[start : pair.stop].lstrip())
        return start, pair.separators[index]

    def _statement(self, node: tree_sitter.Node | None) -> tree_sitter.Node | None:
        """The largest node around one that begins a line as a member of a sequence of lines."""
        found: tree_sitter.Node | None = None
        while node is not None and node.parent is not None:
            if found is not None and (
                node.start_byte < found.start_byte or self._is_member(found) or body_of(found)
            ):
                break
            if node.is_named and self._begins_line(node):
                found = node
            node = node.parent
        return found

    def _is_member(self, node: tree_sitter.Node) -> bool:
        """Whether another node begins a line at the same column behind a node."""
        after = node.next_named_sibling
        if after is None or after.start_point.column != node.start_point.column:
            return False
        return self._begins_line(after) and self.text[self._nodes.at(after.start_byte)] not in "{(["

    def _begins_line(self, node: tree_sitter.Node) -> bool:
        start = self._nodes.at(node.start_byte)
        return not self.text[line_start(self.text, start) : start].strip()

    def _stop(self, statement: tree_sitter.Node) -> int:
        """Where a statement ends, with its terminator or separator."""
        start, stop = self._nodes.at(statement.start_byte), self._nodes.at(statement.end_byte)
        stop = self._nodes.before_space(start, stop)
        return stop + (self.text[stop : stop + 1] in (";", ","))

    def _header_stop(self, statement: tree_sitter.Node, start: int) -> int | None:
        """Where the header of a statement's body ends, if that is behind ``start``."""
        tag = self._nodes.at(statement.children[0].end_byte) if statement.children else 0
        if start < tag and statement.children[0].type.endswith(_OPENING_TAGS):
            return tag
        body = body_of(statement)
        if body is None or self._nodes.at(body.start_byte) < start:
            return None
        first = self._nodes.at(body.start_byte)
        if self.text[first] == "{":
            return first + 1
        stop = self._nodes.before_space(start, first)
        for comment, end in reversed(self._nodes.comments):
            if end == stop:
                stop = self._nodes.before_space(start, comment)
        return stop if "\n" in self.text[stop:first] and stop > start else None
