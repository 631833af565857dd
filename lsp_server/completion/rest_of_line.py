"""Finds where a completion repeats the closing marks that an editor put right of the cursor."""

from __future__ import annotations

from lsp_server.syntax.brackets import match_brackets
from lsp_server.syntax.languages import LexicalRules
from lsp_server.syntax.lexer import Nesting


def find_retyped(rest: str, text: str, lexical: LexicalRules, nesting: Nesting = ()) -> list[int]:
    """Offsets in ``text`` where it repeats the leading characters of ``rest``, in order.

    ``rest`` is what an editor inserted right of the cursor (closing brackets and quotes, ``;``,
    ``:``), ``nesting`` the strings, comments and code in strings in which the cursor stands. A
    bracket or quote is repeated where the text closes one that it did not open; other marks must
    follow directly or end a line, separators the whole text. White space counts with the mark
    after it.
    """
    closers = {each.offset: each.mark for each in match_brackets(rest, lexical, nesting).closers}
    retyped = iter(match_brackets(text, lexical, nesting).closers)
    found: list[int] = []
    index = at = 0
    while index < len(rest.rstrip()):
        gap = len(rest) - index - len(rest[index:].lstrip())
        index += gap
        if index in closers:
            mark = closers[index]
            again = next((each for each in retyped if each.offset >= at), None)
            hit = again.offset if again and again.mark == mark else -1
        else:
            mark = rest[index] if text.startswith(rest[index], at + gap) else rest[index:].rstrip()
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
