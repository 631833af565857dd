r"""Postprocessing of what the model wrote: a sequence of small pure rules.

A rule takes a candidate and returns it, changed or unchanged, or None if it must not be shown. A
candidate left with nothing but white space is dropped, too. ``COMPLETION`` and ``REGION`` list the
rules in order, each with the reason reported for what it drops. Texts have ``\n`` line breaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from lsp_server.completion.indentation import indent_like
from lsp_server.completion.place import NEAR, Place
from lsp_server.completion.rest_of_line import find_retyped
from lsp_server.syntax.brackets import closes_open, find_excess, match_brackets
from lsp_server.syntax.surroundings import code_of

WORD: Final = re.compile(r"\w")
SPECIAL: Final = re.compile(r"<\|[^|<>\s]*\|>")
REPEATED_LINES: Final = 3
"""A text whose first lines, this many, equal those below is dropped, whatever follows."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text for a place, and how much of the rest of the line it replaces.

    ``taken`` is the number of characters replaced right of the place; ``fixed``: it must stay 0.
    ``prose``: brackets need not match here. ``old`` is the text of the region that is replaced.
    """

    place: Place
    text: str
    prose: bool = False
    fixed: bool = False
    old: str = ""
    taken: int = 0

    @property
    def left(self) -> str:
        """The part of the rest of the line that is not replaced."""
        return self.place.rest[self.taken :]

    @property
    def replaced(self) -> str:
        """The text that is replaced."""
        return self.old or self.place.rest[: self.taken]


Rule = Callable[[Candidate], Candidate | None]
Rules = tuple[tuple[str, Rule], ...]


def cut_special_tokens(candidate: Candidate) -> Candidate:
    """Cut the text before a special token, and before an incomplete character at its end."""
    text = SPECIAL.split(candidate.text, maxsplit=1)[0]
    return replace(candidate, text=text.rstrip("\ufffd"))


def cut_trailing_space(candidate: Candidate) -> Candidate:
    """Remove trailing blank lines, and trailing white space if nothing follows on the line."""
    text = re.sub(r"\s*\n\s*\Z", "", candidate.text)
    return replace(candidate, text=text if candidate.place.rest.strip() else text.rstrip())


def match_indentation(candidate: Candidate) -> Candidate:
    """Indent with tabs or spaces, as the document does."""
    around = candidate.place.before[-NEAR:] + "\n" + candidate.place.below[:NEAR]
    return replace(candidate, text=indent_like(around, candidate.place.line, candidate.text))


def cut_inner_space(candidate: Candidate) -> Candidate:
    """Remove spaces next to the brackets around the text, unless the document has them there."""
    place, opener = candidate.place, candidate.place.line[-1:]
    if (
        candidate.prose
        or place.inside
        or opener not in ("(", "[")
        or not candidate.text.startswith(" ")
    ):
        return candidate
    around = place.before[-NEAR:] + "\n" + place.below[:NEAR]
    if re.search(rf"{re.escape(opener)} +\S", around):
        return candidate
    text = candidate.text.lstrip(" ")
    closers = place.match(text).unopened
    end = closers[0].offset if closers else 0
    return replace(candidate, text=text[:end].rstrip(" ") + text[end:])


def take_rest(candidate: Candidate) -> Candidate:
    """Replace the part of the rest of the line that the text repeats."""
    place = candidate.place
    if place.closing:
        found = find_retyped(place.rest, candidate.text, place.lexical, place.inside)
    else:
        first, rest = candidate.text.split("\n", 1)[0], place.rest.rstrip()
        again = bool(rest) and _repeats(replace(candidate, text=first), rest)
        found = list(range(len(first) - len(rest), len(first))) if again else []
    if not found:
        return candidate
    if candidate.fixed:
        return replace(candidate, text=candidate.text[: found[0]])
    return replace(candidate, taken=len(found))


def close_block(candidate: Candidate) -> Candidate:
    """Put the closing bracket after an indented body on a line of its own."""
    line = candidate.place.line
    between = candidate.place.closing and candidate.left[:1] in (")", "]", "}")
    if not between or not candidate.text.startswith("\n"):
        return candidate
    indent = line[: len(line) - len(line.lstrip())]
    return replace(candidate, text=candidate.text.rstrip() + "\n" + indent)


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
    """Remove from the end what already follows on the line."""
    for size in range(min(len(candidate.text), len(candidate.left)), 0, -1):
        piece = candidate.left[:size]
        worth = WORD.search(piece) or piece.strip() in ("", ",", ";")
        split = WORD.match(piece[-1]) and WORD.match(candidate.left[size : size + 1])
        if worth and not split and _repeats(candidate, piece):
            return replace(candidate, text=candidate.text[:-size])
    return candidate


def drop_repeated_lines(candidate: Candidate) -> Candidate | None:
    """Drop a text that only repeats the lines below."""
    full = candidate.place.line + candidate.text + candidate.left
    written = _filled_lines(full)[:REPEATED_LINES]
    if WORD.search("".join(written)) is None:
        return candidate
    return (
        None
        if written == _filled_lines(candidate.place.below[:NEAR])[: len(written)]
        else candidate
    )


def cut_repeated_lines(candidate: Candidate) -> Candidate:
    """Remove last lines that equal the next lines of the document, indentation included."""
    if candidate.left.strip():
        return candidate
    lines = [line.rstrip() for line in candidate.text.split("\n")]
    below = [line.rstrip() for line in candidate.place.below[:NEAR].lstrip("\n").split("\n")]
    for count in range(min(len(lines) - 1, len(below)), 0, -1):
        if lines[-count:] == below[:count] and WORD.search("".join(lines[-count:])):
            return _cut(candidate, "\n".join(lines[:-count]).rstrip())
    return candidate


def cut_closed_again(candidate: Candidate) -> Candidate | None:
    """Cut before a bracket that closes what the document already closes right of it or below."""
    place = candidate.place
    if candidate.prose:
        return candidate
    last = code_of((place.line + candidate.text).rsplit("\n", 1)[-1], place.lexical)
    behind = (place.rest + place.below[:NEAR])[:NEAR]
    below = match_brackets(behind[candidate.taken :], place.lexical, head=last)
    offset = find_excess(place.opened, place.match(candidate.text), place.match(behind), below)
    if offset is None:
        return candidate
    head, tail = candidate.text[:offset], candidate.text[offset:]
    lines = head.rsplit("\n", 1)
    if len(lines) == 2 and not lines[1].strip():
        return _cut(candidate, lines[0].rstrip())
    return None if WORD.search(tail.split("\n", 1)[0]) else _cut(candidate, head)


def drop_foreign_closers(candidate: Candidate) -> Candidate | None:
    """Drop a text that closes a bracket that is not open."""
    place = candidate.place
    if candidate.prose or place.inside:
        return candidate
    own, replaced = place.match(candidate.text), place.match(candidate.replaced)
    return candidate if closes_open(place.opened, own, replaced) else None


def drop_unchanged(candidate: Candidate) -> Candidate | None:
    """Drop a text that is the same as what it replaces."""
    return None if candidate.text == candidate.replaced else candidate


COMPLETION: Final[Rules] = (
    ("special-token", cut_special_tokens),
    ("blank", cut_trailing_space),
    ("blank", match_indentation),
    ("blank", cut_inner_space),
    ("rest-of-line", take_rest),
    ("already-there", cut_tail_overlap),
    ("repeats-lines-below", drop_repeated_lines),
    ("already-there", cut_repeated_lines),
    ("bracket-closed-already", cut_closed_again),
    ("blank", close_block),
    ("bracket-not-open", drop_foreign_closers),
    ("unchanged", drop_unchanged),
)
REGION: Final[Rules] = (
    ("special-token", cut_special_tokens),
    ("blank", cut_trailing_space),
    ("blank", match_indentation),
    ("blank", cut_inner_space),
    ("already-there", cut_head_overlap),
    ("already-there", cut_tail_overlap),
    ("already-there", cut_repeated_lines),
    ("bracket-closed-already", cut_closed_again),
    ("bracket-not-open", drop_foreign_closers),
)


def postprocess(candidate: Candidate, rules: Rules = COMPLETION) -> Candidate | str:
    """Apply the rules; the resulting candidate, or the reason (see ``REASONS``) for none."""
    if not candidate.text.strip():
        return "blank"
    for reason, rule in rules:
        changed = rule(candidate)
        if changed is None or not changed.text.strip():
            return reason
        candidate = changed
    return candidate


def _cut(candidate: Candidate, text: str) -> Candidate:
    """The candidate with a shorter text, which may replace less of the rest of the line."""
    cut = replace(candidate, text=text, taken=0)
    return take_rest(cut) if candidate.taken else cut


def _repeats(candidate: Candidate, piece: str) -> bool:
    """Whether the text ends with ``piece``, which follows it: as whole words, same brackets."""
    text, start = candidate.text, len(candidate.text) - len(piece)
    if not text.endswith(piece) or (WORD.match(piece) and WORD.match(text[start - 1 : start])):
        return False
    place = candidate.place
    if candidate.prose:
        return True
    closers = {start + each.offset for each in match_brackets(piece, place.lexical).unopened}
    return closers <= {each.offset for each in place.match(text).unopened}


def _filled_lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]
