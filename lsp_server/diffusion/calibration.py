"""Calibrated confidences: how often drafts are right that are said to be right so often."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import Final

from lsp_server.diffusion.drafters.drafts import Draft
from lsp_server.settings import SOURCES

_SLOPE: Final = 1.2  # at the start, of every source: on held-out files all were underconfident
_SLOPES: Final = (0.5, 2.0)
_OFFSETS: Final = (-1.5, 1.5)
_SURE: Final = 0.999  # confidences are taken to lie between this and its complement
_OFFSET_STEP, _SLOPE_STEP = 0.03, 0.01  # of one draft; its effect fades over some hundred others


@dataclass(slots=True)
class _Line:
    """The corrected log-odds as a line over the log-odds that were said."""

    slope: float = _SLOPE
    offset: float = 0.0


class Calibration:
    """Corrects the confidences of each source's drafts by what became of the earlier ones.

    Platt scaling, fitted by stochastic gradient steps on the log-likelihood, one for each draft
    that was verified. Bounded and always increasing in the confidence. Lives as long as the
    loaded model.
    """

    def __init__(self) -> None:
        self._lines = {source: _Line() for source in SOURCES}

    def probability(self, draft: Draft) -> float:
        """The probability that a draft is right, given that those before it are."""
        line = self._lines[draft.source]
        return 1 / (1 + exp(-line.slope * _log_odds(draft) - line.offset))

    def record(self, draft: Draft, accepted: bool) -> None:
        """A draft was accepted, or refused, and all drafts before it were accepted."""
        line, error = self._lines[draft.source], accepted - self.probability(draft)
        line.slope = _bounded(line.slope + _SLOPE_STEP * error * _log_odds(draft), _SLOPES)
        line.offset = _bounded(line.offset + _OFFSET_STEP * error, _OFFSETS)


def _log_odds(draft: Draft) -> float:
    confidence = _bounded(draft.confidence, (1 - _SURE, _SURE))
    return log(confidence / (1 - confidence))


def _bounded(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])
