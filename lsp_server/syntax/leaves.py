"""Leaf tokens of a syntax tree: brackets, strings, comments, and code inside strings."""

from __future__ import annotations

from typing import NamedTuple

import tree_sitter

from lsp_server.syntax.brackets import FARTHEST, LONGEST, Bracket, BracketMatcher
from lsp_server.syntax.languages import Language, LexicalRules
from lsp_server.syntax.lexer import Inside, Nesting, opened_by
from lsp_server.syntax.tree import SyntaxTree


class Leaves(NamedTuple):
    """Leaf tokens of a part of the tree: brackets, ranges of strings, comments, code in strings."""

    brackets: list[Bracket]
    texts: list[tuple[int, int, bool]]  # start, end, whether it is code inside a string

    def holds(self, offset: int) -> bool:
        """Whether a string or comment holds an offset."""
        return any(first < offset < last for first, last, is_code in self.texts if not is_code)


def find_leaves(tree: SyntaxTree, language: Language, start: int, end: int) -> Leaves:
    """The leaf tokens between two offsets."""
    captures = tree.captures(language.places, start, max(end, start + 1))
    brackets = [node for name in ("open", "close") for node in captures.get(name, [])]
    texts = [(node, False) for name in ("string", "comment") for node in captures.get(name, [])]
    texts += [(node, True) for node in captures.get("code", [])]
    nodes = [*brackets, *(node for node, _ in texts)]
    at = tree.offsets({place for node in nodes for place in (node.start_byte, node.end_byte)})
    begins = {node.start_byte for node, is_code in texts if is_code}
    return Leaves(
        sorted(
            (
                Bracket(tree.text, at[node.end_byte] - 1, node.start_byte in begins)
                for node in brackets
                if not node.is_missing
            ),
            key=lambda bracket: bracket.offset,
        ),
        sorted((at[node.start_byte], at[node.end_byte], is_code) for node, is_code in texts),
    )


def where_to_begin(
    leaves: Leaves, text: str, lexical: LexicalRules, line: int, start: int
) -> tuple[int, Nesting]:
    """Where the lexer should begin, and the strings, comments and code in which that place lies."""
    begin, nesting = line, list[Inside]()
    for first, last, is_code in leaves.texts:
        code = nesting[-1].interpolation if nesting else None
        if first < line < last and is_code and code:
            inner = (each.char for each in leaves.brackets if first <= each.offset < line)
            chars = "".join(inner)
            depth = chars.count(code.opener[-1]) - chars.count(code.closer) - 1
            nesting.append(Inside("code", code.closer, depth=depth))
        elif first < line < last:
            inside = None if is_code else opened_by(text[first:last], lexical)
            nesting = [*nesting, inside] if inside else []
        elif is_code and not nesting and line <= first < start < last and not leaves.holds(first):
            offsets = (each.offset for each in leaves.brackets if first <= each.offset < start)
            begin = next(offsets, first) + 1
    return begin, tuple(nesting)


def open_by_nodes(tree: SyntaxTree, language: Language, offset: int) -> list[Bracket]:
    """The brackets that are open at an offset, found in the nodes that contain it.

    Nodes that end before it have closed their brackets. Of a node with very many children, only
    those at its start and near the offset are read.
    """
    byte, matcher = tree.byte(offset), BracketMatcher()
    node = None if tree.root is None else tree.root.descendant_for_byte_range(byte, byte)
    nodes = []
    while node is not None:
        if node.parent is not None or node.is_error:  # a root holds statements, not brackets
            nodes.append(node)
        node = node.parent
    cursor, found = tree_sitter.QueryCursor(language.places), set()
    cursor.set_max_start_depth(1)
    for node in nodes:
        for start, stop in ((node.start_byte, node.start_byte + LONGEST), (byte - FARTHEST, byte)):
            cursor.set_byte_range(max(start, node.start_byte), min(stop, byte))
            captures = cursor.captures(node)
            tokens = captures.get("open", []) + captures.get("close", [])
            found |= {token.end_byte for token in tokens if not token.is_missing}
    at = tree.offsets(each for each in found if each <= byte)
    for each in sorted(at):
        matcher.take(Bracket(tree.text, at[each] - 1))
    return matcher.opened
