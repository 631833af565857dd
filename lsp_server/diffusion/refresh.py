"""The refresh policy: when a denoiser computes prefix and suffix again."""

from __future__ import annotations


class Refresh:
    """When the keys and values of prefix and suffix are recomputed: dual cache (arXiv 2505.22618).

    Always on the first forward of a canvas and after its length has changed, because cached rows
    do not fit then; otherwise after every ``every`` forwards. 1 is exact: each forward equals one
    without a cache. 0 means never within a canvas, as Fast-dLLM does within a block: the cached
    rows then stay those computed when the canvas was all masks.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._shape: tuple[int, int] | None = None
        self._age = 0  # forwards since the last refresh, including it

    def due(self, known: int, width: int) -> bool:
        """Whether the next forward refreshes; its canvas: ``width`` after ``known`` tokens."""
        stale = 0 < self._every <= self._age
        refresh = stale or self._shape != (known, width)
        self._shape = known, width
        self._age = 1 if refresh else self._age + 1
        return refresh
