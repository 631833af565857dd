"""Enclosures: the brackets, strings and comments around a place, and what closes them below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from lsp_server.positions import line_start, line_stop
from lsp_server.syntax.brackets import (
    FARTHEST,
    REACH,
    Bracket,
    BracketMatcher,
    is_within,
    leave_by_indentation,
    match_brackets,
)
from lsp_server.syntax.languages import CodeStyle, Language, LexicalRules
from lsp_server.syntax.lexer import Inside, Nesting, innermost, scan
from lsp_server.syntax.lines import filled, lines_below, width

_MOST_DANGLING: Final = 8
"""Brackets at a place that are considered to be missing their partner."""

_APART: Final = 0.5
"""How odd it is that two brackets that stand together are not closed together."""

_INDENTED_MORE: Final = 0.75
_INDENTED_LESS: Final = 1.0
"""How odd it is that a bracket that begins a line is not indented like the line of its partner."""

_OPENS: Final = re.compile(r"[\w(\[{]")


Enclosure = Bracket | Inside
"""What encloses a place: an open bracket, or a string or comment."""


def closes_only(rest: str, nesting: Nesting) -> bool:
    """Whether a rest of a line has only closing marks: no words, nothing opened.

    In a string, it begins with what ends that.
    """
    if _OPENS.search(rest):
        return False
    inside = innermost(nesting)
    if inside is None:
        quoted = rest.lstrip()[:1] in ("'", '"', "`")
        return not quoted or (bool(nesting) and rest.startswith(nesting[-1].closer))
    return inside.kind == "comment" or not rest.strip() or rest.startswith(inside.closer)


def match_enclosures(
    text: str,
    language: Language,
    end: int,
    enclosures: Sequence[Enclosure],
    closed: int,
    nesting: Nesting,
    clean: bool,
) -> Below:
    """Which enclosures nothing closes in what follows a place; the rest of its line closes some.

    A string that ends with its line is dangling if it is not closed there, and all that is in it.
    """
    lexical = language.lexical
    closing = closes_only(text[end : line_stop(text, end)], nesting)
    short = [
        index
        for index, each in enumerate(enclosures)
        if isinstance(each, Inside) and each.kind == "string" and each.closer in lexical.strings
    ]
    first = known = closed if closing else 0
    if short and short[-1] >= closed:
        first, nesting = short[-1] + 1, ()
    if inside := innermost(nesting):
        return Below(
            first - known + (not closed and _may_be_open(text, end, inside, lexical, clean)), ""
        )
    if clean:
        return Below(first - known, "")
    if closing:
        end, nesting = line_stop(text, end), ()
    left = [
        index for index in range(first, len(enclosures)) if isinstance(enclosures[index], Bracket)
    ]
    opened = [each for each in reversed(enclosures[first:]) if isinstance(each, Bracket)]
    fits = match_below(text, end, opened, language, nesting)
    last = left[fits.dangling - 1] + 1 if fits.dangling else first
    return Below(last - known, fits.unopened)


def find_enclosures(opened: Sequence[Bracket], nesting: Nesting) -> tuple[Enclosure, ...]:
    """The open brackets, strings and comments around a place, innermost first."""
    found, levels = list[Enclosure](), list(nesting)
    if levels and levels[-1].kind != "code":
        found.append(levels.pop())
    for bracket in reversed(opened):
        found.append(bracket)
        if bracket.interpolates and len(levels) > 1:
            levels.pop()
            found.append(levels.pop())
    return tuple(found)


def count_closed(
    rest: str, enclosures: Sequence[Enclosure], lexical: LexicalRules, nesting: Nesting
) -> int:
    """How many of the innermost enclosures the rest of a line closes."""
    closed = 0
    closers = match_brackets(rest, lexical, nesting).closers
    for enclosure, closer in zip(enclosures, closers, strict=False):
        if enclosure.closer != closer.mark:
            break
        closed += 1
    return closed


class Below(NamedTuple):
    """How the text below a place fits the brackets that are open there."""

    dangling: int  # innermost of them that nothing below closes
    unopened: str  # closing brackets below that nothing opens, innermost first


def _may_be_open(text: str, end: int, inside: Inside, lexical: LexicalRules, clean: bool) -> bool:
    """Whether nothing may close the long string or comment in which a place lies."""
    for opener, closer in lexical.block_comments:
        if inside.kind == "comment" and inside.closer == closer:
            found, again = text.find(closer, end), text.find(opener, end)
            return found < 0 or 0 <= again < found
    return not clean


def match_below(
    text: str, start: int, opened: Sequence[Bracket], language: Language, nesting: Nesting
) -> Below:
    """Match the brackets open at a place with the text after ``start``, which is at ``nesting``.

    Kinds have to match, and a line that cannot be inside a bracket, by its indentation, leaves it
    open. Of all ways to match them, the one is chosen that is least odd.
    """
    events, whole = _read_below(text, start, opened, language, nesting)
    fewest = max(0, len(opened) - _MOST_DANGLING)
    ways = {left: _Way(0.0, len(opened) - left, "") for left in range(fewest, len(opened) + 1)}
    for event in events:
        found = dict[int, _Way]()
        for left, way in ways.items():
            if isinstance(event, str):
                steps = _pass_line(opened, left, way, event, language.style)
            else:
                steps = _close(opened, left, way, event)
            for after, step in steps:
                found[after] = min(step, found.get(after, step))
        ways = found
    best = min(way._replace(odd=way.odd + left * whole) for left, way in ways.items())
    return Below(best.dangling, best.unopened)


class _Way(NamedTuple):
    """A way to match brackets: how odd it is, in brackets without a partner, and what it means."""

    odd: float
    dangling: int
    unopened: str


_Step = tuple[int, _Way]
"""How many brackets are left open, and how they were matched so far."""


def _pass_line(
    opened: Sequence[Bracket], left: int, way: _Way, line: str, style: CodeStyle
) -> Iterator[_Step]:
    """Leave the brackets open that a line cannot be inside."""
    after = left
    while after and not is_within(opened[after - 1], line, style):
        after -= 1
    yield after, way._replace(odd=way.odd + left - after)


def _close(opened: Sequence[Bracket], left: int, way: _Way, closer: Bracket) -> Iterator[_Step]:
    """Close one of the open brackets, or none."""
    yield left, way._replace(odd=way.odd + 1, unopened=way.unopened + closer.char)
    for after in range(left):
        opener = opened[after]
        if opener.closer == closer.char:
            odd = left - after - 1.0
            if closer.begins_line and opener.indent != closer.indent:
                odd += _INDENTED_LESS if opener.indent > closer.indent else _INDENTED_MORE
            if after and opened[after - 1].offset + 1 == opener.offset:
                odd += (
                    0
                    if closer.text.startswith(opened[after - 1].closer, closer.offset + 1)
                    else _APART
                )
            yield after, way._replace(odd=way.odd + odd)


def _read_below(
    text: str, start: int, opened: Sequence[Bracket], language: Language, nesting: Nesting
) -> tuple[list[Bracket | str], bool]:
    """The closing brackets without a partner below, and the lines; whether that is all there is.

    Up to the one that closes a bracket opened above the place's line, by kind and indentation.
    """
    first = line_stop(text, start)
    below = lines_below(text, first, REACH)
    stop = min(max((end for _, end in below), default=first), start + FARTHEST)
    line = line_start(text, start)
    column = width(text[line:first])  # what is not indented in a bracket has closers like its own
    above = (each for each in opened if each.offset < line and each.indent < column)
    ends = {(each.closer, each.indent) for each in above}
    matcher, events = BracketMatcher(), list[Bracket | str]()
    for begin, end, levels in ((start, first, nesting), (first, stop, ())):
        for mark in scan(text[begin:end], language.lexical, levels):
            matcher.read(mark, text, begin)
            if matcher.unopened:
                closer = matcher.unopened.pop()
                events.append(closer)
                if closer.begins_line and (closer.char, closer.indent) in ends:
                    return events, False
            elif mark.kind == "line":
                at = begin + mark.end
                following = text[at : line_stop(text, at)]
                if filled(following):
                    events.append(following)
                    if matcher.opened:
                        leave_by_indentation(matcher.opened, language.style, at, following)
    return events, stop >= len(text)
