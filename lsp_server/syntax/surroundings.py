"""What is known about a place in a document before anything is written there.

Half-typed code around a cursor is the normal case. Where the tree has no errors near the place, its
leaf tokens say what is open above the line; the line itself is read by its marks. Where it has
errors, marks are read from the outermost statement on, and indentation decides which brackets can
still be open. Reads a bounded stretch around the place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from lsp_server.syntax.brackets import (
    CLOSERS,
    FARTHEST,
    LONGEST,
    REACH,
    Bracket,
    bracket_at,
    count_closed,
    count_dangling,
    follow,
    leave_by_indentation,
)
from lsp_server.syntax.languages import Language, Lexis
from lsp_server.syntax.lexer import PARTNER, Inside, inside_after, opened_by, scan
from lsp_server.syntax.lines import (
    filled,
    indent_of,
    line_end,
    line_start,
    lines_above,
    lines_below,
)
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
    opened: tuple[Bracket, ...]  # open there, outermost first
    closed_by_rest: int  # innermost of these that the rest of the line closes
    dangling: int  # innermost of the others that nothing below closes
    unit: str  # one level of indentation
    colon: str  # what stands between a key and its value
    empty: bool  # nothing between it and the innermost open bracket
    here: bool  # the innermost open bracket is on its line
    clean: bool  # no syntax errors around it

    @property
    def closing(self) -> bool:
        """Nothing right of it but marks that close, as editors insert them by themselves."""
        return closes_only(self.rest, self.inside)


def closes_only(rest: str, inside: Inside | None) -> bool:
    """Whether a rest of a line has no words and opens nothing."""
    if _OPENS.search(rest):
        return False
    return inside is not None or rest.lstrip()[:1] not in ("'", '"', "`")


def look_around(tree: SyntaxTree, language: Language, start: int, end: int) -> Surroundings:
    """The facts about the place between two offsets of a tree's text."""
    text, line = tree.text, line_start(tree.text, start)
    top = max(_top(text, line), start - FARTHEST)
    bottom = min(_bottom(text, line_end(text, end)), end + FARTHEST)
    clean = not tree.captures(language.errors, top, bottom)
    leaves = _leaves(tree, language, top, start)
    begin, outer = _where_to_begin(
        leaves, text, language.lexis, max(line, start - LONGEST) if clean else top, start
    )
    marks = list(scan(text[begin:start], language.lexis, outer))
    opened = _open_above(leaves, text, begin)
    follow(opened, marks, text, begin, None if clean else language.layout)
    head = text[max(line, start - LONGEST) : start]
    if not clean and filled(head):
        leave_by_indentation(opened, language.layout, line, head)
    inside = inside_after(text[begin:start], marks, language.lexis, outer)
    rest = text[end : min(line_end(text, end), end + LONGEST)]
    closed = 0
    if closes_only(rest, inside):
        closed = count_closed(rest, opened, language.lexis, inside)
        end = line_end(text, end)
    below, second = _lines_below(text, end)
    return Surroundings(
        head=head,
        rest=rest,
        above=_code_above(tree, language, line),
        below=below,
        second=second,
        inside=inside,
        opened=tuple(opened),
        closed_by_rest=closed,
        dangling=0 if clean else count_dangling(text, end, opened, closed, language),
        unit=_unit(text, line) or language.layout.unit,
        colon=_colon(text, line),
        empty=bool(opened) and not filled(text[opened[-1].offset + 1 : start]),
        here=bool(opened) and opened[-1].offset >= line,
        clean=clean,
    )


class _Leaves(NamedTuple):
    """Leaf tokens of a stretch: brackets, and the ranges of strings, comments, code in strings."""

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
    """Where the outermost statement around a line begins, as far as indentation tells."""
    if not _indented(text, line, line_end(text, line)):
        return line
    top = line
    for top, end in lines_above(text, line, REACH):
        if not _indented(text, top, end):
            break
    return top


def _bottom(text: str, end: int) -> int:
    """Where that statement ends, as far as indentation tells."""
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
    leaves: _Leaves, text: str, lexis: Lexis, line: int, start: int
) -> tuple[int, Inside | None]:
    """Where to begin reading marks, and the string or comment in which that place lies."""
    begin, outer = line, None
    for first, last, is_code in leaves.texts:
        if first < line < last:
            outer = None if is_code else opened_by(text[first:last], lexis)
        elif is_code and line <= first < start < last:
            inner = (at for at, char in leaves.brackets if first <= at < start and char in PARTNER)
            begin, outer = next(inner, first) + 1, None
    return begin, outer


def _open_above(leaves: _Leaves, text: str, stop: int) -> list[Bracket]:
    """The brackets that are opened before ``stop`` and not closed, by the tree's tokens."""
    opened: list[Bracket] = []
    for offset, char in leaves.brackets:
        if offset >= stop:
            break
        if char in PARTNER:
            opened.append(bracket_at(text, offset))
        elif opened and opened[-1].closer == char:
            opened.pop()
    return opened


def _code_above(tree: SyntaxTree, language: Language, line: int) -> str:
    """The nearest line above that has code, without its comment; skips a documentation string."""
    text = tree.text
    for start, end in lines_above(text, line, REACH):
        if end - start > LONGEST:
            return text[end - LONGEST : end]
        code = code_of(text[start:end], language.lexis)
        if not code:
            continue
        if language.layout.braces or code[-1] not in "\"'":
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


def code_of(line: str, lexis: Lexis) -> str:
    """A line without its trailing comment and white space."""
    end = len(line)
    for mark in scan(line, lexis):
        if mark.kind == "comment" and not filled(line[mark.end :]):
            end = mark.start
    return line[:end].rstrip()


def _lines_below(text: str, end: int) -> tuple[str, str]:
    """The nearest two lines below that are not blank."""
    below = lines_below(text, line_end(text, end), REACH)
    lines = (text[a : min(b, a + LONGEST)] for a, b in below if filled(text[a:b]))
    return next(lines, ""), next(lines, "")


def _unit(text: str, line: int) -> str:
    """One level of indentation: what the nearest line has more than the one above it."""
    below = indent_of(text[line : line_end(text, line)])
    for start, end in lines_above(text, line, REACH):
        if end - start > LONGEST or not filled(text[start:end]):
            continue
        indent = indent_of(text[start:end])
        unit = below[len(indent) :] if below.startswith(indent) else ""
        if len(unit) > 1 or unit == "\t":  # a single space is that of a comment's asterisks
            return unit
        below = indent
    return ""


def _colon(text: str, line: int) -> str:
    """A colon, with a space where the text around has one."""
    near = text[max(0, line - LONGEST) : line + LONGEST]
    return ": " if near.count('": ') * 2 >= near.count('":') else ":"
