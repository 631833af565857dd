"""Drafts: tokens that may come next, and the choice among the proposals of several drafters.

The proposal with the highest expected number of accepted tokens wins. A wrong draft costs a little
time but never changes the text, because the base verifies every draft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from operator import mul
from typing import Final

from lsp_server.settings import Source

NEGLIGIBLE: Final = 0.02
"""Joint confidence below which a draft is worth less than the time to choose it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted token, the probability that it is right given those before, and its source."""

    token: int
    confidence: float
    source: Source


Drafts = tuple[Draft, ...]
Weigh = Callable[[Draft], float]
"""The probability that a draft is right, given that those before it are."""


def joint_probabilities(drafts: Drafts, weigh: Weigh) -> Iterator[float]:
    """For each draft, the probability that it and all before it are right."""
    return accumulate(map(weigh, drafts), mul)


def expected_length(drafts: Drafts, weigh: Weigh) -> float:
    """The expected number of accepted drafts."""
    return sum(joint_probabilities(drafts, weigh), start=0.0)


def count_agreeing(drafts: Drafts, tokens: Sequence[int]) -> int:
    """The number of leading drafts that equal ``tokens``."""
    pairs = zip(drafts, tokens, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].token == pair[1], pairs))


def compete(candidates: Sequence[Drafts], weigh: Weigh) -> Drafts:
    """The candidate of highest expected length, extended by longer ones that agree with it."""
    best = max(candidates, key=lambda drafts: expected_length(drafts, weigh), default=())
    tokens = [draft.token for draft in best]
    for other in candidates:
        if len(other) > len(best) and [draft.token for draft in other[: len(best)]] == tokens:
            best = best + other[len(best) :]
            tokens = [draft.token for draft in best]
    return best
