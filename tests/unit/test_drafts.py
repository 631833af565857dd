from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion import drafts as drafting
from lsp_server.diffusion.drafts import (
    Draft,
    FileDrafter,
    compete,
    cut,
    expected_length,
    propose_denoiser,
)
from lsp_server.models.base import MASK, Canvas
from tests.unit.tiny import END, TinyCoupled, TinyDiffusion


def drafts(*pairs: tuple[int, float]) -> tuple[Draft, ...]:
    return tuple(Draft(token, confidence, "denoiser") for token, confidence in pairs)


def test_expected_length_is_the_sum_of_joint_probabilities() -> None:
    assert expected_length(drafts((1, 0.5), (2, 0.5))) == pytest.approx(0.75)
    assert expected_length(()) == 0


def test_cut_at_the_floor_and_at_the_limit() -> None:
    some = drafts((1, 0.9), (2, 0.5), (3, 0.5))
    assert [d.token for d in cut(some, 0.3, 9)] == [1, 2]
    assert [d.token for d in cut(some, 0.0, 1)] == [1]


def test_the_surest_wins_and_agreement_makes_it_longer() -> None:
    sure, long = drafts((1, 0.9), (2, 0.9)), drafts((1, 0.4), (2, 0.4), (3, 0.4))
    assert [d.token for d in compete([sure, long])] == [1, 2, 3]
    other = drafts((7, 0.2), (8, 0.2), (9, 0.2))
    assert [d.token for d in compete([sure, other])] == [1, 2]
    assert compete([]) == ()


def test_the_file_repeats_what_followed_the_longest_match() -> None:
    found = FileDrafter([5, 1, 2, 3, 7, 8, 9, 4, 2, 3, 6, 1, 2, 3]).propose()
    assert [d.token for d in found[:3]] == [7, 8, 9]
    longer = FileDrafter([5, 1, 2, 3, 7, 8, 9, 4, 5, 1, 2, 3]).propose()
    assert found[0].confidence < longer[0].confidence


def test_a_repetition_is_drafted_to_go_on() -> None:
    found = [d.token for d in FileDrafter([9, 1, 2, 1, 2, 1, 2]).propose()]
    assert found == [1, 2] * (len(found) // 2)
    assert len(found) > 8


def test_a_single_token_is_no_match() -> None:
    assert FileDrafter([1, 2, 3, 1]).propose() == ()
    assert FileDrafter([]).propose() == ()


@given(st.lists(st.integers(0, 3), max_size=40))
def test_proposals_stand_in_the_file(tokens: list[int]) -> None:
    found = [d.token for d in FileDrafter(tokens).propose()]
    if found:
        text = "".join(map(str, tokens))
        place = text.rfind(text[-2:] + str(found[0]))
        assert place >= 0
        going_on = text + "".join(map(str, found))
        assert "".join(map(str, found)) in going_on[2 : len(text) + len(found)]


KNOWN = st.lists(st.integers(0, END - 1), min_size=1, max_size=12)


@given(KNOWN)
def test_masks_that_are_not_coupled_say_their_best_tokens(known: list[int]) -> None:
    denoiser = TinyDiffusion()
    found = propose_denoiser(denoiser, known, [])
    logits = denoiser.denoise(Canvas(known, [MASK] * denoiser.width(len(known)), [])).logits
    best = logits.softmax(-1).max(-1)
    assert [draft.token for draft in found] == best.indices.tolist()
    assert [draft.confidence for draft in found] == pytest.approx(best.values.tolist())


@given(KNOWN)
def test_masks_that_are_coupled_say_what_fits_the_token_before_them(known: list[int]) -> None:
    denoiser = TinyCoupled()
    found = propose_denoiser(denoiser, known, [])
    marginals = denoiser.denoise(Canvas(known, [MASK] * denoiser.width(len(known)), []))
    assert marginals.coupling is not None
    before = known[-1]
    for row, draft in enumerate(found):
        added = marginals.coupling(row, before, torch.arange(END + 1))
        best = (marginals.logits[row] + added).softmax(-1).max(-1)
        assert draft.token == int(best.indices)
        assert draft.confidence == pytest.approx(float(best.values), abs=1e-5)
        before = draft.token


def test_only_the_best_of_a_mask_itself_are_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "_CANDIDATES", 3)
    denoiser = TinyCoupled()
    logits = denoiser.denoise(Canvas([1, 2], [MASK] * denoiser.width(2), [])).logits
    for draft, best in zip(
        propose_denoiser(denoiser, [1, 2], []), logits.topk(3).indices, strict=True
    ):
        assert draft.token in best
        assert 0 < draft.confidence < 1


@given(KNOWN, st.floats(0, 1))
def test_the_denoiser_drafts_down_to_the_floor(known: list[int], floor: float) -> None:
    everything = propose_denoiser(TinyCoupled(), known, [])
    assert propose_denoiser(TinyCoupled(), known, [], floor) == cut(everything, floor, 99)
