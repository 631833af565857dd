"""The surroundings of a place: facts from the syntax tree and the text around it.

Unfinished code around a cursor is the normal case. If the tree has no errors near the place, its
leaf tokens tell which brackets are open above the line, and the lexer reads the line itself. If
it has errors, the lexer reads from the start of the outermost statement, and indentation decides
which brackets can still be open. Only a bounded part of the document is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lsp_server.positions import line_start, line_stop
from lsp_server.syntax.brackets import (
    CLOSERS,
    FARTHEST,
    LONGEST,
    REACH,
    Bracket,
    BracketMatcher,
    leave_by_indentation,
)
from lsp_server.syntax.enclosures import (
    Enclosure,
    closes_only,
    count_closed,
    find_enclosures,
    match_enclosures,
)
from lsp_server.syntax.languages import CodeStyle, Language, LexicalRules
from lsp_server.syntax.leaves import find_leaves, open_by_nodes, where_to_begin
from lsp_server.syntax.lexer import Inside, Lexer, Mark, Nesting, innermost, nesting_after, scan
from lsp_server.syntax.lines import filled, indent_of, lines_above, lines_below
from lsp_server.syntax.tree import SyntaxTree


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Facts about a place: a cursor, or a region between two offsets."""

    head: str  # left of it, on its line
    rest: str  # right of it, on its line
    above: str  # code of the nearest line above that has any; not of a documentation string
    below: str  # nearest line below that is not blank
    second: str  # the one after that
    nesting: Nesting  # the strings, comments and code in strings it lies in
    opened: tuple[Bracket, ...]  # open there, as far as indentation allows; outermost first
    unclosed: str  # all brackets that nothing before it closes, whatever the indentation
    enclosures: tuple[Enclosure, ...]  # the brackets, strings and comments around; innermost first
    closed_by_rest: int  # innermost of these that a rest of only closing marks closes
    dangling: int  # innermost of the others that nothing in the document closes
    unopened: str  # closing brackets below that nothing opens, innermost first
    unit: str  # one level of indentation
    colon: str  # the text between a key and its value
    empty: bool  # nothing between it and the innermost open bracket
    here: bool  # the innermost open bracket is on its line
    clean: bool  # no syntax errors around it

    @property
    def inside(self) -> Inside | None:
        """The string or comment it lies in."""
        return innermost(self.nesting)

    @property
    def closing(self) -> bool:
        """Whether the rest of the line has only closing marks, as editors insert automatically."""
        return closes_only(self.rest, self.nesting)


def look_around(tree: SyntaxTree, start: int, end: int) -> Surroundings | None:
    """The facts about the place between two offsets of a tree's text; None without a grammar."""
    text, language = tree.text, tree.language
    if language is None or tree.root is None:
        return None
    line, lexical = line_start(text, start), language.lexical
    top, bottom = _bounds(text, start, end)
    clean = _is_clean(tree, top, bottom, start)
    leaves = find_leaves(tree, language, top, start)
    first = max(line, start - LONGEST) if clean else top
    begin, outer = where_to_begin(leaves, text, lexical, first, start)
    lexer = Lexer(lexical, outer)
    marks = list(lexer.scan(text[begin:start]))
    tokens = [token for token in leaves.brackets if token.offset < start]
    above = [token for token in tokens if token.offset < begin]
    opened = _follow([], above, text, marks, begin, None if clean else language.style)
    if clean:
        unclosed = _follow(open_by_nodes(tree, language, top), tokens)
    else:
        unclosed = _follow(open_by_nodes(tree, language, begin), [], text, marks, begin)
    head = text[max(line, start - LONGEST) : start]
    if not clean and filled(head):
        leave_by_indentation(opened, language.style, line, head)
    rest = text[end : min(line_stop(text, end), end + LONGEST)]
    enclosures = find_enclosures(opened, lexer.nesting)
    closing = closes_only(rest, lexer.nesting)
    closed = count_closed(rest, enclosures, lexical, lexer.nesting)
    if nesting_after(rest, lexical, lexer.nesting):
        closed = 0  # what seems to close the string is the opening quote of another one
    whole = not tree.root.has_error  # else the closing brackets may be those of others
    fits = match_enclosures(text, language, end, enclosures, closed, lexer.nesting, whole)
    if closing:
        end = line_stop(text, end)
    below, second = _lines_below(text, end)
    return Surroundings(
        head=head,
        rest=rest,
        above=_code_above(tree, language, line),
        below=below,
        second=second,
        nesting=lexer.nesting,
        opened=tuple(opened),
        unclosed="".join(bracket.char for bracket in unclosed),
        enclosures=enclosures,
        closed_by_rest=closed if closing else 0,
        dangling=fits.dangling,
        unopened=fits.unopened,
        unit=_unit(text, line) or language.style.unit,
        colon=_colon(text, line),
        empty=bool(opened) and not filled(text[opened[-1].offset + 1 : start]),
        here=bool(opened) and opened[-1].offset >= line,
        clean=clean,
    )


def is_clean(tree: SyntaxTree, start: int, end: int) -> bool:
    """Whether no syntax errors are near a place, or in a node around it other than the root."""
    top, bottom = _bounds(tree.text, start, end)
    return _is_clean(tree, top, bottom, start)


def _bounds(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the outermost statement around a place begins and ends, judged by indentation."""
    top = max(_top(text, line_start(text, start)), start - FARTHEST)
    return top, min(_bottom(text, line_stop(text, end)), end + FARTHEST)


def _is_clean(tree: SyntaxTree, top: int, bottom: int, offset: int) -> bool:
    language = tree.language
    root = tree.root
    if language is None or root is None or not root.has_error:
        return True
    if tree.captures(language.errors, top, bottom):
        return False
    byte = tree.byte(offset)
    node = root.descendant_for_byte_range(max(byte - 1, 0), byte)
    while node is not None and node.parent is not None:
        if node.has_error:
            return False
        node = node.parent
    return True


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


def _follow(
    opened: Sequence[Bracket],
    tokens: Sequence[Bracket],
    text: str = "",
    marks: Sequence[Mark] = (),
    begin: int = 0,
    style: CodeStyle | None = None,
) -> list[Bracket]:
    """The brackets open after the tree's tokens and then the lexer's marks.

    With a style, indentation closes brackets, too.
    """
    matcher = BracketMatcher(opened)
    for token in tokens:
        matcher.take(token)
    for mark in marks:
        if mark.kind == "line" and style:
            line = text[begin + mark.end : line_stop(text, begin + mark.end)]
            leave_by_indentation(matcher.opened, style, begin + mark.start, line)
        matcher.read(mark, text, begin)
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
