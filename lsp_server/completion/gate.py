"""The gate: rules that refuse a request before the model is run, one small function each.

A rule sees an ``Ask`` and the settings and says whether it refuses. Some rules only keep
completions from getting in the way of typing; those apply to automatic requests alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

from lsp_server.completion.exclusions import is_secret
from lsp_server.completion.secrets import is_inside_secret
from lsp_server.positions import line_stop
from lsp_server.settings import Settings

Trigger = Literal["invoked", "automatic"]

MAX_CHARACTERS: Final = 1_000_000
"""Longer files are refused: processing them at every keystroke is noticeably slow."""

MIN_SIGNIFICANT: Final = 10
"""Files with fewer characters, white space aside, have too little context for the model."""

PASTE_CHARACTERS: Final = 80
"""A longer text inserted by one change counts as pasted, not as typed or picked from a list."""

WORD: Final = re.compile(r"\w")
CLOSERS: Final = re.compile(r"\s*(?:[)>}\]\"'`]*|\*/|-->|/>|[?%]>)\s*[:{;,]?\s*")


@dataclass(frozen=True, slots=True)
class LastChange:
    """The kind of a document's last change, judged by what became of the text.

    ``typed`` includes what an editor inserts during typing: auto-closed brackets, automatic
    indentation, a picked suggestion, an accepted completion. ``several`` is a change in several
    places at once: multiple cursors, a rename, a formatter. ``undone``: what was just removed is
    back, by undo or moved by cut and paste. ``none``: nothing has changed.
    """

    kind: Literal["none", "typed", "deleted", "undone", "pasted", "several"] = "none"

    @classmethod
    def of(
        cls,
        edits: Sequence[tuple[str, str]],
        offered: Sequence[str] = (),
        removed: Collection[str] = (),
    ) -> LastChange:
        """Classify edits that do not touch each other, each (text removed, text inserted).

        ``offered`` holds recently offered texts: inserting one of them, or a part, is an
        acceptance, not a paste. ``removed`` holds what recent edits removed.
        """
        if not edits:
            return cls("none")
        # Editors trim a blank line that the cursor leaves, and indent what is typed.
        filled = [edit for edit in edits if "".join(edit).strip()]
        edits = filled or [edit for edit in edits if edit[1]] or edits[:1]
        if len(edits) > 1:
            return cls("several")
        old, new = edits[0]
        if not new or (len(old) > len(new) and not new.strip()):
            return cls("deleted")
        if any(new.strip() in text for text in offered):
            return cls("typed")
        if len(new) > 1 and WORD.search(new) and new in removed:
            return cls("undone")
        lines = [line for line in re.split(r"\r\n|\n|\r", new) if WORD.search(line)]
        pasted = len(lines) > 1 or len(new.strip()) > PASTE_CHARACTERS
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
        """The text right of the cursor on its line."""
        return self.text[self.offset : line_stop(self.text, self.offset)]


def refuses_automatic(ask: Ask, settings: Settings) -> bool:
    """Completion while typing is switched off."""
    return not settings.automatic


def refuses_language(ask: Ask, settings: Settings) -> bool:
    """The language is switched off."""
    return not settings.enabled(ask.language_id)


def refuses_secret(ask: Ask, settings: Settings) -> bool:
    """The file may hold secrets; such files are never tokenised, cached or logged."""
    return is_secret(ask.uri, settings.secret_globs, ask.language_id)


def refuses_secret_text(ask: Ask, settings: Settings) -> bool:
    """The place is inside a key, token or password: nobody wants another one there."""
    return is_inside_secret(ask.text, ask.offset)


def refuses_several_places(ask: Ask, settings: Settings) -> bool:
    """There are several cursors: a completion for one would be inserted at all of them."""
    return ask.last_change.kind == "several"


def refuses_middle(ask: Ask, settings: Settings) -> bool:
    """The cursor is inside a word, or has more than closing marks to its right."""
    return CLOSERS.fullmatch(ask.rest) is None


def refuses_other_change(ask: Ask, settings: Settings) -> bool:
    """The last change deleted, restored or pasted text: the user is not typing."""
    return ask.last_change.kind in ("deleted", "undone", "pasted")


def refuses_empty(ask: Ask, settings: Settings) -> bool:
    """The file has too little text."""
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
    ("secret-text", refuses_secret_text),
)
AUTOMATIC: Final[tuple[tuple[str, Rule], ...]] = (
    ("automatic-off", refuses_automatic),
    ("several-places", refuses_several_places),
    ("text-after-cursor", refuses_middle),
    ("not-typed", refuses_other_change),
    ("too-little-text", refuses_empty),
)


def refusal(ask: Ask, settings: Settings) -> str | None:
    """The reason of the first rule that refuses, or None."""
    rules = ALWAYS + AUTOMATIC if ask.trigger == "automatic" else ALWAYS
    return next((reason for reason, refuses in rules if refuses(ask, settings)), None)
