"""A lexer for fragments of code: finds brackets, separators, strings, comments and line breaks.

Parsers handle fragments badly, as these may start anywhere and stop inside a word. The lexer needs
only a language's lexical rules, never fails, and reads a kilobyte in a fraction of a millisecond.

A string can hold code (an interpolation), which can hold strings: where a text starts and stops is
therefore a nesting, the strings, comments and interpolations it lies in.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from lsp_server.syntax.languages import Interpolation, LexicalRules

PARTNER: Final = {"(": ")", "[": "]", "{": "}"}

GENERIC: Final = LexicalRules(
    comment="",
    block_comments=(),
    strings=('"', "'"),
    long_strings=('"""', "'''", "`"),
    prefixes="rRbBuUfF",
)
"""Rules that fit most languages."""

_REGEX: Final = re.compile(r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\r\n])*\]|[^/\\\[\r\n])+/\w*")

_NEAR: Final = 40
"""Characters before a slash that are examined to tell a regular expression from a division."""


_LONGEST_PREFIX: Final = 4
"""Letters before a quote from which on it is an apostrophe."""

Kind = Literal["open", "close", "separator", "string", "comment", "code", "line"]


class Mark(NamedTuple):
    """A mark between two offsets; ``closed`` is False for a string or comment left open.

    An interpolation divides its string into several marks; its own brackets are marks, too.
    ``level`` is the number of strings, comments and interpolations that the text after it lies in.
    """

    kind: Kind
    start: int
    end: int
    closed: bool = True
    level: int = 0
    interpolates: bool = False  # a bracket that begins or ends an interpolation


class Inside(NamedTuple):
    """A string, comment or interpolation in which a place lies.

    ``closer`` ends it ("": the end of the line). ``interpolation`` is how code is written in it,
    if it is a string; ``depth`` the number of brackets like its own that are open in it, if it is
    an interpolation.
    """

    kind: Literal["string", "comment", "code"]
    closer: str
    interpolation: Interpolation | None = None
    depth: int = 0


Nesting = tuple[Inside, ...]
"""The strings, comments and interpolations in which a place lies, outermost first."""


def innermost(nesting: Nesting) -> Inside | None:
    """The string or comment in which a place lies directly, or None for code."""
    return nesting[-1] if nesting and nesting[-1].kind != "code" else None


def scan(text: str, lexical: LexicalRules, nesting: Nesting = (), head: str = "") -> Iterator[Mark]:
    """The marks of a text from left to right.

    ``nesting`` is where it starts; ``head`` is the code before it on its line.
    """
    return Lexer(lexical, nesting).scan(text, head)


class Lexer:
    """Reads one text; ``nesting`` is where it is so far."""

    def __init__(self, lexical: LexicalRules, nesting: Nesting = ()) -> None:
        self._lexical, self._levels = lexical, list(nesting)
        self._comments = (0, 0)  # where the comments before the next mark start and end

    @property
    def nesting(self) -> Nesting:
        """Where the text read so far ends."""
        return tuple(self._levels)

    def scan(self, text: str, head: str = "") -> Iterator[Mark]:
        """The marks of a text; ``head`` is the code before it on its line."""
        position = 0
        while position < len(text):
            if innermost(self.nesting):
                position = yield from self._read_text(text, position, position)
            else:
                position = yield from self._read_code(text, position, head)

    def _read_text(self, text: str, start: int, position: int) -> Generator[Mark, None, int]:
        """The mark of a string or comment, which starts at ``start``; returns where to read on.

        It goes on from ``position`` to its end or to the code in it.
        """
        inside = self._levels[-1]
        match = _rest_of(inside, self._lexical).match(text, position)
        assert match is not None  # the pattern matches the empty text
        end, found = match.end(), match.lastgroup
        if found == "code":
            assert inside.interpolation is not None
            yield self._mark(inside.kind, start, match.start(found), closed=False)
            self._levels.append(Inside("code", inside.interpolation.closer))
            yield self._mark("open", end - 1, end, interpolates=True)
            return end
        if found == "closer" or end < len(text):
            del self._levels[-1]
        closed = found == "closer" or (not inside.closer and end < len(text))
        yield self._mark(inside.kind, start, end, closed=closed)
        return end

    def _read_code(self, text: str, position: int, head: str) -> Generator[Mark, None, int]:
        """The marks of code; returns where to read on: in a string, or behind an interpolation."""
        pattern = _pattern(self._lexical)
        while match := pattern.search(text, position):
            start, position = match.span()
            group = match.lastgroup
            if group == "label":
                continue
            if group == "bracket":
                leaves = self._leaves_code(match.group())
                kind: Literal["open", "close"] = "open" if match.group() in PARTNER else "close"
                yield self._mark(kind, start, position, interpolates=leaves)
                if leaves:
                    return position
            elif group == "line":
                self._end_line()
                yield self._mark("line", start, position)
                if innermost(self.nesting):
                    return position
            elif group == "separator":
                yield self._mark("separator", start, position)
            elif group == "character":
                yield self._mark("string", start, position)
            elif group == "slash":
                literal = self._find_regex(text, start, head)
                if literal:
                    position = literal.end()
                    yield self._mark("string", start, position)
            elif inside := _opened(text, start, position, self._lexical):
                self._levels.append(inside)
                position = yield from self._read_text(text, start, position)
                if inside.kind == "comment":
                    first = start if text[self._comments[1] : start].strip() else self._comments[0]
                    self._comments = first, position
                return position
        return len(text)

    def _mark(
        self,
        kind: Kind,
        start: int,
        end: int,
        *,
        closed: bool = True,
        interpolates: bool = False,
    ) -> Mark:
        return Mark(kind, start, end, closed, len(self._levels), interpolates)

    def _leaves_code(self, bracket: str) -> bool:
        """Read a bracket; whether it ends an interpolation."""
        if not self._levels:
            return False
        code = self._levels[-1]
        if bracket == code.closer and code.depth == 0:
            del self._levels[-1]
            return True
        step = (PARTNER.get(bracket) == code.closer) - (bracket == code.closer)
        self._levels[-1] = code._replace(depth=code.depth + step)
        return False

    def _end_line(self) -> None:
        """Leave the strings that end with their line."""
        long = self._lexical.long_strings
        for level, inside in enumerate(self._levels):
            if inside.kind == "string" and inside.closer not in long:
                del self._levels[level:]
                return

    def _find_regex(self, text: str, start: int, head: str) -> re.Match[str] | None:
        """The regular expression that a slash begins, if it does not divide."""
        end = start if text[self._comments[1] : start].strip() else self._comments[0]
        before = text[end - _NEAR : end] if end >= _NEAR else head + text[:end]
        due = _operand_due(self._lexical).search(before, max(0, len(before) - _NEAR))
        return _REGEX.match(text, start) if due else None


def nesting_after(text: str, lexical: LexicalRules, nesting: Nesting = ()) -> Nesting:
    """Where a text ends that starts at ``nesting``."""
    lexer = Lexer(lexical, nesting)
    for _ in lexer.scan(text):
        pass
    return lexer.nesting


def opened_by(text: str, lexical: LexicalRules) -> Inside | None:
    """The string or comment that a text begins with."""
    prefix = len(text) - len(text.lstrip(lexical.prefixes)) if lexical.prefixes else 0
    for start in (0, prefix):
        match = _pattern(lexical).match(text, start)
        if match and match.lastgroup in ("block", "comment", "quote"):
            return _opened(text, start, match.end(), lexical)
    return None


def _opened(text: str, start: int, end: int, lexical: LexicalRules) -> Inside | None:
    """The string or comment whose opening mark stands between two offsets, or None."""
    mark = text[start:end]
    if mark in (blocks := dict(lexical.block_comments)):
        return Inside("comment", blocks[mark])
    if mark == lexical.comment:
        return Inside("comment", "")
    prefix = _prefix(text, start, mark, lexical)
    if prefix is None:
        return None
    fitting = (each for each in lexical.interpolations if each.applies(mark, prefix))
    return Inside("string", mark, next(fitting, None))


def _prefix(text: str, start: int, quote: str, lexical: LexicalRules) -> str | None:
    """The letters of a string before its quote; None for a quote that is an apostrophe."""
    word = start
    while (
        word
        and start - word < _LONGEST_PREFIX
        and (text[word - 1].isalnum() or text[word - 1] == "_")
    ):
        word -= 1
    prefix = text[word:start]
    if start - word < _LONGEST_PREFIX and all(letter in lexical.prefixes for letter in prefix):
        return prefix
    return "" if quote in lexical.long_strings and len(quote) == 1 else None


@lru_cache(maxsize=256)
def _rest_of(inside: Inside, lexical: LexicalRules) -> re.Pattern[str]:
    """The rest of a string or comment up to its closer or to code in it, if there is either."""
    closer = re.escape(inside.closer)
    if inside.kind == "comment" and not inside.closer:
        return re.compile(r"[^\r\n]*+")
    if inside.kind == "comment":
        return re.compile(rf"(?:(?!{closer}).)*+(?P<closer>{closer})?", re.DOTALL)
    raw, long = inside.closer in lexical.raw_strings, inside.closer in lexical.long_strings
    barred_characters = ("" if raw else r"\\") + ("" if long else r"\r\n")
    plain = f"[^{barred_characters}]" if barred_characters else "."
    pieces, stops = [plain], [rf"(?P<closer>{closer})"]
    if not raw:
        pieces.insert(0, r"\\(?:\r\n|.|\Z)")
    barred = closer
    if code := inside.interpolation:
        opener = re.escape(code.opener)
        barred, stops = f"{closer}|{opener}", [*stops, f"(?P<code>{opener})"]
    text = f"(?!{barred})(?:{'|'.join(pieces)})"
    if code and code.literal:
        text = f"{re.escape(code.literal)}|{text}"
    return re.compile(f"(?:{text})*+(?:{'|'.join(stops)})?", re.DOTALL)


@lru_cache(maxsize=64)
def _pattern(lexical: LexicalRules) -> re.Pattern[str]:
    """The marks of code."""
    groups = [("block", [opener for opener, _ in lexical.block_comments])]
    groups += [("comment", [lexical.comment] if lexical.comment else [])]
    groups += [("quote", [*lexical.long_strings, *lexical.strings])]
    groups += [("slash", ["/"] if lexical.regex_after else [])]
    named = [rf"(?P<label>^{lexical.label})"] if lexical.label else []
    named += [f"(?P<{name}>{'|'.join(map(re.escape, marks))})" for name, marks in groups if marks]
    if lexical.characters:
        named.append(r"(?P<character>(?<!\w)'(?:\\[^\r\n'][^\r\n']*|\\'|[^\\'\r\n])')")
    named += [r"(?P<bracket>[()\[\]{}])", "(?P<separator>[,;])", r"(?P<line>\r\n|\n|\r)"]
    return re.compile("|".join(named), re.MULTILINE)


@lru_cache(maxsize=64)
def _operand_due(lexical: LexicalRules) -> re.Pattern[str]:
    """A text after which an operand is due, so that a slash begins a regular expression."""
    words = "|".join(map(re.escape, sorted(lexical.regex_after)))
    return re.compile(rf"(?:^|[(,=:\[!&|?{{}};+*~^\r\n]|=>|\b(?:{words}))\s*$")
