"""A lexer for fragments of code: finds brackets, separators, strings, comments and line breaks.

Parsers handle fragments badly, as these may start anywhere and stop inside a word. The lexer needs
only a language's lexical rules, never fails, and reads a kilobyte in a fraction of a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from lsp_server.positions import LINE_END
from lsp_server.syntax.languages import LexicalRules

PARTNER: Final = {"(": ")", "[": "]", "{": "}"}

GENERIC: Final = LexicalRules(
    comment="",
    block_comments=(),
    strings=('"', "'"),
    long_strings=('"""', "'''", "`"),
    prefixes="rRbBuUfF",
    regexes=False,
)
"""Rules that fit most languages."""

_REGEX: Final = re.compile(r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\r\n])*\]|[^/\\\[\r\n])+/\w*")
_OPERAND_DUE: Final = re.compile(
    r"(?:^|[(,=:\[!&|?{};+*~^\r\n]|=>|\b(?:await|case|else|in|of|return|throw|typeof|yield))\s*$"
)

_NEAR: Final = 40
"""Characters before a slash that are examined to tell a regular expression from a division."""


class Mark(NamedTuple):
    """A mark between two offsets; ``closed`` is False for a string or comment left open."""

    kind: Literal["open", "close", "separator", "string", "comment", "line"]
    start: int
    end: int
    closed: bool = True


class Inside(NamedTuple):
    """The string or comment in which a place lies; ``closer`` ends it ("": the end of the line)."""

    kind: Literal["string", "comment"]
    closer: str


def scan(
    text: str, lexical: LexicalRules, inside: Inside | None = None, head: str = ""
) -> Iterator[Mark]:
    """The marks of a text from left to right.

    ``inside`` is where it starts; ``head`` is the code before it on its line.
    """
    pattern, position, gap = _pattern(lexical), 0, (0, 0)
    if inside:
        position, closed = _leave(text, inside, lexical)
        yield Mark(inside.kind, 0, position, closed)
    while match := pattern.search(text, position):
        start, position = match.span()
        group = match.lastgroup
        if group == "bracket":
            yield Mark("open" if match.group() in PARTNER else "close", start, position)
        elif group == "separator":
            yield Mark("separator", start, position)
        elif group == "line":
            yield Mark("line", start, position)
        elif group == "slash":
            literal = _REGEX.match(text, start)
            end = start if text[gap[1] : start].strip() else gap[0]
            before = text[end - _NEAR : end] if end >= _NEAR else head + text[:end]
            if literal and _OPERAND_DUE.search(before, max(0, len(before) - _NEAR)):
                position = literal.end()
                yield Mark("string", start, position)
        elif group == "comment":
            position, closed = _leave(text, Inside("comment", ""), lexical, position)
            yield Mark("comment", start, position, closed)
        elif group == "block":
            closer = dict(lexical.block_comments)[match.group()]
            position, closed = _leave(text, Inside("comment", closer), lexical, position)
            gap = (start if text[gap[1] : start].strip() else gap[0], position)
            yield Mark("comment", start, position, closed)
        elif _opens(text, start, match.group(), lexical):
            position, closed = _leave(text, Inside("string", match.group()), lexical, position)
            yield Mark("string", start, position, closed)


def inside_after(
    text: str, marks: Sequence[Mark], lexical: LexicalRules, inside: Inside | None = None
) -> Inside | None:
    """The string or comment in which a text ends, given its marks, or None."""
    if not marks or marks[-1].closed or marks[-1].end < len(text):
        return None
    if marks[-1].start == 0 and inside:
        return inside
    return opened_by(text[marks[-1].start :], lexical)


def opened_by(text: str, lexical: LexicalRules) -> Inside | None:
    """The string or comment that a text begins with."""
    for opener, closer in lexical.block_comments:
        if text.startswith(opener):
            return Inside("comment", closer)
    if lexical.comment and text.startswith(lexical.comment):
        return Inside("comment", "")
    bare = text.lstrip(lexical.prefixes) if lexical.prefixes else text
    for quote in (*lexical.long_strings, *lexical.strings):
        if bare.startswith(quote):
            return Inside("string", quote)
    return None


def _opens(text: str, start: int, quote: str, lexical: LexicalRules) -> bool:
    """Whether a quote opens a string; after a word it is an apostrophe, unless that is a prefix."""
    word = start
    while word and start - word < 4 and (text[word - 1].isalnum() or text[word - 1] == "_"):
        word -= 1
    return (
        word == start
        or (quote in lexical.long_strings and len(quote) == 1)
        or (start - word < 4 and all(letter in lexical.prefixes for letter in text[word:start]))
    )


def _leave(text: str, inside: Inside, lexical: LexicalRules, position: int = 0) -> tuple[int, bool]:
    """Where a string or comment ends, and whether it was closed there."""
    if inside.kind == "comment" and not inside.closer:
        end = LINE_END.search(text, position)
        return (end.start(), True) if end else (len(text), False)
    if inside.kind == "comment":
        end = re.compile(re.escape(inside.closer)).search(text, position)
        return (end.end(), True) if end else (len(text), False)
    end = _closing(inside.closer, inside.closer in lexical.long_strings).match(text, position)
    assert end is not None  # the pattern matches the empty text
    return end.end(), end["quote"] is not None


@lru_cache(maxsize=32)
def _closing(quote: str, long: bool) -> re.Pattern[str]:
    """The rest of a string, with its quote if there is one."""
    mark = re.escape(quote)
    plain = rf"(?!{mark})[^\\]" if long else rf"[^\\\r\n{mark}]"
    return re.compile(rf"(?:\\(?:\r\n|.)|{plain})*+(?P<quote>{mark})?", re.DOTALL)


@lru_cache(maxsize=32)
def _pattern(lexical: LexicalRules) -> re.Pattern[str]:
    groups = [("block", [opener for opener, _ in lexical.block_comments])]
    groups += [("comment", [lexical.comment] if lexical.comment else [])]
    groups += [("quote", [*lexical.long_strings, *lexical.strings])]
    groups += [("slash", ["/"] if lexical.regexes else [])]
    named = [f"(?P<{name}>{'|'.join(map(re.escape, marks))})" for name, marks in groups if marks]
    named += [r"(?P<bracket>[()\[\]{}])", "(?P<separator>[,;])", r"(?P<line>\r\n|\n|\r)"]
    return re.compile("|".join(named))
