"""Finds where a completion repeats the closing marks that an editor put right of the cursor."""

from __future__ import annotations

from lsp_server.syntax.brackets import OPENER, match_brackets
from lsp_server.syntax.languages import LexicalRules
from lsp_server.syntax.lexer import Inside, scan


def find_retyped(
    rest: str, text: str, lexical: LexicalRules, inside: Inside | None = None
) -> list[int]:
    """Offsets in ``text`` where it repeats the leading characters of ``rest``, in order.

    ``rest`` is what an editor inserted right of the cursor (closing brackets and quotes, ``;``,
    ``:``), ``inside`` the string or comment in which the cursor stands. A bracket is repeated
    where the text closes one that it did not open; other marks must follow directly or end a line,
    separators the whole text. White space counts with the mark after it.
    """
    code, closed = len(text), False  # where the string or comment ends, and whether it was closed
    if inside:
        first = next(scan(text, lexical, inside))
        code, closed = first.end, first.closed
    unopened = iter(match_brackets(text, lexical, inside).unopened)
    found: list[int] = []
    index = at = 0
    while index < len(rest.rstrip()):
        gap = len(rest) - index - len(rest[index:].lstrip())
        index += gap
        mark = rest[index]
        if inside and inside.closer and rest.startswith(inside.closer, index):
            mark = inside.closer
            hit = code - len(mark) if closed else -1
            inside = None
        elif inside:
            hit = text.find(mark, at + gap, code)
        elif mark in OPENER:
            hit = next((each.offset for each in unopened if each.offset >= at), -1)
            hit = hit if text.startswith(mark, max(hit, 0)) else -1
        else:
            mark = mark if text.startswith(mark, at + gap) else rest[index:].rstrip()
            hit = _tail(text, mark, at + gap)
        if hit < at + gap or text[hit - gap : hit] != rest[index - gap : index]:
            break
        found.extend(range(hit - gap, hit + len(mark)))
        index, at = index + len(mark), hit + len(mark)
    return found


def _tail(text: str, marks: str, at: int) -> int:
    """The offset of ``marks`` directly at ``at``, at the end of its line or of the text; else -1.

    In a text of several lines, a separator must end the last line.
    """
    line = text.find("\n", at)
    stops = [len(text)] if line < 0 or marks[0] in ",;" else [line, len(text)]
    if text.startswith(marks, at) and (line < 0 or marks[0] not in ",;"):
        return at
    for stop in stops:
        piece = text[:stop].rstrip()
        if piece.endswith(marks) and len(piece) - len(marks) >= at:
            return len(piece) - len(marks)
    return -1
