"""Keeps a text from breaking a line that was valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from lsp_server.completion.candidate import Candidate
from lsp_server.syntax.surroundings import is_clean

_MOST_CUTS: Final = 12
_MARK: Final = re.compile(r"(?<=\S)(?=\W)")


def fit_syntax(candidate: Candidate) -> Candidate | None:
    """Shorten a text with which the code around it has syntax errors, if it has none then.

    Only where code follows on the line, in strings and for regions, where the code around is
    mostly whole. A text that cannot be shortened so is dropped if there were no errors without it.
    """
    place = candidate.place
    whole = bool(candidate.old) or place.inside is not None or bool(candidate.left.strip())
    if candidate.prose or place.language is None or not whole or _parses(candidate):
        return candidate
    shorter = next(filter(_parses, _cuts(candidate)), None)
    if shorter is not None:
        return shorter
    return None if place.around is not None and place.around.clean else candidate


def _cuts(candidate: Candidate) -> Iterator[Candidate]:
    """Shorter candidates, longest first, cut before a mark in the same code as their place."""
    offsets = [found.start() for found in _MARK.finditer(candidate.text)]
    for offset in offsets[: -_MOST_CUTS - 1 : -1]:
        if candidate.in_place(offset):
            yield replace(candidate, text=candidate.text[:offset])


def _parses(candidate: Candidate) -> bool:
    """Whether there are no syntax errors around the text when it is in its place."""
    place = candidate.place
    assert place.tree is not None
    end = place.end + candidate.taken
    tree = place.tree.edit(place.start, end, candidate.text)
    return is_clean(tree, place.start, place.start + len(candidate.text))
