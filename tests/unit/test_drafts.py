from __future__ import annotations

from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.drafters import denoiser as drafting
from lsp_server.diffusion.drafters.denoiser import draft_masks
from lsp_server.diffusion.drafters.drafts import (
    Draft,
    compete,
    expected_length,
)
from lsp_server.diffusion.drafters.prompt_lookup import Lookup, TokenIndex, extend_drafts
from lsp_server.models.interfaces import MASK, PromptTokens
from tests.unit.tiny import END, TinyCoupled, TinyDiffusion


def drafts(*pairs: tuple[int, float]) -> tuple[Draft, ...]:
    return tuple(Draft(token, confidence, "denoiser") for token, confidence in pairs)


def confidence(draft: Draft) -> float:
    return draft.confidence


def test_expected_length_is_the_sum_of_joint_probabilities() -> None:
    assert expected_length(drafts((1, 0.5), (2, 0.5)), confidence) == pytest.approx(0.75)
    assert expected_length((), confidence) == 0


def test_the_surest_wins_and_agreement_makes_it_longer() -> None:
    sure, long = drafts((1, 0.9), (2, 0.9)), drafts((1, 0.4), (2, 0.4), (3, 0.4))
    assert [d.token for d in compete([sure, long], confidence)] == [1, 2, 3]
    other = drafts((7, 0.2), (8, 0.2), (9, 0.2))
    assert [d.token for d in compete([sure, other], confidence)] == [1, 2]
    assert [d.token for d in compete([sure, other], lambda d: d.token / 10)] == [7, 8, 9]
    assert compete([], confidence) == ()


MANY = 28  # drafts: more than a canvas has masks
KNOWN = st.lists(st.integers(0, END - 1), min_size=1, max_size=12)


@given(KNOWN)
def test_masks_that_are_not_coupled_say_their_best_tokens(known: list[int]) -> None:
    denoiser = TinyDiffusion()
    found = draft_masks(denoiser, PromptTokens.around(known, []), MANY, floor=0.0)
    logits = denoiser.denoise(
        PromptTokens.around(known, []), [MASK] * denoiser.width(len(known))
    ).logits
    best = logits.softmax(-1).max(-1)
    assert [draft.token for draft in found] == best.indices.tolist()
    assert [draft.confidence for draft in found] == pytest.approx(best.values.tolist())


@given(KNOWN)
def test_masks_that_are_coupled_say_what_fits_the_token_before_them(known: list[int]) -> None:
    denoiser = TinyCoupled()
    found = draft_masks(denoiser, PromptTokens.around(known, []), MANY, floor=0.0)
    marginals = denoiser.denoise(
        PromptTokens.around(known, []), [MASK] * denoiser.width(len(known))
    )
    assert marginals.coupling is not None
    before = known[-1]
    for row, draft in enumerate(found):
        added = torch.from_numpy(marginals.coupling(row, before, np.arange(END + 1)))
        best = (marginals.logits[row] + added).softmax(-1).max(-1)
        assert draft.token == int(best.indices)
        assert draft.confidence == pytest.approx(float(best.values), abs=1e-5)
        before = draft.token


def test_only_the_best_of_a_mask_itself_are_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "_CANDIDATES", 3)
    denoiser = TinyCoupled()
    logits = denoiser.denoise(PromptTokens.around([1, 2], []), [MASK] * denoiser.width(2)).logits
    for draft, best in zip(
        draft_masks(denoiser, PromptTokens.around([1, 2], []), MANY, floor=0.0),
        logits.topk(3).indices,
        strict=True,
    ):
        assert draft.token in best
        assert 0 < draft.confidence < 1


@given(KNOWN, st.floats(0, 1))
def test_the_denoiser_drafts_down_to_the_floor(known: list[int], floor: float) -> None:
    prompt = PromptTokens.around(known, [])
    everything = draft_masks(TinyCoupled(), prompt, MANY, floor=0.0)
    found = draft_masks(TinyCoupled(), prompt, MANY, floor=floor)
    assert found == everything[: len(found)]
    together = [prod(draft.confidence for draft in everything[:n]) for n in range(1, 99)]
    assert all(probability >= floor for probability in together[: len(found)])
    assert len(found) == len(everything) or together[len(found)] < floor
    assert draft_masks(TinyCoupled(), prompt, 2, floor=0.0) == everything[:2]


@given(KNOWN)
def test_file_and_denoiser_are_mixed(known: list[int]) -> None:
    denoiser, lookup = TinyCoupled(), Lookup(TokenIndex(known))
    found = draft_masks(denoiser, PromptTokens.around(known, []), MANY, lookup, floor=0.0)
    marginals = denoiser.denoise(
        PromptTokens.around(known, []), [MASK] * denoiser.width(len(known))
    )
    assert marginals.coupling is not None
    again, before = Lookup(TokenIndex(known)), known[-1]
    for row, (draft, logits) in enumerate(zip(found, marginals.logits, strict=False)):
        added = torch.from_numpy(marginals.coupling(row, before, np.arange(END + 1)))
        mixed = (logits + added).softmax(-1)
        own, prediction = int(mixed.argmax()), again.predict()
        if prediction is not None:
            mixed = (1 - prediction.confidence**2) * mixed
            mixed[prediction.token] += prediction.confidence**2
        assert draft.token == int(mixed.argmax())
        assert draft.confidence == pytest.approx(float(mixed.max()), abs=1e-5)
        assert draft.source == ("denoiser" if draft.token == own else "file")
        before = draft.token
        again.append(before)
    masks = len(marginals.logits)
    assert found[masks:] == extend_drafts((), again, MANY - masks, floor=0.0)
