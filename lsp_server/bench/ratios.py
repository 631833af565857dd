"""Ratios of paired measurements: each pair was measured one right after the other.

A machine that is slow for a while slows both, so that a ratio says more than two medians.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Quartiles:
    """The median of some values and the quarter of them below and above."""

    count: int
    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Quartiles:
        """Of the values that are not None; all zero when there are none."""
        measured = [value for value in values if value is not None]
        if not measured:
            return cls(0, 0.0, 0.0, 0.0)
        low, median, high = map(float, np.percentile(measured, (25, 50, 75)))
        return cls(len(measured), low, median, high)

    def show(self, digits: int) -> str:
        """For a table: ``0.52 (0.48–0.60)``."""
        if not self.count:
            return "–"
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}–{self.high:.{digits}f})"

    def to_json(self) -> dict[str, Any]:
        """Count, median and quartiles."""
        return {
            "count": self.count,
            "median": round(self.median, 4),
            "quartiles": [round(self.low, 4), round(self.high, 4)],
        }


def paired(
    values: Sequence[float | None], references: Sequence[float | None]
) -> list[float | None]:
    """Each value divided by its reference; None where one of them is None or the reference 0."""
    return [
        value / reference if value is not None and reference else None
        for value, reference in zip(values, references, strict=True)
    ]
