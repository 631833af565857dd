from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.forward_costs import MOST_ROWS, ForwardCosts

ROWS = st.integers(1, MOST_ROWS)


def measured(forwards: list[tuple[int, float]]) -> ForwardCosts:
    costs = ForwardCosts()
    for rows, ms in forwards:
        costs.record_verify(rows, ms)
    return costs


def steep(rows: int) -> float:
    return 20 + 5 * rows


def flat_then_steep(rows: int) -> float:
    return 30 + max(0, rows - 8) * 2


@pytest.mark.parametrize("true", [steep, flat_then_steep])
def test_the_curve_is_that_of_the_machine(true: object) -> None:
    assert callable(true)
    chance = random.Random(0)
    drawn = [chance.choice([1, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32]) for _ in range(400)]
    costs = measured([(rows, true(rows) * chance.uniform(0.9, 1.1)) for rows in drawn])
    for rows in range(1, MOST_ROWS + 1):
        assert costs.verify(rows) == pytest.approx(true(rows), rel=0.12)


def test_forwards_that_were_disturbed_hardly_count() -> None:
    chance = random.Random(1)
    drawn = [chance.randint(1, 12) for _ in range(300)]
    costs = measured([(rows, steep(rows) * (8 if chance.random() < 0.15 else 1)) for rows in drawn])
    for rows in range(1, 13):
        assert costs.verify(rows) == pytest.approx(steep(rows), rel=0.1)


def test_a_slow_first_forward_is_forgotten() -> None:
    later = [(1 + turn % 6, flat_then_steep(1 + turn % 6)) for turn in range(12)]
    costs = measured([(1, 900.0), *later])
    assert costs.verify(1) == pytest.approx(flat_then_steep(1), rel=0.1)


def test_row_counts_that_never_ran_follow_the_machine() -> None:
    unknown, slow = ForwardCosts(), measured([(1, 400.0)] * 20)
    for rows in (8, 24):
        expected = unknown.verify(rows) / unknown.verify(1)
        assert slow.verify(rows) / slow.verify(1) == pytest.approx(expected, rel=0.01)
    assert slow.canvas / slow.verify(1) == pytest.approx(unknown.canvas / unknown.verify(1))


def test_a_machine_that_changes_is_measured_again() -> None:
    costs = measured([(rows, 2.0 * steep(rows)) for rows in range(1, 9)] * 40)
    for _ in range(40):
        for rows in range(1, 9):
            costs.record_verify(rows, steep(rows))
    assert costs.verify(4) == pytest.approx(steep(4), rel=0.05)


def test_the_cost_of_a_canvas_is_the_median() -> None:
    costs = ForwardCosts()
    for ms in (10.0, 11.0, 500.0, 10.0, 12.0):
        costs.record_canvas(ms)
    assert costs.canvas == 11


@given(st.lists(st.tuples(ROWS, st.floats(0.01, 1e5)), max_size=40))
def test_costs_are_positive_and_never_fall(forwards: list[tuple[int, float]]) -> None:
    costs = measured(forwards)
    curve = [costs.verify(rows) for rows in range(1, MOST_ROWS + 1)]
    assert curve[0] > 0
    assert all(fewer <= more for fewer, more in pairwise(curve))
