import pytest

from lsp_server.bench import latency
from lsp_server.completion.service import Completion
from lsp_server.diffusion.types import Forwards


def completion(
    text: str | None = "x", forwards: int = 0, cached: bool = False, reason: str = "offered"
) -> Completion:
    cost = Forwards(verify=forwards)
    return Completion(text, 0, 0, None, reason, forwards=cost, cached=cached)


@pytest.mark.parametrize(
    ("answer", "first", "phase"),
    [
        (completion(forwards=3), True, "cold"),
        (completion(forwards=3), False, "warm"),
        (completion(cached=True), False, "typed through"),
        (completion(None, reason="text-after-cursor"), True, "withheld"),
        (completion(None, forwards=2, reason="not-confident"), False, "warm"),
        (completion(None, reason="timeout"), True, "cold"),
    ],
)
def test_phases(answer: Completion, first: bool, phase: str) -> None:
    assert latency.phase_of(answer, first) == phase


def test_a_typist_pauses_between_words() -> None:
    pausing = [key for key in ("a", "_", "7", "é", " ", "(", "\n    ") if latency.pauses_after(key)]
    assert pausing == [" ", "(", "\n    "]


def test_times_are_kept_by_phase() -> None:
    score = latency.Score("x")
    for ms in (100.0, 200.0, 300.0):
        score.add("warm", completion(forwards=1), ms)
    score.add("typed through", completion(cached=True), 0.5)
    score.add("withheld", completion(None, reason="text-after-cursor"), 0.1)
    assert (score.requests, score.offered) == (5, 4)
    sums = latency.to_json([score])["variants"]["x"]
    assert sums["ms"]["warm"]["p50"] == 200
    assert sums["ms"]["warm"]["p95"] == pytest.approx(290)
    assert sums["ms"]["cold"]["count"] == 0
    assert sums["reasons"] == {"offered": 4, "text-after-cursor": 1}
    assert sums["cost"]["forwards"]["verify"] == 3
    assert latency.table([score]).row_count == 1
