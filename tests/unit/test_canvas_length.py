from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.length import (
    CODE,
    LengthHints,
    Prior,
    choose_length,
    measure_bias,
    measure_density,
    published_bias,
)
from lsp_server.diffusion.types import Lengths

SKEWED = Lengths((4, 8, 16, 64), (0.4, 0.2, 0.2, 0.2))


class Model:
    """Is the surer the closer a canvas is to its text's length, beside a bias of its own."""

    def __init__(self, true: int, steepness: float = 0.1) -> None:
        self.true, self._steepness = true, steepness
        self.probed: list[int] = []

    def __call__(self, masks: int) -> float:
        self.probed.append(masks)
        return published_bias(masks) * math.exp(-self._steepness * abs(masks - self.true))


def never(masks: int) -> float:
    raise AssertionError("no forward is needed")


def test_density_is_the_texts_own_and_at_least_one() -> None:
    assert measure_density(0, 0, code=16) == len(CODE) / 16
    assert measure_density(20_000, 10_000, code=16) == pytest.approx(2.0, abs=0.01)
    assert measure_density(500, 10_000, code=16) == 1.0
    assert measure_density(10, 10, code=len(CODE)) == 1.0


def test_a_prior_turns_characters_into_tokens() -> None:
    prior = Prior.of(SKEWED, density=4.0, partial=0, most=40)
    assert prior.shares[:5] == pytest.approx((0.0, 0.4, 0.2, 0.1, 0.1))
    assert sum(prior.shares) == pytest.approx(1.0)
    assert prior.median == 2
    assert Prior.of(SKEWED, density=4.0, partial=8, most=40).median == 4  # two tokens more to write
    assert Prior.of(SKEWED, density=1.0, partial=0, most=10).shares[10] > 0.35  # all longer ones


def test_no_length_is_impossible() -> None:
    prior = Prior.of(SKEWED, density=4.0, partial=0, most=40)
    assert prior.log(1) > prior.log(4) > prior.log(30) == prior.log(99)


@given(
    st.lists(st.floats(0.01, 1), min_size=1, max_size=6),
    st.floats(1, 6),
    st.integers(0, 20),
    st.integers(1, 64),
)
def test_a_prior_is_a_distribution(
    weights: list[float], density: float, partial: int, most: int
) -> None:
    total = sum(weights)
    bounds = tuple(5 * (index + 1) for index in range(len(weights)))
    lengths = Lengths(bounds, tuple(weight / total for weight in weights))
    prior = Prior.of(lengths, density, partial, most)
    assert len(prior.shares) == most + 1
    assert sum(prior.shares) == pytest.approx(1.0)
    assert all(share >= -1e-9 for share in prior.shares)
    assert 1 <= prior.median <= most


@pytest.mark.parametrize(
    ("asked", "informed", "growing", "settled"),
    [
        ("auto", True, True, "grow"),
        ("auto", True, False, "both"),
        ("auto", False, False, "search"),
        ("grow", False, True, "grow"),
        ("grow", True, False, "both"),
        ("both", False, True, "search"),
        ("search", True, True, "search"),
        ("prior", True, True, "prior"),
        ("prior", False, False, "fixed"),
        ("fixed", True, True, "fixed"),
    ],
)
def test_what_cannot_be_had_falls_back(
    asked: str, informed: bool, growing: bool, settled: str
) -> None:
    prior = Prior([0, 1, 1]) if informed else None
    hints = LengthHints(1, 64, 16, prior, growing)
    assert hints.settle(asked) == settled  # type: ignore[arg-type]
    assert choose_length(asked, hints, Model(9)).strategy == settled  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", ["fixed", "prior", "grow"])
def test_no_forward_is_spent_where_none_is_needed(strategy: str) -> None:
    hints = LengthHints(1, 64, 16, Prior.of(SKEWED, 4.0, 0, 64), growing=True)
    chosen = choose_length(strategy, hints, never)  # type: ignore[arg-type]
    assert chosen.forwards == 0
    assert chosen.masks == (16 if strategy == "fixed" else 2)


@pytest.mark.parametrize("strategy", ["fixed", "prior", "grow", "search", "both"])
def test_every_length_lies_between_its_bounds(strategy: str) -> None:
    for usual, least, most in ((1, 5, 9), (99, 5, 9), (7, 7, 7)):
        hints = LengthHints(least, most, usual, Prior([0, 1]), growing=True)
        model = Model(30)
        chosen = choose_length(strategy, hints, model)  # type: ignore[arg-type]
        assert least <= chosen.masks <= most
        assert all(least <= masks <= most for masks in model.probed)


@given(st.integers(1, 64), st.integers(1, 64))
def test_the_search_climbs_to_the_true_length(true: int, start: int) -> None:
    model = Model(true)
    chosen = choose_length("search", LengthHints(1, 64, start), model)
    assert chosen.masks == true
    assert chosen.forwards == len(model.probed) == len(set(model.probed))
    assert chosen.forwards <= abs(true - start) + 9


def test_the_search_gives_up_after_four_that_are_no_better() -> None:
    model = Model(16)
    assert choose_length("search", LengthHints(1, 64, 16), model).forwards == 9
    assert model.probed == [16, 17, 18, 19, 20, 15, 14, 13, 12]


def test_the_prior_decides_where_the_model_is_of_two_minds() -> None:
    prior = Prior([0] * 12 + [1])
    indifferent = Model(10, steepness=0.0001)
    assert choose_length("both", LengthHints(1, 64, 10, prior), indifferent).masks == 12
    certain = Model(10, steepness=1.0)
    assert choose_length("both", LengthHints(1, 64, 10, prior), certain).masks == 10


def test_a_bias_is_measured_away_from_the_true_lengths() -> None:
    measured: list[int] = []

    def probe(masks: int) -> float:
        measured.append(masks)
        return 1 / masks

    bias = measure_bias([(probe, 6), (probe, 100)], [1, 4, 8, 16, 32])
    assert measured == [1, 16, 32, 1, 4, 8, 16, 32]
    assert bias(4) == pytest.approx(1 / 4)
    assert bias(12) == pytest.approx((1 / 8 + 1 / 16) / 2)
    assert bias(200) == pytest.approx(1 / 32)
    with pytest.raises(ValueError, match="lengths differ"):
        measure_bias([(probe, 8)], [7, 9])


def test_the_search_is_only_as_good_as_its_bias() -> None:
    def probe(masks: int) -> float:  # sure of few masks, whatever the text
        return math.exp(-0.03 * abs(masks - 12)) / masks

    hints = LengthHints(1, 64, 12)
    assert choose_length("search", hints, probe).masks != 12
    assert choose_length("search", hints, probe, lambda masks: 1 / masks).masks == 12
