"""Which drafts pay: how many are verified, and whether a canvas is run.

Decided by expected milliseconds per token, from what forwards cost on this machine and from how
often such drafts turned out right. Never changes the text: the base verifies every draft.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lsp_server.diffusion.calibration import Calibration
from lsp_server.diffusion.drafters.drafts import (
    Drafts,
    compete,
    count_agreeing,
    joint_probabilities,
)
from lsp_server.diffusion.forward_costs import MOST_ROWS, ForwardCosts

MOST_DRAFTS: Final = MOST_ROWS - 1
"""The most drafts in one verifying forward; one of its rows is the pending token."""

_EXPLORED: Final = 0.01  # of the time of verifying forwards that canvases may take to be tried
_FEW: Final = 2.0  # expected tokens; canvases are tried where no more are
_LATELY: Final = 2.0  # weight of the cycles lately against this one, where a token's worth is asked
_FADING: Final = 0.9  # of a cycle's weight in the mean, with each later one


@dataclass(frozen=True, slots=True)
class Plan:
    """Drafts to verify in one forward, and what to expect of it."""

    drafts: Drafts = ()
    tokens: float = 1.0  # expected number of tokens that are written, the base's own included
    ms: float = 0.0  # of the forward


class DraftPolicy:
    """Plans the cycles of speculative decoding; lives as long as the loaded model.

    ``costs`` is public: what forwards took is recorded there.
    """

    def __init__(self, costs: ForwardCosts | None = None) -> None:
        self.costs = costs or ForwardCosts()
        self._calibration = Calibration()
        self._gains = CanvasGains()
        self._unspent = 0.0  # milliseconds for canvases that are run to see what they gain
        self._tokens, self._ms = 1.0, self.costs.verify(1)  # of a cycle, the mean lately

    def begin(self) -> None:
        """A decoding begins: its text may be of another kind than the last."""
        self._gains.begin()

    def plan(self, candidates: Sequence[Drafts], limit: int, canvas: bool = False) -> Plan:
        """The drafts with the least expected milliseconds per token, at most ``limit``.

        ``canvas``: whether this cycle has run one, which is paid for by all its tokens.
        """
        weigh = self._calibration.probability
        drafts = compete(candidates, weigh)[:limit]
        spent = self.costs.canvas if canvas else 0.0
        tokens, ms = 1.0, self.costs.verify(1)
        best = Plan((), tokens, ms)
        for count, probability in enumerate(joint_probabilities(drafts, weigh), 1):
            tokens, ms = tokens + probability, self.costs.verify(count + 1)
            if tokens * (best.ms + spent) > best.tokens * (ms + spent):
                best = Plan(drafts[:count], tokens, ms)
        return best

    def canvas_pays(self, plan: Plan, limit: int) -> bool:
        """Whether to run a canvas before verifying at most ``limit`` drafts, if ``plan`` is ready.

        It is run where the tokens that it is expected to add are worth its milliseconds, and now
        and then where they are not, to see whether that is still so.
        """
        cost = self.costs.canvas
        gain = min(self._gains.expected(plan.tokens), limit + 1 - plan.tokens)
        if gain >= cost * self._rate(plan):
            return True
        if self._unspent < cost or plan.tokens > _FEW:
            return False
        self._unspent -= cost
        return True

    def record(self, plan: Plan, greedy: Sequence[int], without_canvas: Plan | None) -> None:
        """Learn from a cycle.

        ``greedy``: the base's own tokens, up to the first that differs from the drafts of
        ``plan``. ``without_canvas``: the plan if the cycle's canvas had not been run.
        """
        kept = len(greedy) - 1
        for place, draft in enumerate(plan.drafts[: kept + 1]):
            self._calibration.record(draft, place < kept)
        ms = plan.ms
        if without_canvas is None:
            self._unspent = min(self._unspent + _EXPLORED * ms, self.costs.canvas)
        else:
            ms += self.costs.canvas
            added = kept - count_agreeing(without_canvas.drafts, greedy)
            rows_ms = plan.ms - without_canvas.ms
            gain = added - rows_ms * self._rate(without_canvas)
            self._gains.record(without_canvas.tokens, gain)
        self._tokens = _FADING * self._tokens + (1 - _FADING) * len(greedy)
        self._ms = _FADING * self._ms + (1 - _FADING) * ms

    def _rate(self, plan: Plan) -> float:
        """The worth of a millisecond, in tokens: how many are written in one without a canvas.

        A token that a canvas adds spares a part of this cycle and of those that follow. How these
        will go is not known yet; they are taken to be like this one and the ones lately.
        """
        return (plan.tokens + _LATELY * self._tokens) / (plan.ms + _LATELY * self._ms)


class CanvasGains:
    """How many tokens a canvas adds, by the number that is expected without it.

    A mean for each range of that number, over the last hundred canvases or so, and how far the
    canvases of the present text are above or below these means.
    """

    _RANGES: Final = (1.15, 1.5, 2.0, 3.0)  # tokens expected without a canvas
    _FIRST: Final = (0.8, 0.8, 0.6, 0.2, 0.0)  # between code and prose, on held-out files
    _STEP: Final = 0.01
    _MOST: Final = 0.8  # of a mean, so that a text where canvases add little is soon noticed
    _TEXT_STEPS: Final = (0.1, 0.05)  # the first of a text, and the least
    _CARRIED: Final = 0.5  # of how far a text was below the means, to the next one

    def __init__(self) -> None:
        self._means = list(self._FIRST)
        self._above, self._step = 0.0, self._TEXT_STEPS[0]

    def begin(self) -> None:
        """Another text begins."""
        self._above = min(self._CARRIED * self._above, 0.0)
        self._step = self._TEXT_STEPS[0]

    def expected(self, tokens: float) -> float:
        """The tokens that a canvas would add where ``tokens`` are expected without it."""
        return self._means[bisect(self._RANGES, tokens)] + self._above

    def record(self, tokens: float, gain: float) -> None:
        """A canvas added ``gain`` tokens where ``tokens`` were expected without it."""
        place = bisect(self._RANGES, tokens)
        above = gain - self._means[place]
        self._means[place] = min(self._means[place] + self._STEP * above, self._MOST)
        self._above += self._step * (above - self._above)
        self._step = max(self._TEXT_STEPS[1], self._step / (1 + self._step))
