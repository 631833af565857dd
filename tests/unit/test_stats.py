"""Sums of completions."""

from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.result import Completion, Timing
from lsp_server.completion.stats import Stats, percentile
from lsp_server.diffusion.types import Forwards


def offered(ms: float, *, verify: int = 2, canvas: int = 1, cached: bool = False) -> Completion:
    return Completion(
        text="x",
        start=0,
        end=0,
        span="line",
        reason="offered",
        forwards=Forwards(prefill=0 if cached else 1, verify=verify, canvas=canvas),
        tokens=2 * verify or canvas,
        accepted={"syntax": 1, "file": 2, "denoiser": 3},
        ms=Timing(total=ms),
        cached=cached,
    )


def withheld(reason: str) -> Completion:
    return Completion(text=None, start=0, end=0, span=None, reason=reason)


def test_nothing_asked_yet() -> None:
    summary = Stats().summary()
    assert (summary.requests, summary.p50, summary.p95) == (0, None, None)
    assert summary.tokens_per_forward is None


def test_sums() -> None:
    stats = Stats()
    for completion in (
        offered(10),
        offered(30),
        withheld("text-after-cursor"),
        withheld("not-confident"),
        withheld("text-after-cursor"),
    ):
        stats.record(completion)
    stats.record(offered(1, verify=0, canvas=0, cached=True), ms=20)
    stats.accept()
    summary = stats.summary()
    assert (summary.requests, summary.offered, summary.accepted) == (6, 3, 1)
    assert summary.withheld == {"text-after-cursor": 2, "not-confident": 1}
    assert summary.cache_hits == 1
    assert (summary.p50, summary.p95) == (20, 30)
    assert summary.forwards == Forwards(prefill=2, verify=4, canvas=2)
    assert (summary.tokens, summary.tokens_per_forward) == (8, 2.0)
    assert summary.drafts == {"syntax": 3, "file": 6, "denoiser": 9}


def test_without_verification_the_canvases_commit() -> None:
    stats = Stats()
    stats.record(offered(1, verify=0, canvas=4))
    assert stats.summary().tokens_per_forward == 1.0


def test_a_summary_does_not_change_later() -> None:
    stats = Stats()
    before = stats.summary()
    stats.record(offered(1))
    assert before.forwards == Forwards()


def test_json_has_all_keys() -> None:
    document = Stats().summary().to_json()
    assert document["forwards"] == {"prefill": 0, "verify": 0, "canvas": 0}
    assert document["withheld"] == {}
    assert "p50" in document


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(
    values: list[float], share: float
) -> None:
    enough = [each for each in values if sum(v <= each for v in values) >= share * len(values)]
    assert percentile(values, share) == min(enough)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([5], 0.5) == 5
    assert percentile(range(1, 101), 0.5) == 50
    assert percentile(range(1, 101), 0.95) == 95
    assert percentile([], 0.5) is None
