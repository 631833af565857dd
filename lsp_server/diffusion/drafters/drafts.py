"""Drafts: tokens that may come next, and the choice among the proposals of several drafters.

Proposals compete by the number of tokens that each can expect to see accepted. A wrong draft costs
a little time, never text: the base verifies them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from operator import mul

from lsp_server.settings import Source

_NEAR = 7  # drafts; a row behind these costs twice what one of these does
_FAR_FLOOR = 0.6

LONGEST = 28
"""Tokens of a draft, at most: more rows than that cost more than they bring."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted token: where it comes from and how probably it is right, given those before."""

    token: int
    confidence: float
    source: Source


Drafts = tuple[Draft, ...]


def expected_length(drafts: Drafts) -> float:
    """How many of these drafts will be accepted, on average."""
    together = accumulate((draft.confidence for draft in drafts), mul)
    return sum(together, start=0.0)


def count_agreeing(drafts: Drafts, tokens: Sequence[int]) -> int:
    """How many drafts, from the first on, are these tokens."""
    pairs = zip(drafts, tokens, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].token == pair[1], pairs))


def cut(drafts: Drafts, floor: float, limit: int) -> Drafts:
    """The drafts up to where all of them together are less probable than ``floor``.

    Far drafts have to be more probable: each of them costs more, and if it is left out now, it
    will most often be a cheap one of the next forward.
    """
    together = accumulate((draft.confidence for draft in drafts), mul)
    kept = 0
    for probability in together:
        if kept == limit or probability < (floor if kept < _NEAR else max(floor, _FAR_FLOOR)):
            break
        kept += 1
    return drafts[:kept]


def compete(candidates: Sequence[Drafts]) -> Drafts:
    """The candidate that can expect most, made longer by any other that agrees with all of it."""
    best = max(candidates, key=expected_length, default=())
    tokens = [draft.token for draft in best]
    for other in candidates:
        if len(other) > len(best) and [draft.token for draft in other[: len(best)]] == tokens:
            best = best + other[len(best) :]
            tokens = [draft.token for draft in best]
    return best
