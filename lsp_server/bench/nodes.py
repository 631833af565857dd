"""The nodes of a file that units are made of: brackets, strings, comments, bodies, tokens.

Found in the grammar's own nodes, by their types, fields and characters, and not with the queries in
``grammars/``, so that the data being measured does not decide where it is measured.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

import tree_sitter

from lsp_server.syntax.tree import SyntaxTree

_QUOTED: Final = re.compile(r"""[a-zA-Z@$]{0,3}("{3}|'{3}|["'`])""")
_STRINGS: Final = ("string", "char", "scalar", "attribute_value")  # in the types of literals
_BODIES: Final = ("body", "consequence", "block")
_PARTNER: Final = {"(": ")", "[": "]", "{": "}"}


class Pair(NamedTuple):
    """Where the text between two brackets of one node starts and stops."""

    start: int
    stop: int
    closer: str
    interpolates: bool  # inside a string
    separators: tuple[int, ...]  # between its members


class Quoted(NamedTuple):
    """Where the content of a string of one line starts and stops; it has no code in it."""

    start: int
    stop: int
    quote: str


class CodeNodes:
    """What a tree consists of, in order; offsets are code points."""

    def __init__(self, tree: SyntaxTree) -> None:
        self.tree, self.text = tree, tree.text
        self._bytes = [0]  # where code points start; not filled where they are bytes
        if not self.text.isascii():
            for char in self.text:
                self._bytes.append(self._bytes[-1] + len(char.encode()))
        self.leaves: list[tree_sitter.Node] = []
        self.pairs: list[Pair] = []
        self.strings: list[Quoted] = []
        self.comments: list[tuple[int, int]] = []
        self.bodies: list[tuple[int, int]] = []
        """Bodies of blocks, from the end of the line above them."""
        self._covered: list[tuple[int, int]] = []  # strings, quotes included
        stack = [] if tree.root is None else [(tree.root, False)]
        while stack:
            node, in_string = stack.pop()
            in_string = self._add(node, in_string)
            if not self._is_comment(node):
                stack.extend((child, in_string) for child in node.children)
        for pair in self.pairs:
            if pair.closer == "}" and self.text.startswith("\n", pair.start):
                self._add_body(pair.start, pair.stop)
        for each in (self.pairs, self.strings, self.comments, self.bodies):
            each.sort()

    def at(self, byte: int) -> int:
        """The code point that starts at a byte."""
        return byte if len(self._bytes) == 1 else bisect_right(self._bytes, byte) - 1

    def around(self, offset: int) -> tree_sitter.Node | None:
        """The smallest node around an offset."""
        byte = offset if len(self._bytes) == 1 else self._bytes[offset]
        return self.tree.root and self.tree.root.descendant_for_byte_range(byte, byte)

    def is_text(self, offset: int) -> bool:
        """Whether an offset lies in a string or comment."""
        return any(start < offset < stop for start, stop in self._covered) or any(
            start < offset <= stop for start, stop in self.comments
        )

    def string(self, offset: int) -> Quoted | None:
        """The string around an offset."""
        return next((each for each in self.strings if each.start <= offset <= each.stop), None)

    def before_space(self, start: int, stop: int) -> int:
        """Where the text between two offsets ends, white space aside."""
        return start + len(self.text[start:stop].rstrip())

    def _add(self, node: tree_sitter.Node, in_string: bool) -> bool:
        """Sort a node in; returns whether its children are in a string."""
        first, last = self.at(node.start_byte), self.at(node.end_byte)
        if self._is_comment(node):
            self.comments.append((first, last - 2 * self.text.endswith("*/", first, last)))
            return in_string
        if any(word in node.type for word in _STRINGS):
            quoted = _QUOTED.match(self.text, first, last)
            if quoted and self.text.endswith(quoted[1], quoted.end(), last):
                in_string = True
                self._covered.append((first, last))
                coded = any(child.child_count for child in node.named_children)
                if not coded and "\n" not in self.text[first:last]:
                    self.strings.append(Quoted(quoted.end(), last - len(quoted[1]), quoted[1]))
        if not node.child_count:
            self.leaves += [node] if first < last else []
            return in_string
        self.pairs.extend(self._pairs_of(node, in_string))
        body = body_of(node)
        if body is not None:
            start, stop = self.at(body.start_byte), self.at(body.end_byte)
            head = self.before_space(0, start)
            if "\n" in self.text[head:start] and self.text[start] != "{":
                self._add_body(head, stop)
        return in_string

    def _add_body(self, start: int, stop: int) -> None:
        if self.text[start:stop].strip():
            self.bodies.append((start, self.before_space(start, stop)))

    def _is_comment(self, node: tree_sitter.Node) -> bool:
        return node.is_named and "comment" in node.type

    def _pairs_of(self, node: tree_sitter.Node, in_string: bool) -> Iterator[Pair]:
        opened: list[tuple[tree_sitter.Node, list[int]]] = []
        for child in node.children:
            if child.is_named or child.is_missing:
                continue
            if child.type[-1:] in _PARTNER:
                opened.append((child, []))
            elif child.type in (",", ";") and opened:
                opened[-1][1].append(self.at(child.start_byte))
            elif opened and child.type == _PARTNER[opened[-1][0].type[-1]]:
                opener, commas = opened.pop()
                start, stop = self.at(opener.end_byte), self.at(child.start_byte)
                yield Pair(start, stop, child.type, in_string, tuple(commas))


def body_of(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """The body, on lines of its own, of a statement or of the declaration that it ends with."""
    for field in _BODIES:
        body = node.child_by_field_name(field)
        if body is not None and body.end_point.row > node.start_point.row:
            return body
    last = node.named_children[-1] if node.named_child_count else None
    if last is not None and last.type.endswith(("declaration", "definition")):
        return body_of(last)
    return None
