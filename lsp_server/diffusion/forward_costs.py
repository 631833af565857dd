"""What forwards cost on this machine, in milliseconds, measured while they run.

Every decision about drafts compares such costs, so their ratios matter most; they differ between
machines and runtimes by far more than any constant could say.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

MOST_ROWS: Final = 32
"""The most rows of a verifying forward whose cost is estimated."""

_KNOTS: Final = np.array([1.0, 2.0, 4.0, 8.0, 16.0, MOST_ROWS])
# A first idea of the costs: int8 on two cores. Only its shape matters once a forward has run.
_VERIFY_MS: Final = np.array([41.0, 41.0, 42.0, 50.0, 75.0, 120.0])
_CANVAS_SHARE: Final = 0.4  # of a verifying forward of one row
_KEPT: Final = 256  # latest forwards of a kind that are remembered
_REFIT: Final = 8  # forwards after which the curve is fitted again
_ROUNDS: Final = 6  # of reweighting in a fit
_EXACT: Final = 0.01  # deviations below this share of a forward are not told apart


class ForwardCosts:
    """Running estimates of the cost of verifying forwards, by their rows, and of canvases.

    Lives as long as the loaded model. The cost of a verifying forward is a curve through a few row
    counts, straight between them and never falling. It is fitted to the latest forwards by least
    absolute deviations (iteratively reweighted least squares), so that a forward during which
    another program had the processor hardly counts. Where few forwards ran, the curve keeps to the
    shape of a first idea, scaled to this machine: it counts as one forward at each of the points.
    """

    def __init__(self) -> None:
        self._verified: deque[tuple[int, float]] = deque(maxlen=_KEPT)
        self._canvases: deque[float] = deque(maxlen=_KEPT)
        self._curve, self._new = _VERIFY_MS, 0

    def verify(self, rows: int) -> float:
        """The milliseconds of a verifying forward of ``rows`` rows."""
        return float(np.interp(rows, _KNOTS, self._curve))

    def prefill(self, tokens: int) -> float:
        """About the milliseconds of a prefill of ``tokens`` tokens."""
        return tokens * self.verify(MOST_ROWS) / MOST_ROWS

    @property
    def canvas(self) -> float:
        """The milliseconds of a canvas."""
        if not self._canvases:
            return _CANVAS_SHARE * self.verify(1)
        return median(self._canvases)

    def record_verify(self, rows: int, ms: float) -> None:
        """A verifying forward of ``rows`` rows took ``ms`` milliseconds."""
        self._verified.append((rows, ms))
        self._new += 1
        if self._new == _REFIT or len(self._verified) <= _REFIT:
            self._curve, self._new = _fit(np.array(self._verified), self._curve), 0

    def record_canvas(self, ms: float) -> None:
        """A canvas took ``ms`` milliseconds."""
        self._canvases.append(ms)


def _fit(forwards: _Floats, curve: _Floats) -> _Floats:
    """The milliseconds at the knots, from pairs of rows and milliseconds (forwards, 2).

    ``curve``: the last fit, from which this one starts.
    """
    rows, ms = forwards.T
    prior = _VERIFY_MS * np.median(ms / np.interp(rows, _KNOTS, _VERIFY_MS))
    rows, ms = np.append(rows, _KNOTS), np.append(ms, prior)
    hats = np.stack([np.interp(rows, _KNOTS, each) for each in np.eye(len(_KNOTS))], 1)
    for _ in range(_ROUNDS):
        weighted = hats / np.maximum(np.abs(ms - hats @ curve), _EXACT * prior[0])[:, None]
        curve = np.linalg.solve(weighted.T @ hats, weighted.T @ ms)
    return np.maximum.accumulate(curve)
