"""The surroundings of a place: facts from the syntax tree and the text around it.

Unfinished code around a cursor is the normal case. If the tree has no errors near the place, its
leaf tokens tell which brackets are open above the line, and the lexer reads the line itself. If
it has errors, the lexer reads from the start of the outermost statement, and indentation decides
which brackets can still be open. Only a bounded part of the document is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import tree_sitter

from lsp_server.positions import line_start, line_stop
from lsp_server.syntax.brackets import (
    CLOSERS,
    FARTHEST,
    LONGEST,
    REACH,
    Bracket,
    BracketMatcher,
    count_closed,
    count_dangling,
    leave_by_indentation,
)
from lsp_server.syntax.languages import CodeStyle, Language, LexicalRules
from lsp_server.syntax.lexer import PARTNER, Inside, Mark, inside_after, opened_by, scan
from lsp_server.syntax.lines import filled, indent_of, lines_above, lines_below
from lsp_server.syntax.tree import SyntaxTree

_OPENS: Final = re.compile(r"[\w(\[{]")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Facts about a place: a cursor, or a region between two offsets."""

    head: str  # left of it, on its line
    rest: str  # right of it, on its line
    above: str  # code of the nearest line above that has any; not of a documentation string
    below: str  # nearest line below that is not blank
    second: str  # the one after that
    inside: Inside | None  # the string or comment it lies in
    opened: tuple[Bracket, ...]  # open there, as far as indentation allows; outermost first
    unclosed: str  # all brackets that nothing before it closes, whatever the indentation
    closed_by_rest: int  # innermost of these that the rest of the line closes
    dangling: int  # innermost of the others that nothing below closes
    unit: str  # one level of indentation
    colon: str  # the text between a key and its value
    empty: bool  # nothing between it and the innermost open bracket
    here: bool  # the innermost open bracket is on its line
    clean: bool  # no syntax errors around it

    @property
    def closing(self) -> bool:
        """Whether the rest of the line has only closing marks, as editors insert automatically."""
        return closes_only(self.rest, self.inside)


def closes_only(rest: str, inside: Inside | None) -> bool:
    """Whether a rest of a line has only closing marks: no words, nothing opened."""
    if _OPENS.search(rest):
        return False
    return inside is not None or rest.lstrip()[:1] not in ("'", '"', "`")


def look_around(tree: SyntaxTree, start: int, end: int) -> Surroundings | None:
    """The facts about the place between two offsets of a tree's text; None without a grammar."""
    text, language = tree.text, tree.language
    if language is None or tree.root is None:
        return None
    line, lexical = line_start(text, start), language.lexical
    top = max(_top(text, line), start - FARTHEST)
    bottom = min(_bottom(text, line_stop(text, end)), end + FARTHEST)
    clean = not tree.captures(language.errors, top, bottom)
    leaves = _leaves(tree, language, top, start)
    first = max(line, start - LONGEST) if clean else top
    begin, outer = _where_to_begin(leaves, text, lexical, first, start)
    marks = list(scan(text[begin:start], lexical, outer))
    tokens = [at for at, _ in leaves.brackets if at < start]
    above = [at for at in tokens if at < begin]
    opened = _follow([], text, above, marks, begin, None if clean else language.style)
    if clean:
        unclosed = _follow(_open_by_nodes(tree, language, top), text, tokens)
    else:
        unclosed = _follow(_open_by_nodes(tree, language, begin), text, [], marks, begin)
    head = text[max(line, start - LONGEST) : start]
    if not clean and filled(head):
        leave_by_indentation(opened, language.style, line, head)
    inside = inside_after(text[begin:start], marks, lexical, outer)
    rest = text[end : min(line_stop(text, end), end + LONGEST)]
    closed = 0
    if closes_only(rest, inside):
        closed = count_closed(rest, opened, lexical, inside)
        end = line_stop(text, end)
    below, second = _lines_below(text, end)
    return Surroundings(
        head=head,
        rest=rest,
        above=_code_above(tree, language, line),
        below=below,
        second=second,
        inside=inside,
        opened=tuple(opened),
        unclosed="".join(bracket.char for bracket in unclosed),
        closed_by_rest=closed,
        dangling=0 if clean else count_dangling(text, end, opened, closed, language),
        unit=_unit(text, line) or language.style.unit,
        colon=_colon(text, line),
        empty=bool(opened) and not filled(text[opened[-1].offset + 1 : start]),
        here=bool(opened) and opened[-1].offset >= line,
        clean=clean,
    )


class _Leaves(NamedTuple):
    """Leaf tokens of a part of the tree: brackets, ranges of strings, comments, code in strings."""

    brackets: list[tuple[int, str]]
    texts: list[tuple[int, int, bool]]  # start, end, whether it is code inside a string


def _leaves(tree: SyntaxTree, language: Language, start: int, end: int) -> _Leaves:
    captures = tree.captures(language.places, start, max(end, start + 1))
    brackets = [node for name in ("open", "close") for node in captures.get(name, [])]
    texts = [(node, False) for name in ("string", "comment") for node in captures.get(name, [])]
    texts += [(node, True) for node in captures.get("code", [])]
    nodes = [*brackets, *(node for node, _ in texts)]
    at = tree.offsets({place for node in nodes for place in (node.start_byte, node.end_byte)})
    return _Leaves(
        sorted((at[node.end_byte] - 1, node.type[-1]) for node in brackets if not node.is_missing),
        sorted((at[node.start_byte], at[node.end_byte], is_code) for node, is_code in texts),
    )


def _top(text: str, line: int) -> int:
    """Where the outermost statement around a line begins, judged by indentation."""
    if not _indented(text, line, line_stop(text, line)):
        return line
    top = line
    for top, end in lines_above(text, line, REACH):
        if not _indented(text, top, end):
            break
    return top


def _bottom(text: str, end: int) -> int:
    """Where that statement ends, judged by indentation."""
    bottom = end
    for start, stop in lines_below(text, end, REACH):
        bottom = stop
        if not _indented(text, start, stop):
            break
    return bottom


def _indented(text: str, start: int, end: int) -> bool:
    """Whether a line is blank, indented, or closes something."""
    return start == end or text[start].isspace() or text[start] in CLOSERS


def _where_to_begin(
    leaves: _Leaves, text: str, lexical: LexicalRules, line: int, start: int
) -> tuple[int, Inside | None]:
    """Where the lexer should begin, and the string or comment in which that place lies."""
    begin, outer = line, None
    for first, last, is_code in leaves.texts:
        if first < line < last:
            outer = None if is_code else opened_by(text[first:last], lexical)
        elif is_code and line <= first < start < last:
            inner = (at for at, char in leaves.brackets if first <= at < start and char in PARTNER)
            begin, outer = next(inner, first) + 1, None
    return begin, outer


def _follow(
    opened: Sequence[Bracket],
    text: str,
    tokens: Sequence[int],
    marks: Sequence[Mark] = (),
    begin: int = 0,
    style: CodeStyle | None = None,
) -> list[Bracket]:
    """The brackets open after the tree's tokens and then the lexer's marks.

    With a style, indentation closes brackets, too.
    """
    matcher = BracketMatcher(opened)
    for at in tokens:
        matcher.take(Bracket(text, at))
    for mark in marks:
        if mark.kind == "line" and style:
            line = text[begin + mark.end : line_stop(text, begin + mark.end)]
            leave_by_indentation(matcher.opened, style, begin + mark.start, line)
        matcher.read(mark, text, begin)
    return matcher.opened


def _open_by_nodes(tree: SyntaxTree, language: Language, offset: int) -> list[Bracket]:
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


def _code_above(tree: SyntaxTree, language: Language, line: int) -> str:
    """The nearest line above that has code, without its comment; skips a documentation string."""
    text = tree.text
    for start, end in lines_above(text, line, REACH):
        if end - start > LONGEST:
            return text[end - LONGEST : end]
        code = code_of(text[start:end], language.lexical)
        if not code:
            continue
        if language.style.braces or code[-1] not in "\"'":
            return code
        string = _string_statement(tree, language, start + len(code) - 1)
        return code if string is None else _code_above(tree, language, string)
    return ""


def _string_statement(tree: SyntaxTree, language: Language, offset: int) -> int | None:
    """Start of the line on which a string begins that ends at an offset and stands alone."""
    captures = tree.captures(language.places, offset, offset + 1)
    for node in captures.get("string", []):
        at = tree.offsets({node.start_byte, node.end_byte})
        start = line_start(tree.text, at[node.start_byte])
        if at[node.end_byte] == offset + 1 and not filled(tree.text[start : at[node.start_byte]]):
            return start
    return None


def code_of(line: str, lexical: LexicalRules) -> str:
    """A line without its trailing comments and white space."""
    end = len(line)
    for mark in reversed(list(scan(line, lexical))):
        if mark.kind != "comment" or filled(line[mark.end : end]):
            break
        end = mark.start
    return line[:end].rstrip()


def _lines_below(text: str, end: int) -> tuple[str, str]:
    """The nearest two lines below that are not blank."""
    below = lines_below(text, line_stop(text, end), REACH)
    lines = (text[a : min(b, a + LONGEST)] for a, b in below if filled(text[a:b]))
    return next(lines, ""), next(lines, "")


def _unit(text: str, line: int) -> str:
    """One level of indentation: the extra indentation of the nearest line over the one above."""
    below = indent_of(text[line : line_stop(text, line)])
    for start, end in lines_above(text, line, REACH):
        if end - start > LONGEST or not filled(text[start:end]):
            continue
        indent = indent_of(text[start:end])
        unit = below[len(indent) :] if below.startswith(indent) else ""
        if len(unit) > 1 or unit == "\t":  # one space only aligns a comment
            return unit
        below = indent
    return ""


def _colon(text: str, line: int) -> str:
    """A colon, with a space where the text around has one."""
    near = text[max(0, line - LONGEST) : line + LONGEST]
    return ": " if near.count('": ') * 2 >= near.count('":') else ":"
