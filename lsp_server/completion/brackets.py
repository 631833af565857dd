"""Brackets and quotes around a completion: what it closes, and what of it is there already.

A completion, and what is left of a line, are pieces that no parser accepts; they are read by their
marks. What stands in strings and comments does not count. Knows nothing of documents or spans.
"""

from __future__ import annotations

from typing import Final

from lsp_server.syntax.languages import Lexis
from lsp_server.syntax.lexer import PARTNER, Inside, scan

REACH: Final = 10_000
"""Characters that are read on either side of the cursor."""

OPENER: Final = {closer: opener for opener, closer in PARTNER.items()}


def unclosed(text: str, lexis: Lexis, inside: Inside | None = None) -> list[str]:
    """The opening brackets that a text leaves open, outermost first."""
    return _read(text, lexis, inside)[0]


def foreign(text: str, lexis: Lexis, inside: Inside | None = None) -> list[int]:
    """Offsets of the closing brackets that close what the text did not open."""
    return _read(text, lexis, inside)[1]


def excess(
    before: str, text: str, behind: str, taken: int, lexis: Lexis, inside: Inside | None = None
) -> int | None:
    """Offset of the first bracket of ``text`` that closes once more than there is to close.

    The text goes between ``before`` and ``behind``, replacing ``taken`` characters of the latter,
    and starts ``inside`` a string or comment. A bracket is in excess when it closes nothing, or
    what something behind it closes already. Brackets that were in excess without the text are not
    counted against it.
    """
    reopened, strangers = _read(text, lexis, inside)
    if not strangers:
        return None
    opened = unclosed(before[-REACH:], lexis)
    behind = behind[:REACH]
    was = [behind[offset] for offset in foreign(behind, lexis, inside)]
    left = behind[taken:]
    below = [left[offset] for offset in foreign(left, lexis)]
    closers = [text[offset] for offset in strangers]
    base = _unmatched(opened, [], [], was)
    for count, offset in enumerate(strangers, start=1):
        if _unmatched(opened, closers[:count], reopened, below) > base:
            return offset
    return None


def retyped(rest: str, text: str, lexis: Lexis, inside: Inside | None = None) -> list[int]:
    """Offsets in ``text`` of the leading characters of ``rest`` that it types again, in order.

    ``rest`` is what an editor inserted right of the cursor (closing brackets and quotes, ``;``,
    ``:``), ``inside`` the string or comment in which the cursor stands. A bracket is typed again
    where the text closes what it did not open; other marks count where they follow directly or end
    the line, separators at the end of the text. White space counts with the mark behind it.
    """
    code, closed = len(text), False  # where code begins, and whether the string ended there
    if inside:
        first = next(scan(text, lexis, inside))
        code, closed = first.end, first.closed
    strangers = iter(foreign(text, lexis, inside))
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
            hit = next((offset for offset in strangers if offset >= at), -1)
            hit = hit if text.startswith(mark, max(hit, 0)) else -1
        else:
            mark = mark if text.startswith(mark, at + gap) else rest[index:].rstrip()
            hit = _tail(text, mark, at + gap)
        if hit < at + gap or text[hit - gap : hit] != rest[index - gap : index]:
            break
        found.extend(range(hit - gap, hit + len(mark)))
        index, at = index + len(mark), hit + len(mark)
    return found


def _read(text: str, lexis: Lexis, inside: Inside | None) -> tuple[list[str], list[int]]:
    """The brackets that a text leaves open, and the offsets of those it closes elsewhere."""
    opened: list[str] = []
    strangers: list[int] = []
    for mark in scan(text, lexis, inside):
        if mark.kind == "open":
            opened.append(text[mark.start])
        elif mark.kind == "close" and not _close(opened, text[mark.start]):
            strangers.append(mark.start)
    return opened, strangers


def _close(opened: list[str], closer: str) -> bool:
    """Close the nearest partner and what was left open inside it; False when there is none."""
    if OPENER[closer] not in opened:
        return False
    while opened.pop() != OPENER[closer]:
        pass
    return True


def _unmatched(opened: list[str], closers: list[str], reopened: list[str], below: list[str]) -> int:
    """How many closing brackets find no partner when a text closes some and opens others."""
    stack = list(opened)
    missing = sum(not _close(stack, closer) for closer in closers)
    stack += reopened
    return missing + sum(not _close(stack, closer) for closer in below)


def _tail(text: str, marks: str, at: int) -> int:
    """Where ``marks`` follow directly, end the line of ``at`` or end the text; -1: nowhere.

    Of several lines, a separator belongs to the last.
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
