"""What a notification's changes did to a text, however they were sent.

Editors send one edit in different ways: key by key, several keys at once, as a line replaced by
itself and one letter more, or as the whole text. Here the changes of one notification are put
together, so that changes next to each other are one edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from lsp_server.positions import find_difference

MOST: Final = 64
"""Edits that are told apart; more are several places in any case."""


class Edit(NamedTuple):
    """A part of the new text, ``length`` characters from ``start``, and the text it replaced."""

    start: int
    length: int
    replaced: str

    @property
    def stop(self) -> int:
        """Where it ends in the new text."""
        return self.start + self.length


class Edits:
    """The edits of one notification, by offset; none of them touches another."""

    def __init__(self) -> None:
        self.all: list[Edit] = []
        """In order."""

    def add(self, text: str, start: int, end: int, new_text: str) -> None:
        """Put in the next change: ``new_text`` replaces what is between two offsets of ``text``."""
        growth = len(new_text) - (end - start)
        before = [edit for edit in self.all if edit.stop < start]
        after = [edit for edit in self.all if edit.start > end]
        touched = self.all[len(before) : len(self.all) - len(after)]
        first = min([start, *(edit.start for edit in touched[:1])])
        last = max([end, *(edit.stop for edit in touched[-1:])])
        replaced, at = [], first
        for edit in touched:
            replaced += [text[at : edit.start], edit.replaced]
            at = edit.stop
        replaced.append(text[at:last])
        whole = Edit(first, last - first + growth, "".join(replaced))
        moved = [edit._replace(start=edit.start + growth) for edit in after]
        self.all = [*before, whole, *moved][:MOST]

    def take(self, text: str) -> Sequence[tuple[str, str]]:
        """(text removed, text inserted) of each edit that changed something; then there are none.

        ``text`` is the text after all changes. What an edit put back as it was does not count.
        """
        edits, self.all = self.all, []
        changes = [_shorten(edit.replaced, text[edit.start : edit.stop]) for edit in edits]
        return [change for change in changes if any(change)]


def _shorten(old: str, new: str) -> tuple[str, str]:
    """Two texts without their common beginning and end."""
    start, old_end, new_end = find_difference(old, new)
    return old[start:old_end], new[start:new_end]
