"""Cuts a text that broke off back to its last whole part, so that no half of anything is offered.

A text breaks off at the deadline, or when it runs out of masks. In code a whole part ends, in order
of preference, with a statement, with a line outside all brackets and strings that the text has
opened, or with a member of the list in which the place lies; a syntax tree must not have more
errors with it than without. In prose, comments and strings a line or a word is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from lsp_server.completion.question import Question
from lsp_server.syntax.brackets import CLOSERS
from lsp_server.syntax.languages import CodeStyle
from lsp_server.syntax.lines import filled
from lsp_server.syntax.spans.written_text import Line, WrittenText, read_written

UNFINISHED_WORD: Final = re.compile(r"\w+\Z")

_TRIED: Final = 8
"""How many ends are tried against the syntax tree."""

_NEAR: Final = 2000
"""Characters around the text in which errors are counted."""

_NAME: Final = "x"
"""A text that is whole almost everywhere."""


def cut_back(text: str, question: Question) -> str:
    """The longest beginning of an answer that can stand in the document by itself, or ""."""
    place, language = question.place, question.tree.language
    written = read_written(text, place.line, place.lexical, place.nesting)
    if question.prose or (place.inside and written.code_start >= len(text)):
        head, line_break, _ = text.rpartition("\n")
        return head if line_break else UNFINISHED_WORD.sub("", text)
    ends = _ends(written, bool(place.opened), language.style if language else None)
    pieces = [text[:end].rstrip() for end in islice(ends, _TRIED)]
    return _choose_parsed([piece for piece in pieces if filled(piece)], question)


def _ends(text: WrittenText, in_list: bool, style: CodeStyle | None) -> Iterator[int]:
    """The offsets where the text may be cut, best first."""
    base = next((line.indent for line in text.lines if not line.blank), 0)
    lines = [index for index in reversed(range(len(text.lines))) if _is_whole(text, index, style)]
    statements = [index for index in lines if _ends_statement(text, index, base)]
    separator = style.separator if style else ","
    for index in (*statements, *(each for each in lines if each not in statements)):
        line = text.lines[index]
        yield line.end
        if line.code.endswith(separator):
            yield line.start + text.written[line.start : line.end].rindex(separator)
    if in_list:  # its members are independent of each other
        stop = text.closers[0].offset if text.closers else len(text.written)
        members = [at for at in text.separators if at < stop and text.written[at] == separator]
        yield from reversed(members)


def _is_whole(text: WrittenText, index: int, style: CodeStyle | None) -> bool:
    """Whether a line opens nothing, and what follows neither belongs to it nor to its block."""
    line, following = text.lines[index], text.next_filled(index)
    if not line.complete or line.blank or line.depth or line.code.endswith(":"):
        return False
    if style and style.continues.search(line.code):
        return False
    if following is None:
        return True
    goes_on = style is not None and (
        style.continued.match(following.code.lstrip()) or _begins_clause(following, style)
    )
    return not goes_on and following.indent <= line.indent


def _ends_statement(text: WrittenText, index: int, base: int) -> bool:
    """Whether a line is the last one of a statement of the outermost level."""
    following = text.next_filled(index)
    if following is None:
        return text.lines[index].indent <= base
    return following.indent <= base and not following.code.lstrip().startswith(CLOSERS)


def _begins_clause(line: Line, style: CodeStyle) -> bool:
    """Whether a line begins with the first word of a clause, or may do so once it is complete."""
    code = line.code.lstrip()
    word = code[: next((at for at, char in enumerate(code) if not char.isalnum()), len(code))]
    if line.complete or len(word) < len(code):
        return word in style.clauses
    return any(clause.startswith(word) for clause in style.clauses)


def _choose_parsed(pieces: Sequence[str], question: Question) -> str:
    """The first piece with the fewest errors, if it has no more than a name or nothing has."""
    if question.tree.root is None:
        return next(iter(pieces), "")
    best, fewest = "", min(_count_errors(filler, question) for filler in ("", _NAME)) + 1
    for piece in pieces:
        if not fewest:
            break
        errors = _count_errors(piece, question)
        if errors < fewest:
            best, fewest = piece, errors
    return best


def _count_errors(piece: str, question: Question) -> int:
    """The errors near the place with ``piece`` in it, with or without the rest of the line."""
    tree, start, end = question.tree, question.start, question.end
    assert tree.language is not None
    rest = len(question.place.rest) if question.place.closing else 0
    counts = []
    for stop in {end, end + rest}:
        filled_in = tree.edit(start, stop, piece)
        near = max(start - _NEAR, 0), min(start + len(piece) + _NEAR, len(filled_in.text))
        counts.append(len(filled_in.captures(tree.language.errors, *near).get("error", [])))
    return min(counts)
