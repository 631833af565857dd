"""Slices of a prefill: as large as an interruption may wait, whatever a forward costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.models.embedded.prefill_slices import LIMIT_MS, PrefillSlices


def settle(fixed: float, per_row: float, forwards: int = 12) -> PrefillSlices:
    """Slices after some forwards that cost what they are said to."""
    slices = PrefillSlices()
    for _ in range(forwards):
        slices.record(slices.rows, fixed + per_row * slices.rows)
    return slices


@pytest.mark.parametrize(
    ("fixed", "per_row", "rows"),
    [(50, 1, 50), (20, 1, 80), (5, 0.1, 256), (60, 10, 8), (300, 1, 8)],
)
def test_a_slice_takes_what_it_may(fixed: float, per_row: float, rows: int) -> None:
    assert settle(fixed, per_row).rows == pytest.approx(rows, abs=1)


def test_a_large_fixed_cost_does_not_keep_slices_small() -> None:
    slices = settle(fixed=50, per_row=0.5)
    assert slices.rows == pytest.approx(100, abs=2)
    assert 50 + 0.5 * slices.rows <= LIMIT_MS * 1.02


def test_a_machine_that_becomes_busy_is_followed() -> None:
    slices = settle(fixed=10, per_row=0.5)
    for _ in range(12):
        slices.record(slices.rows, 40 + 2 * slices.rows)
    assert slices.rows == pytest.approx(30, abs=3)


def test_the_last_slice_is_shorter_and_counts_too() -> None:
    slices = PrefillSlices()
    for rows in (32, 5, 64, 1, 64, 9):
        slices.record(rows, 30 + 1.0 * rows)
    assert slices.rows == pytest.approx(70, abs=2)


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1e5)), max_size=30))
def test_whatever_was_measured_a_slice_can_be_run(measured: list[tuple[int, float]]) -> None:
    slices = PrefillSlices()
    for rows, ms in measured:
        before = slices.rows
        slices.record(rows, ms)
        assert 8 <= slices.rows <= min(256, max(8, 2 * before))
