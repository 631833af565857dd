"""Brackets and quotes in fragments of text, in whatever language.

A completion, and what is left of a line, are pieces that no parser accepts; here they are read by
marks alone. What stands in strings and comments does not count. Reads a bounded stretch around
the cursor. Knows nothing of documents, spans or trees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

REACH: Final = 50_000
"""Characters that are read on either side of the cursor."""

PARTNER: Final = {")": "(", "]": "[", "}": "{"}


@lru_cache(maxsize=32)
def _marks(comment: str) -> re.Pattern[str]:
    """Strings, comments and brackets; a quote that is never closed reaches to its line's end."""
    patterns = [
        r'"""(?:\\.|[^\\])*?"""',
        r"'''(?:\\.|[^\\])*?'''",
        r"(?P<open>\"\"\"|''')",
        r'"(?:\\.|[^"\\\n])*"',
        r"'(?:\\.|[^'\\\n])*'",
        r"`(?:\\.|[^`\\])*`",
        r"(?P<stray>[\"'`])[^\n]*",
        r"(?P<bracket>[()\[\]{}])",
    ]
    if comment == "//":
        patterns.insert(0, r"/\*.*?(?:\*/|\Z)")
    if comment:
        patterns.insert(0, rf"{re.escape(comment)}[^\n]*")
    return re.compile("|".join(patterns), re.DOTALL)


def brackets(text: str, comment: str = "") -> Iterator[tuple[int, str]]:
    """Offsets and brackets of a text that starts outside strings, left to right."""
    for mark in _marks(comment).finditer(text):
        if mark["bracket"]:
            yield mark.start(), mark["bracket"]
        elif mark["open"]:
            return


def open_quote(line: str, comment: str = "") -> str:
    """The quote of the string in which a line stops, or ""."""
    for mark in _marks(comment).finditer(line):
        if mark["open"] or mark["stray"]:
            return mark["open"] or mark["stray"]
    return ""


def unclosed(text: str, comment: str = "") -> list[str]:
    """The opening brackets that a text leaves open, outermost first."""
    return _read(text, comment)[0]


def foreign(text: str, comment: str = "") -> list[int]:
    """Offsets of the closing brackets that close what the text did not open."""
    return _read(text, comment)[1]


def _read(text: str, comment: str) -> tuple[list[str], list[int]]:
    opened: list[str] = []
    strangers: list[int] = []
    for offset, bracket in brackets(text, comment):
        if bracket not in PARTNER:
            opened.append(bracket)
        elif not _close(opened, bracket):
            strangers.append(offset)
    return opened, strangers


def _close(opened: list[str], closer: str) -> bool:
    """Close the nearest partner and what was left open inside it; False when there is none."""
    if PARTNER[closer] not in opened:
        return False
    while opened.pop() != PARTNER[closer]:
        pass
    return True


def string_end(text: str, quote: str) -> int | None:
    """Where code begins in a text that starts inside a string; None when it ends inside too."""
    if not quote:
        return 0
    mark = re.escape(quote)
    end = re.compile(rf"(?:\\.|(?!{mark}).)*{mark}", re.DOTALL).match(text)
    return end.end() if end else None


def foreign_after(text: str, quote: str, comment: str = "") -> list[int]:
    """As ``foreign``, for a text that starts inside the string that ``quote`` closes."""
    code = string_end(text, quote)
    if code is None:
        return []
    return [code + offset for offset in foreign(text[code:], comment)]


def excess(
    before: str, text: str, behind: str, taken: int, quote: str = "", comment: str = ""
) -> int | None:
    """Offset of the first bracket of ``text`` that closes once more than there is to close.

    The text goes between ``before`` and ``behind``, replacing ``taken`` characters of the latter.
    A bracket is in excess when it closes nothing, or what something behind it closes already.
    Brackets that were in excess without the text are not counted against it.
    """
    opened = unclosed(before[-REACH:], comment)
    behind = behind[:REACH]
    code = string_end(text, quote)
    if code is None:
        return None
    reopened = unclosed(text[code:], comment)
    strangers = foreign_after(text, quote, comment)
    closers = [text[offset] for offset in strangers]
    was = [behind[offset] for offset in foreign_after(behind, quote, comment)]
    left = behind[taken:]
    below = [left[offset] for offset in foreign(left, comment)]
    base = _unmatched(opened, [], [], was)
    for count, offset in enumerate(strangers, start=1):
        if _unmatched(opened, closers[:count], reopened, below) > base:
            return offset
    return None


def _unmatched(opened: list[str], closers: list[str], reopened: list[str], below: list[str]) -> int:
    """How many closing brackets find no partner when a text closes some and opens others."""
    stack = list(opened)
    missing = sum(not _close(stack, closer) for closer in closers)
    stack += reopened
    return missing + sum(not _close(stack, closer) for closer in below)


def retyped(rest: str, text: str, quote: str = "", comment: str = "") -> list[int]:
    """Offsets in ``text`` of the leading characters of ``rest`` that it types again, in order.

    ``rest`` is what an editor inserted right of the cursor (closing brackets and quotes, ``;``,
    ``:``); ``quote`` closes the string in which the cursor stands. A bracket is typed again where
    the text closes what it did not open; other marks count where they follow directly, or end the
    line or the text. White space counts with the mark behind it.
    """
    code = string_end(text, quote)
    strangers = iter(foreign_after(text, quote, comment))
    found: list[int] = []
    index = at = 0
    while index < len(rest.rstrip()):
        gap = len(rest) - index - len(rest[index:].lstrip())
        index += gap
        mark = rest[index]
        if quote and rest.startswith(quote, index):
            hit = -1 if code is None else code - len(quote)
            mark, quote = quote, ""
        elif quote:
            hit = text.find(mark, at + gap, code)
        elif mark in PARTNER:
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


def _tail(text: str, marks: str, at: int) -> int:
    """Where ``marks`` follow directly, end the line of ``at`` or end the text; -1: nowhere."""
    if text.startswith(marks, at):
        return at
    for stop in (text.find("\n", at), len(text)):
        piece = text[: stop if stop >= 0 else len(text)].rstrip()
        if piece.endswith(marks) and len(piece) - len(marks) >= at:
            return len(piece) - len(marks)
    return -1
