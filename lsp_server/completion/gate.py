"""May we answer here at all? One small function per rule, each asked before the model.

A rule sees an ``Ask`` and the settings and says whether it refuses. Rules that only guard against
being a nuisance while someone types stand aside when a completion was asked for explicitly. Knows
nothing of models, spans or the protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from lsp_server.completion.exclusions import is_secret
from lsp_server.positions import line_stop
from lsp_server.settings import Settings

Trigger = Literal["invoked", "automatic"]

MAX_CHARACTERS: Final = 1_000_000
"""Files longer than this are left alone: reading them again at every keystroke is felt."""

MIN_SIGNIFICANT: Final = 10
"""Fewer characters than this, white space aside, are no context to guess from while typing."""

PASTE_CHARACTERS: Final = 80
"""More than this in one change of one line was not typed (nor picked from a list)."""

WORD: Final = re.compile(r"\w")
CLOSERS: Final = re.compile(r"\s*(?:[)>}\]\"'`]*|\*/|-->|/>|[?%]>)\s*[:{;,]?\s*")


@dataclass(frozen=True, slots=True)
class LastChange:
    """What happened to the document last, as far as its changes show.

    ``typed`` covers all that an editor does for someone who types: auto-closed brackets, automatic
    indentation, a picked suggestion, an accepted completion. ``several`` is a change in several
    places at once: multiple cursors, a rename, a formatter. ``none`` is a document as opened.
    """

    kind: Literal["none", "typed", "deleted", "pasted", "several"] = "none"

    @classmethod
    def of(cls, changes: Sequence[tuple[int, str]], offered: Iterable[str] = ()) -> LastChange:
        """Classify one notification's changes, each (length of text removed, text inserted).

        ``offered`` holds texts that were offered to the editor lately: inserting one of them is
        accepting it, not pasting. An undo shows itself only as what it does to the text.
        """
        if not changes:
            return cls("none")
        if len(changes) > 1:
            return cls("several")
        removed, inserted = changes[0]
        if not inserted or (removed > len(inserted) and not inserted.strip()):
            return cls("deleted")
        if inserted in offered:
            return cls("typed")
        lines = [line for line in re.split(r"\r\n|\n|\r", inserted) if WORD.search(line)]
        pasted = len(lines) > 1 or len(inserted.strip()) > PASTE_CHARACTERS
        return cls("pasted" if pasted else "typed")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as the gate sees it; ``offset`` counts code points of ``text``."""

    uri: str
    language_id: str
    text: str
    offset: int
    trigger: Trigger
    last_change: LastChange = LastChange()

    @property
    def rest(self) -> str:
        """What stands right of the cursor on its line."""
        return self.text[self.offset : line_stop(self.text, self.offset)]


def refuses_automatic(ask: Ask, settings: Settings) -> bool:
    """Completion while typing is switched off."""
    return not settings.automatic


def refuses_language(ask: Ask, settings: Settings) -> bool:
    """The language is switched off."""
    return not settings.enabled(ask.language_id)


def refuses_secret(ask: Ask, settings: Settings) -> bool:
    """A file that holds secrets is never tokenised, cached or logged."""
    return is_secret(ask.uri, settings.secret_globs)


def refuses_several_places(ask: Ask, settings: Settings) -> bool:
    """Several cursors at work; an answer at one of them would be inserted at all."""
    return ask.last_change.kind == "several"


def refuses_middle(ask: Ask, settings: Settings) -> bool:
    """Inside a word, or with more right of the cursor than closes what is open."""
    return CLOSERS.fullmatch(ask.rest) is None


def refuses_other_change(ask: Ask, settings: Settings) -> bool:
    """Who deletes, undoes or pastes is not asking for more text."""
    return ask.last_change.kind in ("deleted", "pasted")


def refuses_empty(ask: Ask, settings: Settings) -> bool:
    """Too little in the file to guess from."""
    significant = islice(re.finditer(r"\S", ask.text), MIN_SIGNIFICANT)
    return sum(1 for _ in significant) < MIN_SIGNIFICANT


def refuses_size(ask: Ask, settings: Settings) -> bool:
    """The file is too large."""
    return len(ask.text) > MAX_CHARACTERS


Rule = Callable[[Ask, Settings], bool]

ALWAYS: Final[tuple[tuple[str, Rule], ...]] = (
    ("language-off", refuses_language),
    ("secret-file", refuses_secret),
    ("file-too-large", refuses_size),
)
AUTOMATIC: Final[tuple[tuple[str, Rule], ...]] = (
    ("automatic-off", refuses_automatic),
    ("several-places", refuses_several_places),
    ("text-after-cursor", refuses_middle),
    ("not-typed", refuses_other_change),
    ("too-little-text", refuses_empty),
)


def refusal(ask: Ask, settings: Settings) -> str | None:
    """The reason of the first rule that refuses, or None: go on."""
    rules = ALWAYS + AUTOMATIC if ask.trigger == "automatic" else ALWAYS
    return next((reason for reason, refuses in rules if refuses(ask, settings)), None)
