"""The policy is tested on made-up texts, with costs given as data: nothing is timed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.draft_policy import MOST_DRAFTS, DraftPolicy, Plan
from lsp_server.diffusion.drafters.drafts import (
    Draft,
    Drafts,
    count_agreeing,
    joint_probabilities,
)
from lsp_server.diffusion.forward_costs import ForwardCosts
from lsp_server.settings import Source

Curve = Callable[[int], float]


def measured(verify: Curve, canvas: float) -> ForwardCosts:
    """Costs of a machine where every number of rows has been measured."""
    costs = ForwardCosts()
    for rows in [*range(1, MOST_DRAFTS + 2)] * 8:
        costs.record_verify(rows, verify(rows))
    costs.record_canvas(canvas)
    return costs


def drafts(*confidences: float) -> Drafts:
    return tuple(Draft(token, each, "file") for token, each in enumerate(confidences))


def rows_are_free(rows: int) -> float:
    return 40.0


def rows_cost_little(rows: int) -> float:
    return 40.0 + 1.5 * rows


def rows_cost_a_forward(rows: int) -> float:
    return 40.0 * rows


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(0, 40), st.booleans())
def test_no_other_number_of_drafts_costs_less(
    confidences: list[float], limit: int, canvas: bool
) -> None:
    policy = DraftPolicy(measured(rows_cost_little, 15.0))
    plan = policy.plan([drafts(*confidences)], limit, canvas)
    weigh = policy._calibration.probability
    spent = policy.costs.canvas if canvas else 0.0
    tokens, per_token = 1.0, [policy.costs.verify(1) + spent]
    for probability in joint_probabilities(drafts(*confidences)[:limit], weigh):
        tokens += probability
        per_token.append((policy.costs.verify(len(per_token) + 1) + spent) / tokens)
    assert len(plan.drafts) <= limit
    assert per_token[len(plan.drafts)] == pytest.approx(min(per_token))
    assert plan.ms == policy.costs.verify(len(plan.drafts) + 1)


def test_rows_that_are_free_are_used_and_dear_ones_are_not() -> None:
    some = drafts(*[0.8] * 12)
    assert len(DraftPolicy(measured(rows_are_free, 1.0)).plan([some], 99).drafts) == 12
    assert 0 < len(DraftPolicy(measured(rows_cost_little, 1.0)).plan([some], 99).drafts) < 12
    assert DraftPolicy(measured(rows_cost_a_forward, 1.0)).plan([some], 99).drafts == ()


def test_drafts_that_turn_out_wrong_are_drafted_less() -> None:
    policy = DraftPolicy(measured(rows_cost_little, 1.0))
    before = policy.plan([drafts(*[0.6] * 8)], 99)
    for _ in range(200):
        policy.record(before, [99], None)  # the base wrote something else
    assert len(policy.plan([drafts(*[0.6] * 8)], 99).drafts) < len(before.drafts)


def test_no_canvas_is_run_where_there_is_no_room_for_its_tokens() -> None:
    policy = DraftPolicy(measured(rows_are_free, 15.0))
    assert policy.canvas_pays(policy.plan([], 9), 9)
    assert not policy.canvas_pays(policy.plan([], 0), 0)


@dataclass(frozen=True)
class Kind:
    """A kind of text: how many tokens each source of drafts would have right, on average."""

    cheap: float
    denoiser: float


PROSE, CODE = Kind(cheap=0.5, denoiser=0.3), Kind(cheap=0.7, denoiser=2.5)


class Writing:
    """Decodes texts of a kind, and counts tokens, milliseconds and canvases."""

    def __init__(self, policy: DraftPolicy, denoiser: bool = True) -> None:
        self.policy, self._denoiser = policy, denoiser
        self.tokens, self.ms, self.canvases = 0, 0.0, 0

    @property
    def ms_per_token(self) -> float:
        return self.ms / self.tokens

    def write(self, kind: Kind, cycles: int, seed: int) -> None:
        """One text. What each source has right at a place depends on the place alone."""
        self.policy.begin()
        place = 0
        for _ in range(cycles):
            chance = random.Random(f"{seed} {place}")
            greedy = [chance.randrange(1000) for _ in range(40)]
            cheap = self._draft(greedy, kind.cheap, "file", chance)
            drawn = self._draft(greedy, kind.denoiser, "denoiser", chance)
            place += self._cycle(greedy, cheap, drawn)

    def _cycle(self, greedy: list[int], cheap: Drafts, drawn: Drafts) -> int:
        plan, without = self.policy.plan([cheap], 20), None
        if self._denoiser and self.policy.canvas_pays(plan, 20):
            without, plan = plan, self.policy.plan([cheap, drawn], 20, canvas=True)
            self.canvases += 1
            self.ms += self.policy.costs.canvas
        self.ms += self.policy.costs.verify(len(plan.drafts) + 1)
        written = count_agreeing(plan.drafts, greedy) + 1
        self.tokens += written
        self.policy.record(plan, greedy[:written], without)
        return written

    @staticmethod
    def _draft(greedy: list[int], right: float, source: Source, chance: random.Random) -> Drafts:
        """Drafts of which ``right`` are right on average, each as probable as it says."""
        confidence = right / (1 + right)
        agreeing = 0
        while chance.random() < confidence and agreeing < 8:
            agreeing += 1
        tokens = [*greedy[:agreeing], *[-1] * (8 - agreeing)]
        return tuple(Draft(token, confidence, source) for token in tokens)


EXPLORED = 0.01  # of the time


@pytest.mark.parametrize("kind", [PROSE, CODE])
def test_canvases_that_cannot_pay_are_hardly_ever_run(kind: Kind) -> None:
    """A canvas costs as much as ten forwards."""
    off = Writing(DraftPolicy(measured(rows_cost_little, 400.0)), denoiser=False)
    on = Writing(DraftPolicy(measured(rows_cost_little, 400.0)))
    for seed in range(20):
        off.write(kind, 100, seed)
        on.write(kind, 100, seed)
    assert on.canvases <= EXPLORED * on.ms / 400 + 1
    assert on.ms_per_token <= off.ms_per_token * (1 + 2 * EXPLORED)


@pytest.mark.parametrize("canvas", [5.0, 15.0, 25.0, 40.0, 80.0])
@pytest.mark.parametrize("verify", [rows_are_free, rows_cost_little])
@pytest.mark.parametrize("kinds", [[PROSE], [CODE], [PROSE, CODE]])
def test_no_kind_of_text_is_slower_than_without_the_denoiser(
    kinds: list[Kind], verify: Curve, canvas: float
) -> None:
    """But for the canvases that are run to see what they gain, or before a text is known."""
    on, off = DraftPolicy(measured(verify, canvas)), DraftPolicy(measured(verify, canvas))
    sums = {kind: (Writing(on), Writing(off, denoiser=False)) for kind in kinds}
    for seed in range(40):
        for kind in kinds:
            for each in sums[kind]:
                each.write(kind, 60, seed)
    for drawing, plain in sums.values():
        assert drawing.ms_per_token <= plain.ms_per_token * (1 + len(kinds) * 0.02)


def test_canvases_that_pay_are_run() -> None:
    on = Writing(DraftPolicy(measured(rows_cost_little, 15.0)))
    off = Writing(DraftPolicy(measured(rows_cost_little, 15.0)), denoiser=False)
    for seed in range(20):
        on.write(CODE, 60, seed)
        off.write(CODE, 60, seed)
    assert on.ms_per_token < 0.8 * off.ms_per_token


def test_after_prose_code_gets_its_canvases_back() -> None:
    policy = DraftPolicy(measured(rows_cost_little, 15.0))
    prose, code = Writing(policy), Writing(policy)
    for seed in range(60):
        prose.write(PROSE, 60, seed)
    for seed in range(10):
        code.write(CODE, 60, seed)
    assert prose.canvases / 60 < 4 < 20 < code.canvases / 10


def test_an_empty_plan_is_one_row() -> None:
    policy = DraftPolicy()
    assert policy.plan((), 0) == Plan((), 1.0, policy.costs.verify(1))
