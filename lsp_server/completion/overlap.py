"""Rules that cut or drop what a text repeats of the document around it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from lsp_server.completion.candidate import WORD, Candidate
from lsp_server.completion.place import NEAR
from lsp_server.completion.rest_of_line import find_retyped
from lsp_server.syntax.lexer import innermost, nesting_after, scan

REPEATED_LINES: Final = 3
"""A text whose first lines, this many, equal those below is dropped, whatever follows."""

_CLOSING: Final = re.compile(r"[)\]}\s]*")
_LACKING: Final = re.compile(r"[)\]},;:\s]+")
_CONFLICT: Final = re.compile(r"^(?:<{7} |\|{7} |={7}$|>{7} )", re.MULTILINE)
_FENCE: Final = re.compile(r"^[ \t]*```", re.MULTILINE)


def take_rest(candidate: Candidate) -> Candidate:
    """Replace the part of the rest of the line that the text repeats."""
    place = candidate.place
    if place.closing:
        found = find_retyped(place.rest, candidate.text, place.lexical, place.nesting)
    else:
        first, rest = candidate.text.split("\n", 1)[0], place.rest.rstrip()
        again = bool(rest) and _repeats(replace(candidate, text=first), rest)
        found = list(range(len(first) - len(rest), len(first))) if again else []
    if not found:
        return candidate
    if candidate.fixed:
        return replace(candidate, text=candidate.text[: found[0]])
    return replace(candidate, taken=len(found))


def shorten(candidate: Candidate, text: str) -> Candidate:
    """The candidate with a shorter text, which may replace less of the rest of the line."""
    cut = replace(candidate, text=text, taken=0)
    return take_rest(cut) if candidate.taken else cut


def cut_head_overlap(candidate: Candidate) -> Candidate:
    """Remove from the start what already stands before the region."""
    line, text = candidate.place.line.strip(), candidate.text.lstrip()
    if WORD.search(line) and text.startswith(line):
        joined = WORD.match(line[-1]) and WORD.match(text[len(line) : len(line) + 1])
        return candidate if joined else replace(candidate, text=text[len(line) :].lstrip(" \t"))
    above = candidate.place.before[: len(candidate.place.before) - len(candidate.place.line)]
    last = above.rstrip("\n").rsplit("\n", 1)[-1].strip()
    first, *more = candidate.text.split("\n")
    if more and not line and WORD.search(last) and first.strip() == last:
        return replace(candidate, text="\n".join(more).lstrip(" \t"))
    return candidate


def cut_tail_overlap(candidate: Candidate) -> Candidate:
    """Remove from the end what already follows on the line; brackets alone are matched instead."""
    left = candidate.left
    for size in range(min(len(candidate.text), len(left)), 0, -1):
        piece = left[:size]
        if piece.strip() and _CLOSING.fullmatch(piece):
            continue
        split = WORD.match(piece[-1]) and WORD.match(left[size : size + 1])
        if not split and _repeats(candidate, piece):
            return replace(candidate, text=candidate.text[:-size])
    return candidate


def drop_repeated_lines(candidate: Candidate) -> Candidate | None:
    """Drop a text that only repeats the lines below, or begins with a definition from there."""
    full = candidate.place.line + candidate.text + candidate.left
    written = _filled_lines(full)[:REPEATED_LINES]
    below = _filled_lines(candidate.place.below[:NEAR])[: len(written)]
    if not below or not any(map(str.isalpha, "".join(written))):
        return candidate
    language = candidate.place.language
    defines = language is not None and language.style.definition.match(written[0])
    if written == below or (defines and written[0] == below[0]):
        return None
    return None if len(written) == 1 and _lacks_only_closers(written[0], below[0]) else candidate


def cut_repeated_lines(candidate: Candidate) -> Candidate:
    """Remove last lines that equal the next lines of the document, indentation included.

    The last of them may lack brackets that follow it there.
    """
    if candidate.left.strip():
        return candidate
    lines = [line.rstrip() for line in candidate.text.split("\n")]
    below = [line.rstrip() for line in candidate.place.below[:NEAR].lstrip("\n").split("\n")]
    for count in range(min(len(lines) - 1, len(below)), 0, -1):
        last = lines[-1] == below[count - 1] or _lacks_only_closers(lines[-1], below[count - 1])
        same = lines[-count:-1] == below[: count - 1] and last
        if same and WORD.search("".join(lines[-count:])):
            return shorten(candidate, "\n".join(lines[:-count]).rstrip())
    return candidate


def cut_joined_lines(candidate: Candidate) -> Candidate:
    """Remove from the end what the lines below say, laid out in another way.

    In a text without a grammar one whole line is enough, else two.
    """
    place = candidate.place
    below = _filled_lines(place.below[:NEAR])[:REPEATED_LINES]
    least = " ".join(below[: 1 if place.language is None else 2])
    if candidate.left.strip() or " " not in least:
        return candidate
    joined = " ".join(" ".join(below).split())
    for found in re.finditer(r"(?<=[ \t])\S", candidate.text):
        if not (place.line + candidate.text[: found.start()]).rsplit("\n", 1)[-1].strip():
            continue
        piece = " ".join(candidate.text[found.start() :].split())
        if len(piece) >= len(least) and joined.startswith(piece):
            return shorten(candidate, candidate.text[: found.start()].rstrip())
    return candidate


def cut_foreign_lines(candidate: Candidate) -> Candidate:
    """Cut the text before a line that belongs to no code: a fence of Markdown, a merge conflict."""
    place, text = candidate.place, candidate.text
    if candidate.prose:
        return candidate
    starts = [found.start() for found in _CONFLICT.finditer(text)]
    for found in _FENCE.finditer(text):
        if not innermost(nesting_after(text[: found.start()], place.lexical, place.nesting)):
            starts.append(found.start())
    starts = [start for start in starts if start or not place.line.strip()]
    return shorten(candidate, text[: min(starts)].rstrip()) if starts else candidate


def cut_comment(candidate: Candidate) -> Candidate:
    """Cut a comment at the end of the text that would go on over what follows on the line."""
    place, text = candidate.place, candidate.text
    if not candidate.left.strip() or place.inside:
        return candidate
    inside = innermost(nesting_after(text, place.lexical, place.nesting))
    if inside is None or inside.kind != "comment":
        return candidate
    marks = list(scan(text, place.lexical, place.nesting, place.code))
    return shorten(candidate, text[: marks[-1].start].rstrip())


def drop_line_above(candidate: Candidate) -> Candidate | None:
    """In prose, drop a text with which the line says what the one above it says."""
    above = candidate.place.before.rstrip("\n").split("\n")[-2:-1]
    line = (candidate.place.line + candidate.text).strip()
    same = candidate.prose and bool(WORD.search(line)) and [line] == [a.strip() for a in above]
    return None if same else candidate


def _lacks_only_closers(line: str, below: str) -> bool:
    """Whether a line goes on below with nothing but closing brackets and separators."""
    rest = below[len(line) :]
    whole = line.strip() and below.startswith(line) and WORD.search(line)
    return bool(whole) and _LACKING.fullmatch(rest) is not None


def _repeats(candidate: Candidate, piece: str) -> bool:
    """Whether the text ends with ``piece``, which follows it: as whole words, in the same code."""
    text, start = candidate.text, len(candidate.text) - len(piece)
    if not text.endswith(piece) or (WORD.match(piece) and WORD.match(text[start - 1 : start])):
        return False
    return candidate.prose or candidate.in_place(start)


def _filled_lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]
