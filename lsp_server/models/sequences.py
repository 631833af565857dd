"""The cached sequences of one model, under a budget of memory.

A prompt goes on from the sequence that it shares most with, so that typing in one place, filling a
region in another and a second document keep their windows side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

BUDGET: Final = 128 * 2**20
"""Bytes of keys and values: six windows of 768 tokens in fp32 with the embedded model."""


class Cache(Protocol):
    """The keys and values of one sequence."""

    @property
    def bytes(self) -> int:
        """What it takes in memory."""

    def truncate(self, length: int) -> None:
        """Cut the sequence back to ``length`` rows."""


@dataclass(slots=True, eq=False)
class CachedSequence:
    """Tokens whose keys and values are cached."""

    cache: Any  # a Cache of the model's own kind
    tokens: list[int] = field(default_factory=list)
    prompt_length: int = 0  # of the prompt that it was filled for last
    document: str = ""  # that the prompt was of

    def cut(self, length: int) -> None:
        """Keep the first ``length`` tokens."""
        self.cache.truncate(length)
        del self.tokens[length:]


class CachedSequences:
    """Sequences, of which one is active: the one that forwards append to."""

    def __init__(self, new_cache: Callable[[], Cache], budget: int = BUDGET) -> None:
        """``budget``: bytes of all caches together; one sequence may take more than that."""
        self._new_cache, self._budget = new_cache, budget
        self.active = CachedSequence(new_cache())
        self._new_bytes = self.active.cache.bytes
        self._all = [self.active]  # the least recently used one first

    @property
    def bytes(self) -> int:
        """What the caches take."""
        return sum(sequence.cache.bytes for sequence in self._all)

    def activate(self, prompt: Sequence[int], document: str) -> int:
        """Make the best sequence for a prompt the active one, cut to what it shares with it.

        Returns how many tokens that is. The best one shares most, of those that share at least
        half of the prompt they were filled for: cutting another one would lose more than it saves.
        Where there is none it is a new sequence, or the least recently used one when the budget is
        spent. A sequence belongs to the document that it was filled for last.
        """
        shared = self._count_near(prompt)
        if shared:
            self.active = max(shared, key=shared.__getitem__)
        elif self.bytes + self._new_bytes <= self._budget:
            self.active = CachedSequence(self._new_cache())
        else:
            self.active = self._all[0]
        self._all = [*(each for each in self._all if each is not self.active), self.active]
        count = _common(self.active.tokens, prompt)
        self.active.cut(count)
        self.active.prompt_length, self.active.document = len(prompt), document
        return count

    def count_cached(self, prompt: Sequence[int]) -> int:
        """How many tokens of a prompt ``activate`` would find cached."""
        return max(self._count_near(prompt).values(), default=0)

    def _count_near(self, prompt: Sequence[int]) -> dict[CachedSequence, int]:
        """What a prompt shares with the sequences that may be cut for it, the latest used first."""
        shared = {sequence: _common(sequence.tokens, prompt) for sequence in reversed(self._all)}
        return {
            sequence: count
            for sequence, count in shared.items()
            if 2 * count >= min(len(sequence.tokens), sequence.prompt_length)
        }

    def shrink(self) -> None:
        """Drop the least recently used sequences while the budget is exceeded."""
        while self.bytes > self._budget and len(self._all) > 1:
            del self._all[0]

    def forget(self, document: str | None) -> None:
        """Drop the sequences of a document, or with None all of them."""
        kept = [each for each in self._all if document not in (None, each.document)]
        if self.active not in kept:
            self.active = CachedSequence(self._new_cache())
            kept.append(self.active)
        self._all = kept


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """The length of the common prefix."""
    length = min(len(left), len(right))
    for index in range(length):
        if left[index] != right[index]:
            return index
    return length
