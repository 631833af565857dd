"""Drafts: tokens that may come next, and the choice among the proposals of several drafters.

The proposal with the highest expected number of accepted tokens wins. A wrong draft costs a little
time but never changes the text, because the base verifies every draft.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from operator import mul

from lsp_server.settings import Source

_NEAR = 7  # drafts; each row beyond these costs twice as much in a verifying forward
_FAR_FLOOR = 0.6

LONGEST = 28
"""The most drafts in one verifying forward: further rows cost more than they gain."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted token, the probability that it is right given those before, and its source."""

    token: int
    confidence: float
    source: Source


Drafts = tuple[Draft, ...]


def expected_length(drafts: Drafts) -> float:
    """The expected number of accepted drafts."""
    together = accumulate((draft.confidence for draft in drafts), mul)
    return sum(together, start=0.0)


def count_agreeing(drafts: Drafts, tokens: Sequence[int]) -> int:
    """The number of leading drafts that equal ``tokens``."""
    pairs = zip(drafts, tokens, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].token == pair[1], pairs))


def cut(drafts: Drafts, floor: float, limit: int) -> Drafts:
    """The drafts up to where their joint probability falls below ``floor``; at most ``limit``.

    Drafts beyond the first 7 must be more probable: each costs more, and one that is left out
    will mostly be among the cheap ones of the next forward.
    """
    together = accumulate((draft.confidence for draft in drafts), mul)
    kept = 0
    for probability in together:
        if kept == limit or probability < (floor if kept < _NEAR else max(floor, _FAR_FLOOR)):
            break
        kept += 1
    return drafts[:kept]


def compete(candidates: Sequence[Drafts]) -> Drafts:
    """The candidate of highest expected length, extended by longer ones that agree with it."""
    best = max(candidates, key=expected_length, default=())
    tokens = [draft.token for draft in best]
    for other in candidates:
        if len(other) > len(best) and [draft.token for draft in other[: len(best)]] == tokens:
            best = best + other[len(best) :]
            tokens = [draft.token for draft in best]
    return best
