r"""Postprocessing of what the model wrote: a sequence of small pure rules.

A rule takes a draft and returns it, changed or unchanged, or None if it must not be shown. A draft
left with nothing but white space is dropped, too. ``COMPLETION`` and ``REGION`` list the rules in
order, each with the reason reported for drafts that it drops. Texts have ``\n`` line breaks.
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
UNFINISHED_WORD: Final = re.compile(r"\w+\Z")
SPECIAL: Final = re.compile(r"<\|[^|<>\s]*\|>")
REPEATED_LINES: Final = 3
"""A text whose first lines, this many, equal those below is dropped, whatever follows."""


@dataclass(frozen=True, slots=True)
class Draft:
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


Rule = Callable[[Draft], Draft | None]
Rules = tuple[tuple[str, Rule], ...]


def cut_special_tokens(draft: Draft) -> Draft:
    """Cut the text before a special token, and before an incomplete character at its end."""
    text = SPECIAL.split(draft.text, maxsplit=1)[0]
    return replace(draft, text=text.rstrip("\ufffd"))


def cut_trailing_space(draft: Draft) -> Draft:
    """Remove trailing blank lines, and trailing white space if nothing follows on the line."""
    text = re.sub(r"\s*\n\s*\Z", "", draft.text)
    return replace(draft, text=text if draft.place.rest.strip() else text.rstrip())


def match_indentation(draft: Draft) -> Draft:
    """Indent with tabs or spaces, as the document does."""
    around = draft.place.before[-NEAR:] + "\n" + draft.place.below[:NEAR]
    return replace(draft, text=indent_like(around, draft.place.line, draft.text))


def cut_inner_space(draft: Draft) -> Draft:
    """Remove spaces next to the brackets around the text, unless the document has them there."""
    place, opener = draft.place, draft.place.line[-1:]
    if draft.prose or place.inside or opener not in ("(", "[") or not draft.text.startswith(" "):
        return draft
    around = place.before[-NEAR:] + "\n" + place.below[:NEAR]
    if re.search(rf"{re.escape(opener)} +\S", around):
        return draft
    text = draft.text.lstrip(" ")
    closers = place.match(text).unopened
    end = closers[0].offset if closers else 0
    return replace(draft, text=text[:end].rstrip(" ") + text[end:])


def take_rest(draft: Draft) -> Draft:
    """Replace the part of the rest of the line that the text repeats."""
    place = draft.place
    if place.closing:
        found = find_retyped(place.rest, draft.text, place.lexical, place.inside)
    else:
        first, rest = draft.text.split("\n", 1)[0], place.rest.rstrip()
        again = bool(rest) and _repeats(replace(draft, text=first), rest)
        found = list(range(len(first) - len(rest), len(first))) if again else []
    if not found:
        return draft
    if draft.fixed:
        return replace(draft, text=draft.text[: found[0]])
    return replace(draft, taken=len(found))


def close_block(draft: Draft) -> Draft:
    """Put the closing bracket after an indented body on a line of its own."""
    line = draft.place.line
    between = draft.place.closing and draft.left[:1] in (")", "]", "}")
    if not between or not draft.text.startswith("\n"):
        return draft
    indent = line[: len(line) - len(line.lstrip())]
    return replace(draft, text=draft.text.rstrip() + "\n" + indent)


def cut_head_overlap(draft: Draft) -> Draft:
    """Remove from the start what already stands before the region."""
    line, text = draft.place.line.strip(), draft.text.lstrip()
    if WORD.search(line) and text.startswith(line):
        joined = WORD.match(line[-1]) and WORD.match(text[len(line) : len(line) + 1])
        return draft if joined else replace(draft, text=text[len(line) :].lstrip(" \t"))
    above = draft.place.before[: len(draft.place.before) - len(draft.place.line)]
    last = above.rstrip("\n").rsplit("\n", 1)[-1].strip()
    first, *more = draft.text.split("\n")
    if more and not line and WORD.search(last) and first.strip() == last:
        return replace(draft, text="\n".join(more).lstrip(" \t"))
    return draft


def cut_tail_overlap(draft: Draft) -> Draft:
    """Remove from the end what already follows on the line."""
    for size in range(min(len(draft.text), len(draft.left)), 0, -1):
        piece = draft.left[:size]
        worth = WORD.search(piece) or piece.strip() in ("", ",", ";")
        split = WORD.match(piece[-1]) and WORD.match(draft.left[size : size + 1])
        if worth and not split and _repeats(draft, piece):
            return replace(draft, text=draft.text[:-size])
    return draft


def drop_repeated_lines(draft: Draft) -> Draft | None:
    """Drop a text that only repeats the lines below."""
    full = draft.place.line + draft.text + draft.left
    written = _filled_lines(full)[:REPEATED_LINES]
    if WORD.search("".join(written)) is None:
        return draft
    return None if written == _filled_lines(draft.place.below[:NEAR])[: len(written)] else draft


def cut_repeated_lines(draft: Draft) -> Draft:
    """Remove last lines that equal the next lines of the document, indentation included."""
    if draft.left.strip():
        return draft
    lines = [line.rstrip() for line in draft.text.split("\n")]
    below = [line.rstrip() for line in draft.place.below[:NEAR].lstrip("\n").split("\n")]
    for count in range(min(len(lines) - 1, len(below)), 0, -1):
        if lines[-count:] == below[:count] and WORD.search("".join(lines[-count:])):
            return _cut(draft, "\n".join(lines[:-count]).rstrip())
    return draft


def cut_closed_again(draft: Draft) -> Draft | None:
    """Cut before a bracket that closes what the document already closes right of it or below."""
    place = draft.place
    if draft.prose:
        return draft
    last = code_of((place.line + draft.text).rsplit("\n", 1)[-1], place.lexical)
    behind = (place.rest + place.below[:NEAR])[:NEAR]
    below = match_brackets(behind[draft.taken :], place.lexical, head=last)
    offset = find_excess(place.opened, place.match(draft.text), place.match(behind), below)
    if offset is None:
        return draft
    head, tail = draft.text[:offset], draft.text[offset:]
    lines = head.rsplit("\n", 1)
    if len(lines) == 2 and not lines[1].strip():
        return _cut(draft, lines[0].rstrip())
    return None if WORD.search(tail.split("\n", 1)[0]) else _cut(draft, head)


def drop_foreign_closers(draft: Draft) -> Draft | None:
    """Drop a text that closes a bracket that is not open."""
    place = draft.place
    if draft.prose or place.inside:
        return draft
    own, replaced = place.match(draft.text), place.match(draft.replaced)
    return draft if closes_open(place.opened, own, replaced) else None


def drop_unchanged(draft: Draft) -> Draft | None:
    """Drop a text that is the same as what it replaces."""
    return None if draft.text == draft.replaced else draft


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


def cut_unfinished(text: str) -> str:
    """Remove the incomplete last line of a text; if it has one line, the incomplete last word."""
    head, line_break, _ = text.rpartition("\n")
    return head if line_break else UNFINISHED_WORD.sub("", text)


def polish(draft: Draft, rules: Rules = COMPLETION) -> Draft | str:
    """Apply the rules; returns the resulting draft, or the reason (see ``REASONS``) for none."""
    if not draft.text.strip():
        return "blank"
    for reason, rule in rules:
        changed = rule(draft)
        if changed is None or not changed.text.strip():
            return reason
        draft = changed
    return draft


def _cut(draft: Draft, text: str) -> Draft:
    """The draft with a shorter text, which may replace less of the rest of the line."""
    cut = replace(draft, text=text, taken=0)
    return take_rest(cut) if draft.taken else cut


def _repeats(draft: Draft, piece: str) -> bool:
    """Whether the text ends with ``piece``, which follows it: as whole words, same brackets."""
    text, start = draft.text, len(draft.text) - len(piece)
    if not text.endswith(piece) or (WORD.match(piece) and WORD.match(text[start - 1 : start])):
        return False
    place = draft.place
    if draft.prose:
        return True
    closers = {start + each.offset for each in match_brackets(piece, place.lexical).unopened}
    return closers <= {each.offset for each in place.match(text).unopened}


def _filled_lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]
