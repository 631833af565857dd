"""How many rows of a prefill run in one forward, between two looks at the stop flag."""

from __future__ import annotations

from typing import Final

LIMIT_MS: Final = 100.0
"""How long whoever interrupts a prefill may have to wait."""

_FIRST, _LEAST, _MOST = 32, 8, 256  # rows
_KEPT = 0.7  # of the weight of a forward when the next one is recorded


class PrefillSlices:
    """The largest slice that takes ``LIMIT_MS``, by what the forwards so far have taken.

    A forward costs a fixed time and so much for every row. Both are fitted to the last forwards
    (least squares, weighted by age), because where the fixed part is large, a slice that is scaled
    by its own time never grows.
    """

    def __init__(self) -> None:
        self.rows = _FIRST
        self._sums = [0.0] * 5  # of 1, rows, ms, rows², rows · ms

    def record(self, rows: int, ms: float) -> None:
        """A forward of ``rows`` rows took ``ms`` milliseconds; sets ``rows`` for the next one."""
        values = (1.0, rows, ms, rows * rows, rows * ms)
        both = zip(self._sums, values, strict=True)
        self._sums = [_KEPT * total + value for total, value in both]
        wanted = min(self._fit(rows, ms), 2.0 * self.rows)
        self.rows = int(max(_LEAST, min(_MOST, wanted)))

    def _fit(self, rows: int, ms: float) -> float:
        """The rows that take as long as they may."""
        count, sum_rows, sum_ms, squares, products = self._sums
        spread = squares - sum_rows * sum_rows / count
        if spread > 1:  # else all slices were alike
            per_row = (products - sum_rows * sum_ms / count) / spread
            fixed = (sum_ms - per_row * sum_rows) / count
            if per_row > 0:
                return (LIMIT_MS - max(fixed, 0.0)) / per_row
        return rows * LIMIT_MS / max(ms, 1e-3)
