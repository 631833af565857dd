"""The refresh policy: when a denoiser computes anew what stands around its canvas."""

from __future__ import annotations


class Refresh:
    """When prefix and suffix are computed anew: the dual cache's policy (arXiv 2505.22618).

    Always on the first forward of a canvas and after its length has changed, because nothing
    computed before fits; then after every ``every`` forwards. 1 is exact: each forward equals one
    without any cache. 0 is never within a canvas, which is what Fast-dLLM does within a block:
    prefix and suffix then keep what they computed when the canvas was all masks.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._shape: tuple[int, int] | None = None
        self._age = 0  # forwards since, the refreshing one included

    def due(self, known: int, width: int) -> bool:
        """Whether the next forward refreshes: ``width`` positions behind ``known`` tokens."""
        stale = 0 < self._every <= self._age
        refresh = stale or self._shape != (known, width)
        self._shape = known, width
        self._age = 1 if refresh else self._age + 1
        return refresh
