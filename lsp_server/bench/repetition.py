"""Finding degenerate repetition: small models that decode greedily tend to repeat themselves.

Repeated text is drafted with ease and makes decoding look fast, so texts with such a loop are kept
out of comparisons. Looks at token ids alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

LONGEST_PERIOD: Final = 84
MIN_ROUNDS: Final = 3
MIN_TOKENS: Final = 24
"""Tokens; a stretch that goes round this often and is at least this long is a loop: lists and
tables repeat a little by nature."""

MIN_SAME: Final = 0.92
"""Share of tokens equal to those one round earlier. A sentence that comes again and again with
one word changed is a loop; the rows of a table, or the fields of a form, differ in more."""

LONGEST_ECHO: Final = 48
"""Tokens; so much word for word a second time, at whatever distance, is a loop as well."""


def repetition_period(tokens: Sequence[int]) -> int | None:
    """The shortest distance at which some stretch of a text comes again, or None."""
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
    """Whether a stretch of MIN_ROUNDS periods is nearly all the same."""
    compared = max(MIN_TOKENS, MIN_ROUNDS * period) - period
    sums = list(accumulate(same, initial=0))
    starts = range(len(sums) - compared)
    return any(sums[i + compared] - sums[i] >= MIN_SAME * compared for i in starts)
