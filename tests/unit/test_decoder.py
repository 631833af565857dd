from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from lsp_server.diffusion import trace
from lsp_server.diffusion.canvas import Canvas
from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.draft_policy import DraftPolicy, Plan
from lsp_server.diffusion.drafters.drafter import DraftContext
from lsp_server.diffusion.drafters.drafts import Drafts, compete
from lsp_server.diffusion.drafters.factory import DRAFTERS, make_drafters
from lsp_server.diffusion.drafters.prompt_lookup import TokenIndex
from lsp_server.diffusion.forward_costs import MOST_ROWS, ForwardCosts
from lsp_server.diffusion.output import Output
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.token_healing import tokenize
from lsp_server.diffusion.types import (
    Cost,
    Forwards,
    Hole,
    Infill,
    Step,
    Written,
    no_drafts,
)
from lsp_server.models.arrays import Floats
from lsp_server.models.interfaces import Cancelled, Marginals, Prefill, PromptTokens, Stop
from lsp_server.settings import SOURCES, Decoding, Settings
from tests.unit.tiny import ALPHABET, END, TinyCausal, TinyCoupled, TinyDiffusion, TinyModel

TEXT = st.text(alphabet=ALPHABET, max_size=40)
VERIFIED = TinyModel(TinyDiffusion(), TinyCausal())
COUPLED = TinyModel(TinyCoupled(), TinyCausal())
PURE = TinyModel(TinyDiffusion())
PLAIN = Settings(drafts=())
ALL = Settings()


def fill(model: TinyModel, options: Settings, hole: Hole) -> Infill:
    return Decoder(model, options).infill(hole)


class Eager(DraftPolicy):
    """Runs every canvas and verifies every draft."""

    def plan(self, candidates: Sequence[Drafts], limit: int, canvas: bool = False) -> Plan:
        return Plan(compete(candidates, lambda draft: draft.confidence)[:limit])

    def canvas_pays(self, plan: Plan, limit: int) -> bool:
        return True


@settings(max_examples=60, deadline=None)
@given(
    TEXT,
    TEXT,
    st.integers(1, 30),
    st.sampled_from([VERIFIED, COUPLED]),
    st.sampled_from([DraftPolicy, Eager]),
)
def test_verified_text_is_the_bases_own(
    prefix: str, suffix: str, size: int, model: TinyModel, policy: type[DraftPolicy]
) -> None:
    hole = Hole(Prompt.around(prefix, suffix), size)
    plain = fill(model, PLAIN, hole)
    drafted = Decoder(model, ALL, policy=policy()).infill(hole)
    assert drafted.ids == plain.ids
    assert drafted.text == plain.text
    assert drafted.cost.forwards.verify <= plain.cost.forwards.verify
    kept = sum(drafted.cost.accepted.values())
    assert kept + drafted.cost.forwards.verify + 1 >= drafted.cost.tokens


@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT, st.sampled_from(["threshold", "entropy"]), st.integers(1, 30))
def test_pure_denoising_fills_the_canvas(prefix: str, suffix: str, sampler: str, size: int) -> None:
    options = Settings(sampler=sampler, threshold=0.5)  # type: ignore[arg-type]
    got = fill(PURE, options, Hole(Prompt.around(prefix, suffix), size))
    assert got.cost.tokens == size or got.reason == "ended"
    assert got.cost.forwards.canvas <= got.cost.tokens + 12
    assert got.cost.forwards.verify == 0
    assert 0 <= got.confidence <= 1


def test_what_stands_to_the_right_changes_the_answer() -> None:
    options = Settings(sampler="threshold", threshold=0.5)
    answers = {
        fill(PURE, options, Hole(Prompt.around("ab (", suffix), 8)).text
        for suffix in ("", ")", "cccccc", "\n\n:", "a(b)")
    }
    assert len(answers) > 1


def test_several_masks_fall_in_one_forward() -> None:
    got = fill(
        PURE, Settings(sampler="threshold", threshold=0.3), Hole(Prompt.around("ab", "cd"), 12)
    )
    assert got.cost.forwards.canvas < got.cost.tokens


def test_the_partial_token_is_written_again_and_left_out() -> None:
    for model in (VERIFIED, PURE):
        got = fill(model, Settings(), Hole(Prompt.around("(ab", ""), 9))
        assert len(got.ids) > len(got.text)
        assert model.tokenizer.decode(got.ids).startswith("(ab")


def test_the_hole_says_where_the_text_ends() -> None:
    whole = fill(VERIFIED, PLAIN, Hole(Prompt.around("(", ""), 20))
    short = fill(
        VERIFIED, PLAIN, Hole(Prompt.around("(", ""), 20, end=lambda t: 3 if len(t) >= 3 else None)
    )
    assert short.text == whole.text[:3]
    assert short.reason == "ended"
    assert short.cost.tokens == 4  # the bracket is written again


def stop_after(times: int) -> Stop:
    answers = iter([False] * times)
    return lambda: next(answers, True)


def test_cancelled_between_two_forwards() -> None:
    decoder = Decoder(PURE, PLAIN)
    with pytest.raises(Cancelled):
        decoder.infill(Hole(Prompt.around("(", ""), 30), stop_after(3))
    assert decoder.infill(Hole(Prompt.around("(", ""), 4)).cost.tokens <= 4


def test_cancelled_before_there_is_a_token() -> None:
    with pytest.raises(Cancelled):
        Decoder(VERIFIED, PLAIN).infill(Hole(Prompt.around("(", ""), 30), stop_after(0))


@settings(max_examples=60, deadline=None)
@given(TEXT, TEXT, st.lists(st.integers(1, 6), max_size=4), st.sampled_from([PLAIN, ALL]))
def test_what_was_interrupted_goes_on_where_it_stopped(
    prefix: str, suffix: str, stops: list[int], options: Settings
) -> None:
    """However often: the same text, and no token is decoded twice."""
    decoder = Decoder(VERIFIED, options)
    hole = Hole(Prompt.around(prefix, suffix), 30, min_confidence=1e-6)
    whole, so_far, tokens = decoder.infill(hole), Written(), 0
    for times in stops:
        got = decoder.infill(replace(hole, written=so_far), stop_after(times))
        assert whole.text.startswith(got.text)
        tokens += got.cost.tokens
        so_far = got.written
        assert tokens == len(so_far.ids)
        if got.reason != "stopped":
            break
    got = decoder.infill(replace(hole, written=so_far))
    assert (got.ids, got.text, got.reason) == (whole.ids, whole.text, whole.reason)
    assert got.beginning == pytest.approx(whole.beginning, rel=1e-4)
    assert tokens + got.cost.tokens == len(whole.ids)


def test_what_is_settled_costs_no_forward() -> None:
    hole = Hole(Prompt.around("(", ""), 8)
    whole = fill(VERIFIED, PLAIN, hole)
    again = fill(VERIFIED, PLAIN, replace(hole, written=whole.written))
    assert (again.ids, again.reason) == (whole.ids, "length")
    assert again.cost.forwards == Forwards()
    unlikely = replace(hole, min_confidence=0.999999)
    judged = fill(VERIFIED, PLAIN, unlikely)
    again = fill(VERIFIED, PLAIN, replace(unlikely, written=judged.written))
    assert (again.reason, again.cost.forwards) == ("hopeless", Forwards())


def test_a_text_that_is_not_wanted_any_more_is_not_written_on() -> None:
    seen: list[str] = []

    def go_on(text: str) -> bool:
        seen.append(text)
        return len(text) < 4

    whole = fill(VERIFIED, PLAIN, Hole(Prompt.around("(", ""), 30))
    got = fill(VERIFIED, PLAIN, Hole(Prompt.around("(", ""), 30, go_on=go_on))
    assert (got.text, got.reason) == (whole.text[:4], "stopped")
    assert seen == [whole.text[:length] for length in range(5)]


@settings(max_examples=40, deadline=None)
@given(TEXT, st.integers(1, 12))
@example(prefix=":::(:b::::::,::::a,:", forwards=4)
def test_at_the_deadline_a_text_is_what_it_is_so_far(prefix: str, forwards: int) -> None:
    run = 0

    def expect(text: str) -> str:  # asked once for each cycle
        nonlocal run
        run += 1
        if run == forwards:
            object.__setattr__(hole, "deadline", 0.0)
        return ""

    whole = fill(VERIFIED, ALL, Hole(Prompt.around(prefix, ""), 30))
    hole = Hole(Prompt.around(prefix, ""), 30, expect=expect)
    try:
        got = fill(VERIFIED, ALL, hole)
    except Cancelled:
        assert run >= forwards  # the deadline came, and nothing was there to be shown
        return
    if got.reason == "late":  # even where the text is whole: that it ends here was not seen yet
        assert run >= forwards
        assert whole.text.startswith(got.text)
    else:
        assert (got.text, got.reason) == (whole.text, whole.reason)


@pytest.mark.parametrize("model", [VERIFIED, PURE])
def test_nothing_is_begun_behind_the_deadline(model: TinyModel) -> None:
    with pytest.raises(Cancelled):
        fill(model, PLAIN, Hole(Prompt.around("(", ""), 30, deadline=0.0))


def test_an_unlikely_beginning_is_hopeless() -> None:
    got = fill(VERIFIED, PLAIN, Hole(Prompt.around("(", ""), 20, min_confidence=0.999999))
    assert got.reason == "hopeless"
    assert got.cost.forwards.verify <= 1


@pytest.mark.parametrize("model", [VERIFIED, PURE])
def test_every_forward_is_observed(model: TinyModel) -> None:
    steps: list[Step] = []
    got = Decoder(model, ALL).infill(Hole(Prompt.around("(ab ", ") c"), 12), observe=steps.append)
    kinds = [step.kind for step in steps]
    assert kinds.count("verify") == got.cost.forwards.verify
    assert kinds.count("canvas") == got.cost.forwards.canvas
    written = "".join(c.text for c in steps[-1].cells if c.state in ("committed", "draft"))
    assert got.text in written


@pytest.mark.parametrize(("canvas_ms", "most"), [(4000.0, 1), (1.0, 1000)])
def test_canvases_that_take_too_long_are_not_run_again(
    canvas_ms: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    class Timed(TinyCausal):
        def extend(self, tokens: Sequence[int]) -> Floats:
            nonlocal now
            now += 0.040
            return super().extend(tokens)

    class Slow(TinyCoupled):
        def denoise(
            self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
        ) -> Marginals[Tensor]:
            nonlocal now
            now += canvas_ms / 1000
            return super().denoise(prompt, canvas, refresh)

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    decoder = Decoder(TinyModel(Slow(), Timed()), replace(ALL, drafts=("denoiser",)))
    canvases = 0
    for prefix in ("(a", "b ", "c:", "d,", "e\n", "f)"):
        canvases += decoder.infill(Hole(Prompt.around(prefix, ""), 30)).cost.forwards.canvas
    assert 1 <= canvases <= most
    assert now < 6 * 31 * 0.040 + canvases * canvas_ms / 1000 + 1


def test_syntax_drafts_are_counted_when_the_base_agrees() -> None:
    whole = fill(VERIFIED, PLAIN, Hole(Prompt.around("(", ""), 20)).text
    knows = Hole(Prompt.around("(", ""), 20, expect=lambda text: whole[len(text) : len(text) + 5])
    got = fill(VERIFIED, replace(ALL, drafts=("syntax",)), knows)
    assert got.text == whole
    assert got.cost.accepted["syntax"] > 0
    assert got.cost.forwards.verify < 19


class Counted(TinyDiffusion):
    """Counts its forwards."""

    forwards = 0

    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Tensor]:
        self.forwards += 1
        return super().denoise(prompt, canvas, refresh)


class Sliced(TinyCausal):
    """Prefills two tokens per forward, and asks whether to stop before each."""

    def prefill(self, prompt: PromptTokens, stop: Stop) -> Prefill:
        self.cache.truncate(0)
        tokens, forwards = [*prompt.suffix, END, *prompt.prefix], 0
        for start in range(0, len(tokens), 2):
            if stop():
                raise Cancelled(forwards)
            logits = self.extend(tokens[start : start + 2])[-1]
            forwards += 1
        return Prefill(logits, forwards, 0)


@pytest.mark.parametrize("decoding", get_args(Decoding))
def test_a_cancelled_decoding_costs_the_forwards_that_ran(decoding: Decoding) -> None:
    options = replace(ALL, decoding=decoding)
    hole = Hole(Prompt.around("abc (abc (abc", "d)"), 30)
    for asked in range(1, 100):
        denoiser, verifier, cost = Counted(), Sliced(), Cost()
        answers = iter([*[False] * asked, True])
        cancelled = False
        try:
            decoder = Decoder(TinyModel(denoiser, verifier), options)
            decoder.infill(hole, answers.__next__, cost=cost)
        except Cancelled:
            cancelled = True
        assert cost.forwards.canvas == denoiser.forwards
        assert cost.forwards.prefill + cost.forwards.verify == verifier.forwards
        assert cost.ms.total >= cost.ms.prefill + cost.ms.verify + cost.ms.canvas
        assert (cost.forwards.prefill > 0) == (decoding == "speculative")
        if not cancelled:
            break
    assert not cancelled
    assert asked > 3


@pytest.mark.parametrize("model", [VERIFIED, PURE])
def test_nothing_is_shown_to_nobody(model: TinyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("made for nobody")

    hole = Hole(Prompt.around("(ab ", ") c"), 12)
    expected = Decoder(model, ALL).infill(hole, observe=lambda step: None)
    for name in ("Cell", "Step"):
        monkeypatch.setattr(trace, name, refuse)
    monkeypatch.setattr(Canvas, "cells", refuse)
    assert Decoder(model, ALL).infill(hole).ids == expected.ids
    with pytest.raises(AssertionError, match="made for nobody"):
        Decoder(model, ALL).infill(hole, observe=lambda step: None)


def test_every_source_of_drafts_has_a_drafter() -> None:
    hole = Hole(Prompt.around("ab", ""), 9)
    prompt, partial = tokenize(hole, VERIFIED.tokenizer)
    output, index = Output(hole, VERIFIED.tokenizer, partial), TokenIndex(prompt.ids)
    for source in SOURCES:
        context = DraftContext(hole, VERIFIED, prompt, output, index, (source,))
        assert [drafter.name for drafter in make_drafters(context)] == [source]
    assert set(DRAFTERS) == set(SOURCES) == set(no_drafts())


class Missing(TinyCausal):
    """Says how much of a prompt is cached, and records the prompts that are run."""

    def __init__(self, cached: bool) -> None:
        super().__init__()
        self.cached, self.run = cached, list[int]()

    def count_missing(self, prompt: PromptTokens) -> int:
        return 1 if self.cached and len(prompt.ids) > 20 else len(prompt.ids)

    def prefill(self, prompt: PromptTokens, stop: Stop) -> Prefill:
        self.run.append(len(prompt.ids))
        return super().prefill(prompt, stop)


@pytest.mark.parametrize(
    ("cached", "brief", "ms", "expected"),
    [
        (False, 10, 40.0, 10),  # 40 tokens of 40 ms are too long to wait for
        (False, 30, 40.0, 40),  # the brief one is hardly sooner
        (False, 10, 4.0, 40),  # the whole one is soon there
        (True, 10, 40.0, 40),  # the whole one is there already
        (False, None, 40.0, 40),
    ],
)
def test_a_brief_prompt_is_run_where_the_whole_one_takes_too_long(
    cached: bool, brief: int | None, ms: float, expected: int
) -> None:
    verifier, costs = Missing(cached), ForwardCosts()
    for _ in range(99):
        costs.record_verify(MOST_ROWS, ms * MOST_ROWS)
    decoder = Decoder(TinyModel(TinyDiffusion(), verifier), PLAIN, policy=DraftPolicy(costs))
    short = None if brief is None else Prompt.around("b\n" * (brief // 2), "")
    got = decoder.infill(Hole(Prompt.around("b\n" * 20, ""), 3, brief=short))
    assert verifier.run[0] in (expected - 1, expected)  # the last token may be healed
    assert got.cost.tokens == len(got.ids) > 0
