"""Rules that keep the brackets of a document balanced."""

from __future__ import annotations

from dataclasses import replace

from lsp_server.completion.candidate import WORD, Candidate
from lsp_server.completion.overlap import shorten
from lsp_server.syntax.brackets import (
    CLOSERS,
    Bracket,
    closes_open,
    find_closers,
    find_excess,
    find_unopened,
    match_brackets,
)
from lsp_server.syntax.lexer import GENERIC, innermost, nesting_after
from lsp_server.syntax.lines import indent_of
from lsp_server.syntax.surroundings import code_of


def cut_closed_again(candidate: Candidate) -> Candidate | None:
    """Cut before a bracket that closes what the document already closes right of it or below."""
    place, text = candidate.place, candidate.text
    if candidate.prose or not candidate.brackets.unopened:
        return candidate
    last = code_of((place.line + text).rsplit("\n", 1)[-1], place.lexical)
    nesting = nesting_after(text, place.lexical, place.nesting)
    below = match_brackets(place.behind[candidate.taken :], place.lexical, nesting, last)
    offset = find_excess(place.opened, candidate.brackets, place.match(place.behind), below)
    if offset is None:
        return candidate
    head, tail = text[:offset], text[offset:]
    lines = head.rsplit("\n", 1)
    if len(lines) == 2 and not lines[1].strip():
        return shorten(candidate, lines[0].rstrip())
    return None if WORD.search(tail.split("\n", 1)[0]) else shorten(candidate, head)


def close_opened(candidate: Candidate) -> Candidate | None:
    """Close the blocks that the text leaves open and nothing in the document closes.

    Its last lines are cut as long as it ends inside another bracket; drop it if that is all of it.
    """
    place = candidate.place
    if candidate.prose or place.nesting or _fits(candidate):
        return candidate
    while not all(map(_lays_out, candidate.brackets.opened)):
        head, line_break, _ = candidate.text.rpartition("\n")
        if not line_break or not head.strip():
            return None
        candidate = shorten(candidate, head)
    if _fits(candidate):
        return candidate
    text = candidate.text.rstrip().rstrip(",")
    for bracket in reversed(candidate.brackets.opened):
        line = (place.line + text[: bracket.offset]).rsplit("\n", 1)[-1]
        text += f"\n{indent_of(line)}{bracket.closer}"
    return replace(candidate, text=text)


def _fits(candidate: Candidate) -> bool:
    """Whether the document closes at least as many brackets as the text leaves open."""
    place, own = candidate.place, candidate.brackets
    inside = innermost(nesting_after(candidate.text, place.lexical))
    if not own.opened or (inside and inside.kind == "string"):
        return True
    if place.around is None:
        left = match_brackets(place.opened + find_closers(own), GENERIC).opened
        opened = "".join(bracket.char for bracket in left)
        closed = len(find_unopened(opened, place.match(place.behind)))
    else:
        known = place.around.closed_by_rest + place.around.dangling
        closed = len(place.around.unopened) + max(0, len(own.unopened) - known)
    return len(own.opened) <= closed + len(place.match(candidate.old).opened)


def _lays_out(bracket: Bracket) -> bool:
    """Whether a bracket encloses lines, so that another line can close it."""
    after = bracket.text[bracket.offset + 1 :].lstrip(" \t")
    return bracket.char != "(" and (after.startswith("\n") or (not after and bracket.char == "{"))


def close_block(candidate: Candidate) -> Candidate:
    """Put the closing bracket after an indented body on a line of its own."""
    if candidate.left[:1] not in CLOSERS or not candidate.text.startswith("\n"):
        return candidate
    return replace(candidate, text=f"{candidate.text.rstrip()}\n{indent_of(candidate.place.line)}")


def drop_foreign_closers(candidate: Candidate) -> Candidate | None:
    """Drop a text that closes a bracket that is not open."""
    place = candidate.place
    if candidate.prose or place.inside:
        return candidate
    replaced = place.match(candidate.replaced)
    return candidate if closes_open(place.opened, candidate.brackets, replaced) else None
