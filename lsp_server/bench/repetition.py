"""Detects degenerate repetition: small models that decode greedily tend to repeat themselves.

Repeated text is easy to draft and makes decoding look fast, so texts with a loop are left out of
comparisons. Works on token ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

LONGEST_PERIOD: Final = 84
MIN_ROUNDS: Final = 3
MIN_TOKENS: Final = 24
"""Tokens; repeated text counts as a loop only from this length on, because lists and tables
naturally repeat a little."""

MIN_SAME: Final = 0.92
"""Share of tokens that equal those one period earlier. A sentence that is repeated with one word
changed is a loop; the rows of a table, or the fields of a form, differ in more."""

LONGEST_ECHO: Final = 48
"""Tokens; a literal repetition of this length, at any distance, also counts as a loop."""


def repetition_period(tokens: Sequence[int]) -> int | None:
    """The shortest period of a loop in a text, in tokens, or None."""
    for period in range(1, len(tokens)):
        same = [tokens[i] == tokens[i - period] for i in range(period, len(tokens))]
        if _echoes(same) or (period <= LONGEST_PERIOD and _goes_round(same, period)):
            return period
    return None


def repeats_itself(tokens: Sequence[int]) -> bool:
    """Whether a text has a loop anywhere."""
    return repetition_period(tokens) is not None


def _echoes(same: Sequence[bool]) -> bool:
    """Whether LONGEST_ECHO tokens in a row are the same."""
    run = 0
    for equal in same:
        run = run + 1 if equal else 0
        if run == LONGEST_ECHO:
            return True
    return False


def _goes_round(same: Sequence[bool], period: int) -> bool:
    """Whether MIN_ROUNDS periods in a row are nearly equal."""
    compared = max(MIN_TOKENS, MIN_ROUNDS * period) - period
    sums = list(accumulate(same, initial=0))
    starts = range(len(sums) - compared)
    return any(sums[i + compared] - sums[i] >= MIN_SAME * compared for i in starts)
