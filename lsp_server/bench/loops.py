"""Does a text go round in circles? A greedy small model that has lost the thread repeats itself.

Looks at token ids alone. A loop makes decoding look fast, since what repeats is drafted with ease:
texts that loop are kept out of comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LONGEST_PERIOD: Final = 96
"""Tokens; a text that comes round after more than that is not called a loop."""

MIN_ROUNDS: Final = 3
MIN_TOKENS: Final = 24
"""A stretch counts when it goes round this often and is at least this long: tables and lists of
code repeat a little by nature."""


def looping(tokens: Sequence[int]) -> int:
    """How many tokens lie in the longest stretch that only repeats its own first period.

    0 when no stretch of at least MIN_TOKENS goes round at least MIN_ROUNDS times.
    """
    longest = 0
    for period in range(1, min(LONGEST_PERIOD, len(tokens) // MIN_ROUNDS) + 1):
        needed = max(MIN_TOKENS, MIN_ROUNDS * period)
        stretch = period
        for index in range(period, len(tokens)):
            stretch = stretch + 1 if tokens[index] == tokens[index - period] else period
            if stretch >= needed:
                longest = max(longest, stretch)
    return longest


def loops(tokens: Sequence[int]) -> bool:
    """Whether a text goes round in circles anywhere."""
    return looping(tokens) > 0
