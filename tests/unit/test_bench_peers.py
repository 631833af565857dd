"""``bench peers`` with engines that only pretend."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lsp_server.bench import peers, peers_report
from lsp_server.bench.floors import Rates, prefill_operations, weights_read
from lsp_server.bench.holes import default_files, open_files
from lsp_server.bench.llama_cpp import Written
from lsp_server.bench.peers import Answer, Case, PeerEngine
from lsp_server.bench.variants import ONE_AT_A_TIME
from lsp_server.models.embedded.model import CausalBase
from lsp_server.models.embedded.spec import SPEC, Shape
from lsp_server.models.interfaces import PromptTokens
from lsp_server.settings import Settings
from tests.unit.test_bench_infill import problem

RATES = Rates(read=10e9, int8=500e9, fp32=100e9)


class Letters:
    """A tokenizer whose tokens are characters; 0 ends a text."""

    ends = frozenset({0})

    def encode(self, text: str) -> list[int]:
        return [ord(letter) for letter in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(map(chr, ids))

    def pieces(self) -> Sequence[bytes]:
        return [b"", *(chr(code).encode() for code in range(1, 256))]


class Pretender:
    """An engine that writes the truth, and takes what a clock says; keeps what it is asked."""

    def __init__(self, name: str, clock: Callable[[], float], tokens: int = 5) -> None:
        self.name, self._clock, self._tokens = name, clock, tokens
        self.asked: list[str] = []
        self.filled: list[PromptTokens] = []

    def empty_cache(self) -> None:
        self.asked.append("empty")

    def fill_cache(self, prompt: PromptTokens) -> None:
        self.asked.append("fill")
        self.filled.append(prompt)

    def first_token_ms(self, prompt: PromptTokens) -> float:
        self.asked.append("prefill")
        return self._clock()

    def complete(self, case: Case) -> Answer:
        self.asked.append("complete")
        ids = tuple(range(self._tokens))
        prefill = 0.0 if self.asked[-2:-1] == ["fill"] else self._clock()
        return Answer(ids, case.truth.rstrip("\n"), prefill, self._clock(), verified=2)


def cases(count: int = 3) -> list[Case]:
    problems = [problem(number=number) for number in range(count)]
    return peers.cases_of_problems(problems, True, Settings(), Letters())


def test_holes_of_problems_have_the_prompt_that_the_decoder_gets() -> None:
    (case,) = cases(1)
    assert case.prompt.prefix == Letters().encode("def add(a, b):\n")
    assert case.prompt.suffix == Letters().encode("\n\ndef other():\n    pass\n")
    assert case.matches("    return a + b")
    assert case.filling("x") == "x\n"


def test_holes_that_begin_inside_a_token_are_left_out() -> None:
    inside = problem()
    inside = type(inside)(**{**{n: getattr(inside, n) for n in inside.__slots__}, "prompt": "de"})
    assert not peers.cases_of_problems([inside], False, Settings(), Letters())


def test_holes_of_real_files_are_whole_lines() -> None:
    opened = open_files(default_files())
    drawn = peers.cases_of_files(opened, 12, 0, Settings(), Letters())
    assert len(drawn) == 12
    lines = {(file.path.name, number, line) for file in opened
             for number, line in enumerate(file.text.splitlines(), 1)}  # fmt: skip
    for case in drawn:
        name, line = case.name.split(":")
        assert (name, int(line), case.truth) in lines
        assert case.hole.prompt.prefix.endswith("\n") or int(line) == 1
        assert case.hole.ends_line
        assert case.hole.end(case.truth + "\nmore") == len(case.truth)


def test_prefills_have_their_length_and_differ() -> None:
    opened = open_files(default_files())
    prompts = peers.prefill_prompts(opened, 5, Letters())
    assert {len(CausalBase.lay_out(prompt)) for prompt in prompts} == {peers.PREFILL_TOKENS}
    assert len({tuple(prompt.ids) for prompt in prompts}) == 5


def test_engines_take_turns_with_cold_and_warm_caches() -> None:
    engines = [Pretender("a", lambda: 1.0), Pretender("b", lambda: 1.0)]
    holes = cases()
    peers.measure(engines, holes, [holes[0].prompt], lambda _: None)
    for engine in engines:
        assert engine.asked == [
            "complete",  # warm up
            *["empty", "complete", "fill", "complete"] * 3,
            *("empty", "prefill"),
        ]
        assert [filled.suffix for filled in engine.filled] == [case.prompt.suffix for case in holes]
        assert [filled.prefix for filled in engine.filled] == [
            case.prompt.prefix[: -peers.TYPED] for case in holes
        ]


def test_ratios_survive_a_machine_that_gets_slower() -> None:
    """Each hole is slower than the one before; ours takes half of what the others take."""
    slowness = 1.0

    def clock(share: float) -> Callable[[], float]:
        return lambda: share * slowness

    def slower(_: str) -> None:
        nonlocal slowness
        slowness *= 2

    engines = [
        Pretender(peers.UNMASK, clock(5)),
        Pretender(ONE_AT_A_TIME, clock(10)),
        Pretender(peers.LLAMA, clock(20)),
    ]
    holes = cases()
    measured = peers.measure(engines, holes, [case.prompt for case in holes], slower)
    scores = {score.name: score for score in measured}
    for measure in peers_report.MEASURES:
        ratio = peers_report.ratio(scores, peers.UNMASK, peers.LLAMA, measure)
        assert (ratio.count, ratio.low, ratio.median, ratio.high) == (3, 0.25, 0.25, 0.25)
    verdicts = {aim.name: aim.verdict for aim in peers_report.targets(scores)}
    assert list(verdicts.values()) == ["met"] * 4

    alone = peers_report.targets({peers.UNMASK: measured[0], ONE_AT_A_TIME: measured[1]})
    assert [aim.verdict for aim in alone] == [*("not measured", "met"), *["not measured"] * 2]


def test_the_report_has_quality_beside_speed() -> None:
    engines = [Pretender(name, lambda: 4.0) for name in (peers.UNMASK, ONE_AT_A_TIME)]
    holes = cases()
    measured = peers.measure(engines, holes, [], lambda _: None)
    measured[0].cold[0] = Answer((1,), "    return 0", 4.0, 0.0, 0)  # wrong, and one token
    scores = {score.name: score for score in measured}
    outcomes = peers_report.run_programs(holes, measured)
    assert outcomes[peers.UNMASK] == ["failed", "passed", "passed"]
    least = peers_report.floors(RATES, "int8", 0, peer=False)
    result = peers_report.to_json(holes, scores, outcomes, RATES, least)
    ours = result["engines"][peers.UNMASK]
    assert (ours["passed"], ours["tested"], ours["exact"]) == (2, 3, 2)
    assert ours["same_text_as_one_at_a_time"] == 2
    assert ours["ms"][peers_report.PER_TOKEN]["count"] == 2  # nothing follows its first token
    assert json.dumps(result)
    shown = "\n".join(map(str, peers_report.tables(holes, scores, outcomes, RATES, least)))
    assert "66.7% (2/3)" in shown
    assert peers.LLAMA not in shown


def test_without_tests_nothing_is_run(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("one two three four\n" * 20)
    holes = peers.cases_of_files(open_files([file]), 2, 0, Settings(), Letters())
    measured = peers.measure([Pretender(peers.UNMASK, lambda: 1.0)], holes, [], lambda _: None)
    assert peers_report.run_programs(holes, measured) == {}


class Dictation:
    """A process that writes given tokens."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = tokens
        self.prompts: list[list[int]] = []

    def complete(self, tokens: Sequence[int], take: Callable[[int], bool], lookup: bool) -> Written:
        self.prompts.append(list(tokens))
        ms = []
        for token in self.tokens:
            ms.append(2.0)
            if not take(token):
                break
        return Written(tuple(ms), 0)


@pytest.mark.parametrize(
    ("written", "text", "tokens"),
    [("    ok\nmore", "    ok", 7), ("    ok\0more", "    ok", 7), ("  ", "  ", 2)],
)
def test_the_peer_ends_where_ours_would(written: str, text: str, tokens: int) -> None:
    (case,) = cases(1)
    process = Dictation([ord(letter) for letter in written])
    engine = PeerEngine("peer", process, Letters(), lookup=False)  # type: ignore[arg-type]
    answer = engine.complete(case)
    assert process.prompts == [CausalBase.lay_out(case.prompt)]
    assert (answer.text, len(answer.ids)) == (text, tokens)
    assert answer.prefill_ms == 2.0
    assert answer.ms_per_token == 2.0


def test_a_floor_counts_every_weight_once() -> None:
    shape = Shape(
        layers=2, width=4, heads=2, key_heads=1, head_width=2, inner=3, vocabulary=5,
        epsilon=1e-6, rope_base=1e4, context=16,
    )  # fmt: skip
    layer = 4 * 4 + 2 * 4 * 2 + 4 * 4 + 3 * 4 * 3  # queries, keys and values, output, MLP
    assert weights_read(shape) == 2 * layer + 5 * 4
    scores = 2 * 2 * sum(range(1, 4)) * 2 * 2  # layers, heads, pairs, width, scores and values
    assert prefill_operations(shape, 3) == 2 * (3 * 2 * layer + scores + 5 * 4)
    assert 4.9e8 < weights_read(SPEC.shape) < 5.0e8


def test_floors_follow_from_the_rates() -> None:
    ours, its = peers_report.floors(RATES, "int8", 400_000_000, peer=True)
    assert ours.token_ms == pytest.approx(weights_read(SPEC.shape) / 10e6)
    assert its.token_ms == pytest.approx(40)
    assert ours.prefill_ms == its.prefill_ms
    (dense,) = peers_report.floors(RATES, "fp32", 0, peer=False)
    assert dense.token_ms == pytest.approx(4 * ours.token_ms)
    assert dense.prefill_ms == pytest.approx(5 * ours.prefill_ms)


def test_rates_are_measured() -> None:
    rates = Rates.measure(1)
    assert 1e8 < rates.read < 1e13
    assert min(rates.int8, rates.fp32) > 1e8
    assert Rates(1, 5, 3).best(Rates(2, 4, 3)) == Rates(2, 5, 3)
