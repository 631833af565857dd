"""Two-sided canvases, on denoisers that know one text or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.refresh import Refresh
from lsp_server.diffusion.token_healing import tokenize
from lsp_server.diffusion.types import Hole, Infill, Lengths, Step
from lsp_server.models.interfaces import MASK, Cancelled, Denoiser, Marginals, PromptTokens
from lsp_server.settings import Settings
from tests.unit.tiny import (
    ALPHABET,
    END,
    EXPAND,
    TinyKnowing,
    TinyModel,
    TinyNoise,
    TinyTokenizer,
)

TEXT = "abc(de, fa)"  # 11 tokens
SAMPLERS = ["verify", "threshold", "factor", "entropy", "top_k", "remask"]


def fill(denoiser: Denoiser, hole: Hole | None = None, **options: object) -> Infill:
    chosen = Settings(**{"length": "fixed", "fixed_tokens": len(TEXT), **options})  # type: ignore[arg-type]
    return Decoder(TinyModel(denoiser), chosen).infill(
        hole or Hole(Prompt.around("a:\n", "\nb"), 64)
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_fills_the_hole(sampler: str) -> None:
    got = fill(TinyKnowing(TEXT), sampler=sampler)
    assert (got.text, got.reason, got.cost.tokens) == (TEXT, "ended", len(TEXT))
    assert 0 < got.cost.forwards.canvas <= len(TEXT)
    assert got.cost.forwards.verify == got.cost.forwards.prefill == 0


@pytest.mark.parametrize("sampler", ["threshold", "factor", "remask"])
def test_the_more_is_determined_the_fewer_forwards(sampler: str) -> None:
    forwards = [
        fill(TinyKnowing(TEXT, given=given), sampler=sampler).cost.forwards.canvas
        for given in (0, 4, 8, len(TEXT))
    ]
    assert forwards == sorted(set(forwards), reverse=True)
    assert forwards[-1] == 1


@pytest.mark.parametrize(("ends_line", "behind"), [(True, "\nb"), (False, "b")])
def test_a_line_that_ends_with_the_hole_ends_behind_the_canvas(
    ends_line: bool, behind: str
) -> None:
    prompt, _ = tokenize(
        Hole(Prompt.around("a:\n", "b"), 64, ends_line), TinyTokenizer(), two_sided=True
    )
    assert prompt.suffix == TinyTokenizer().encode(behind)
    seen: list[PromptTokens] = []

    class Watched(TinyKnowing):
        def denoise(
            self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
        ) -> Marginals[Tensor]:
            seen.append(prompt)
            return super().denoise(prompt, canvas, refresh)

    fill(Watched(TEXT), Hole(Prompt.around("a:\n", "b"), 64, ends_line))
    assert {tuple(each.suffix) for each in seen} == {tuple(prompt.suffix)}


def test_both_edges_of_the_hole_are_known() -> None:
    assert fill(TinyKnowing(TEXT), sampler="threshold").cost.forwards.canvas == 6  # two at a time


def test_a_stable_and_certain_canvas_is_filled_at_once() -> None:
    certain = TinyKnowing(TEXT, sure=0.9999, unsure=0.9999)
    assert fill(certain, sampler="top_k").cost.forwards.canvas == 2
    unsure = TinyKnowing(TEXT, sure=0.99, unsure=0.99)
    assert fill(unsure, sampler="top_k").cost.forwards.canvas == len(TEXT)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("start", [1, 5, 11, 12, 40])
def test_the_canvas_grows_and_shrinks(sampler: str, start: int) -> None:
    denoiser = TinyKnowing(TEXT, growing=True)
    got = fill(denoiser, sampler=sampler, length="auto", fixed_tokens=start)
    assert got.text == TEXT
    assert got.ids == tuple(TinyTokenizer().encode(TEXT))
    assert got.length is not None
    assert (got.length.masks, got.length.strategy, got.length.forwards) == (start, "grow", 0)


def test_the_canvas_grows_to_its_limit_and_no_further() -> None:
    denoiser = TinyKnowing(TEXT, growing=True)
    got = fill(denoiser, Hole(Prompt.around("a:\n", ""), 7), length="grow", fixed_tokens=2)
    assert got.cost.tokens == 7
    assert max(length for length, _ in denoiser.calls) == 7


def test_a_canvas_may_vanish() -> None:
    got = fill(TinyKnowing("", growing=True), length="grow")
    assert (got.text, got.ids, got.reason) == ("", (), "ended")


def test_a_fixed_canvas_keeps_its_length_whatever_the_model_can() -> None:
    denoiser = TinyKnowing(TEXT, growing=True)
    got = fill(denoiser, fixed_tokens=14)
    assert got.cost.tokens == 14
    assert {length for length, _ in denoiser.calls} == {14}


@pytest.mark.parametrize("size", [2, 7, 11, 16, 21])
def test_the_search_finds_the_length(size: int) -> None:
    text = (TEXT + TEXT)[:size]
    got = fill(TinyKnowing(text), length="search", fixed_tokens=11)
    assert got.text == text
    assert got.length is not None
    assert got.length.masks == size
    assert got.length.strategy == "search"
    assert 9 <= got.length.forwards < got.cost.forwards.canvas


def test_the_prior_counts_the_partial_token_and_the_files_own_density() -> None:
    lengths = Lengths((8, 9, 64), (0.0, 1.0, 0.0))  # nine characters, each of them a token
    hole = Hole(Prompt.around("ab, cd\n" * 40 + "(a", ""), 64, lengths=lengths)
    got = fill(TinyKnowing(TEXT), hole, length="prior")
    assert got.length is not None
    assert got.length.masks == len("(a") + 9
    assert got.length.forwards == 0


def test_what_the_syntax_forces_is_the_least_length() -> None:
    got = fill(
        TinyKnowing("a" * 9),
        Hole(Prompt.around("", ""), 64, expect=lambda _: "(abcdef):"),
        fixed_tokens=3,
    )
    assert got.cost.tokens == 9


def test_every_forward_is_observed_the_search_too() -> None:
    steps: list[Step] = []
    settings = Settings(length="search")
    got = Decoder(TinyModel(TinyKnowing(TEXT)), settings).infill(
        Hole(Prompt.around("", ""), 64), observe=steps.append
    )
    assert len(steps) == got.cost.forwards.canvas
    assert "".join(cell.text for cell in steps[-1].cells) == TEXT


class Hasty(TinyKnowing):
    """Takes one token for another until both its neighbours are known."""

    def predict(self, tokens: list[int], index: int) -> tuple[int, float]:
        token, _ = super().predict(tokens, index)
        if index != 4:
            return token, 0.6
        known = MASK not in (tokens[3], tokens[5])
        return (token, 0.95) if known else (0, 0.7)


def test_a_doubtful_token_is_taken_back_and_predicted_again() -> None:
    steps: list[Step] = []
    hole = Hole(Prompt.around("", ""), 64)
    options = Settings(length="fixed", fixed_tokens=len(TEXT), sampler="remask")
    got = Decoder(TinyModel(Hasty(TEXT)), options).infill(hole, observe=steps.append)
    assert fill(Hasty(TEXT), hole, sampler="threshold").text != TEXT
    assert got.cost.drafted == got.cost.tokens + len(TEXT) // 2
    assert sum(cell.state == "refused" for step in steps for cell in step.cells) == len(TEXT) // 2
    assert got.cost.forwards.canvas <= len(TEXT) + len(TEXT) // 2


def test_refresh_is_asked_for_as_the_policy_says() -> None:
    def asked(every: int) -> str:
        denoiser = TinyKnowing(TEXT)
        fill(denoiser, sampler="top_k", refresh_every=every)
        return "".join(".r"[refresh] for _, refresh in denoiser.calls)

    assert asked(1) == "r" * len(TEXT)
    assert asked(3) == "r..r..r..r."
    assert asked(0) == "r.........."


def test_another_length_is_always_computed_anew() -> None:
    denoiser = TinyKnowing(TEXT, growing=True)
    fill(denoiser, length="grow", fixed_tokens=3, sampler="top_k", refresh_every=0)
    lengths = [length for length, _ in denoiser.calls]
    changed = [True, *(a != b for a, b in pairwise(lengths))]
    assert [refresh for _, refresh in denoiser.calls] == changed
    assert any(changed[1:])
    assert not all(changed)


def test_more_known_tokens_are_another_canvas() -> None:
    refresh = Refresh(0)
    assert [refresh.due(5, 8), refresh.due(5, 8), refresh.due(9, 8)] == [True, False, True]


@pytest.mark.parametrize("length", ["fixed", "search"])
def test_cancelled_between_two_forwards(length: str) -> None:
    denoiser, asked = TinyKnowing(TEXT), 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    options = Settings(length=length, fixed_tokens=len(TEXT))  # type: ignore[arg-type]
    with pytest.raises(Cancelled):
        Decoder(TinyModel(denoiser), options).infill(Hole(Prompt.around("", ""), 64), stop)
    assert len(denoiser.calls) == 3


def test_the_partial_token_is_written_first_and_left_out() -> None:
    got = fill(TinyKnowing(TEXT), Hole(Prompt.around(TEXT[:2], ""), 64))
    assert got.text == TEXT[2:]
    got = fill(TinyKnowing(TEXT), Hole(Prompt.around("fed", ""), 64))
    assert TinyTokenizer().decode(got.ids).startswith("fed")
    assert got.text == TEXT[3:]


class Pairs(TinyTokenizer):
    """Has a token for ``ab``, so that a text has more than one way to be written."""

    def encode(self, text: str) -> list[int]:
        parts = [super(Pairs, self).encode(part) for part in text.split("ab")]
        return [i for n, part in enumerate(parts) for i in ([EXPAND] if n else []) + part]

    def pieces(self) -> list[bytes]:
        return [*super().pieces()[:EXPAND], b"ab"]


def test_room_is_made_for_a_partial_token_in_more_tokens_than_foreseen() -> None:
    model = TinyModel(TinyKnowing("ab"), tokenizer=Pairs())
    options = Settings(length="fixed", fixed_tokens=1)
    assert Decoder(model, options).infill(Hole(Prompt.around("ab", ""), 9)).ids == (0, 1)
    short = Decoder(model, options).infill(Hole(Prompt.around("ab", ""), 1))
    assert (short.text, short.reason) == ("", "length")


def test_nothing_behind_the_texts_end_is_waited_for() -> None:
    def end(text: str) -> int | None:
        return text.index("(") if "(" in text else None

    got = fill(TinyKnowing(TEXT, given=4), Hole(Prompt.around("", ""), 64, end=end))
    assert (got.text, got.reason, got.cost.forwards.canvas) == ("abc", "ended", 1)
    assert got.cost.tokens == 4
    assert got.confidence == pytest.approx(0.95**4, rel=1e-4)


def test_confidence_is_the_joint_probability_of_what_is_kept() -> None:
    got = fill(TinyKnowing(TEXT), sampler="threshold")
    assert got.confidence == pytest.approx(0.95 ** len(TEXT), rel=1e-4)
    grown = fill(TinyKnowing(TEXT, growing=True), length="grow", fixed_tokens=13)
    assert grown.confidence == pytest.approx(0.95 ** (len(TEXT) + 2), rel=1e-4)


def test_an_unlikely_beginning_is_hopeless_at_once() -> None:
    hole = Hole(Prompt.around("", ""), 64, min_confidence=0.9)
    assert fill(TinyKnowing(TEXT), hole, sampler="top_k").reason == "hopeless"
    likely = fill(TinyKnowing(TEXT, sure=0.99), hole, sampler="threshold")
    assert likely.reason == "ended"
    assert prod([0.99] * len(TEXT)) < 0.9  # only the beginning is judged


class Fours(TinyKnowing):
    """Writes four tokens at a time, left to right."""

    two_sided = False

    def width(self, known: int) -> int:
        return 4


def test_canvases_follow_one_another_and_only_the_beginning_is_judged() -> None:
    hole = Hole(Prompt.around("a:\n", ""), 32, min_confidence=0.5)
    denoiser = Fours("aaaa")
    got = fill(denoiser, hole)
    assert (got.text, got.reason, got.length) == ("a" * 32, "length", None)
    assert got.confidence == pytest.approx(0.95**32, rel=1e-4)
    assert [length for length, _ in denoiser.calls] == [4, 4] * 8
    assert fill(Fours("aaaa", sure=0.7), hole).reason == "hopeless"


class Narrow(TinyKnowing):
    """Has a head for a few tokens only, as one that is cut down to code."""

    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Tensor]:
        vocabulary = torch.tensor([3, 4, 5])
        return Marginals(super().denoise(prompt, canvas, refresh).logits[:, vocabulary], vocabulary)


def test_a_partial_token_outside_the_heads_vocabulary_is_written_all_the_same() -> None:
    got = fill(Narrow("abdef"), Hole(Prompt.around("ab", ""), 64), fixed_tokens=5)
    assert got.text == "def"
    assert got.ids[:2] == (0, 1)


@settings(max_examples=100, deadline=None)
@given(
    st.builds(
        TinyNoise,
        st.integers(0, 9999),
        growing=st.booleans(),
        two_sided=st.booleans(),
        spread=st.sampled_from([0.01, 3.0, 100.0]),
    ),
    st.sampled_from(SAMPLERS),
    st.sampled_from(["auto", "fixed", "prior", "search", "both", "grow"]),
    st.integers(1, 24),
    st.integers(1, 30),
    st.text(alphabet=ALPHABET, max_size=9),
)
def test_it_ends_whatever_the_logits(
    denoiser: TinyNoise, sampler: str, length: str, most: int, start: int, prefix: str
) -> None:
    lengths = Lengths((10, 40), (0.5, 0.5))
    hole = Hole(Prompt.around(prefix, "ab"), most, lengths=lengths)
    got = fill(denoiser, hole, sampler=sampler, length=length, fixed_tokens=start)
    searches = got.length is not None and got.length.strategy in ("search", "both")
    grows = got.length is not None and got.length.strategy == "grow"
    taken_back = most // 2 * (sampler == "remask")
    assert got.cost.forwards.canvas <= most * (1 + 3 * grows + searches) + taken_back
    assert got.cost.tokens <= most
    assert MASK not in got.ids
    assert denoiser.growth is None or {EXPAND, END}.isdisjoint(got.ids)
    assert (got.length is not None) == denoiser.two_sided
    assert 0 <= got.confidence <= 1
