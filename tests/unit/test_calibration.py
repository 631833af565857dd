from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.calibration import Calibration
from lsp_server.diffusion.drafters.drafts import Draft
from lsp_server.settings import SOURCES, Source

CONFIDENCE = st.floats(0, 1)


def draft(confidence: float, source: Source = "file") -> Draft:
    return Draft(7, confidence, source)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_what_is_said_becomes_how_often_it_is_right(source: Source, exponent: float) -> None:
    chance, calibration = random.Random(0), Calibration()
    for _ in range(3000):
        said = chance.uniform(0.05, 0.95)
        calibration.record(draft(said, source), chance.random() < said**exponent)
    for said in (0.2, 0.4, 0.6, 0.8):
        probability = calibration.probability(draft(said, source))
        assert probability == pytest.approx(said**exponent, abs=0.12)


def test_sources_are_calibrated_apart() -> None:
    calibration = Calibration()
    before = calibration.probability(draft(0.7, "denoiser"))
    for _ in range(50):
        calibration.record(draft(0.7, "file"), accepted=False)
    assert calibration.probability(draft(0.7, "file")) < 0.5
    assert calibration.probability(draft(0.7, "denoiser")) == before


@given(st.lists(st.tuples(CONFIDENCE, st.booleans()), max_size=300), CONFIDENCE, CONFIDENCE)
def test_more_confidence_is_never_less_probability(
    outcomes: list[tuple[float, bool]], one: float, other: float
) -> None:
    calibration = Calibration()
    for said, accepted in outcomes:
        calibration.record(draft(said), accepted)
    low, high = sorted((one, other))
    assert 0 < calibration.probability(draft(low)) <= calibration.probability(draft(high)) < 1


def test_no_run_of_luck_makes_a_draft_certain() -> None:
    lucky, unlucky = Calibration(), Calibration()
    for _ in range(5000):
        lucky.record(draft(0.5), accepted=True)
        unlucky.record(draft(0.5), accepted=False)
    assert 0.1 < unlucky.probability(draft(0.5)) < 0.5 < lucky.probability(draft(0.5)) < 0.9
    said = [unlucky.probability(draft(confidence / 10)) for confidence in range(11)]
    assert all(less < more for less, more in pairwise(said))
