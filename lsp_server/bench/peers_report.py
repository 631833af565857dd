"""What ``bench peers`` reports: speed, ratios with spread, quality, floors, targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lsp_server.bench import report, sandbox
from lsp_server.bench.floors import BYTES, Rates, prefill_operations, weights_read
from lsp_server.bench.markdown import MarkdownTable
from lsp_server.bench.peers import (
    LLAMA,
    LLAMA_LOOKUP,
    PREFILL_TOKENS,
    UNMASK,
    Answer,
    Case,
    Score,
)
from lsp_server.bench.ratios import Quartiles, paired
from lsp_server.bench.targets import Target
from lsp_server.bench.variants import ONE_AT_A_TIME
from lsp_server.models.embedded.spec import SPEC

Series = Callable[[Score], Sequence[float | None]]

MEASURES: Final[Mapping[str, Series]] = {
    f"prefill of {PREFILL_TOKENS}": lambda score: score.prefills,
    "per token": lambda score: [answer.ms_per_token for answer in score.cold],
    "completion, cold": lambda score: [answer.ms for answer in score.cold],
    "completion, warm": lambda score: [answer.ms for answer in score.warm],
}
"""What is compared, in milliseconds; ``per token`` leaves the prefill out."""

PREFILL, PER_TOKEN, COLD, WARM = MEASURES

_PAIRS: Final = (
    (UNMASK, ONE_AT_A_TIME),
    (UNMASK, LLAMA),
    (UNMASK, LLAMA_LOOKUP),
    (ONE_AT_A_TIME, LLAMA),
)


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a runtime could take on this machine."""

    name: str
    engine: str  # whose figures stand beside it
    bytes_per_token: int
    token_ms: float
    prefill_ms: float


def floors(rates: Rates, precision: str, file_bytes: int, peer: bool) -> list[Floor]:
    """The floors of our weights in a precision and, with a peer, of the GGUF file's."""
    shape = SPEC.shape
    operations = prefill_operations(shape, PREFILL_TOKENS)
    size = weights_read(shape) * BYTES.get(precision, BYTES["fp32"])
    products = rates.product_ms(operations, precision)
    found = [Floor(f"ours, {precision}", ONE_AT_A_TIME, size, rates.read_ms(size), products)]
    if peer:
        in_int8 = rates.product_ms(operations, "int8")  # llama.cpp multiplies bytes, too
        found.append(Floor("llama.cpp", LLAMA, file_bytes, rates.read_ms(file_bytes), in_int8))
    return found


def ratio(scores: Mapping[str, Score], name: str, reference: str, measure: str) -> Quartiles:
    """The ratios of two engines, pair by pair; none where one of them was left out."""
    if name not in scores or reference not in scores:
        return Quartiles.of([])
    series = MEASURES[measure]
    return Quartiles.of(paired(series(scores[name]), series(scores[reference])))


def targets(scores: Mapping[str, Score]) -> list[Target]:
    """What was aimed at; the medians of the ratios are measured against it."""

    def target(name: str, limit: float, engine: str, reference: str, measure: str) -> Target:
        found = ratio(scores, engine, reference, measure)
        return Target(name, limit, found.median if found.count else None)

    return [
        target(f"prefill of {PREFILL_TOKENS} tokens, of llama.cpp's", 0.6, UNMASK, LLAMA, PREFILL),
        target("per token, of one at a time", 0.55, UNMASK, ONE_AT_A_TIME, PER_TOKEN),
        target("per token, of llama.cpp's", 0.5, UNMASK, LLAMA, PER_TOKEN),
        target("completion from cold, of llama.cpp's", 0.5, UNMASK, LLAMA, COLD),
    ]


def run_programs(cases: Sequence[Case], scores: Sequence[Score]) -> dict[str, list[str]]:
    """The outcome of every filled program by engine, identical ones run once; empty without tests.

    Every case has a problem, or none has.
    """
    programs = {
        (index, answer.text): case.problem.complete(case.filling(answer.text))
        for score in scores
        for index, (case, answer) in enumerate(zip(cases, score.cold, strict=True))
        if case.problem
    }
    outcomes = dict(zip(programs, sandbox.run_all(list(programs.values())), strict=True))
    return {
        score.name: [outcomes[index, answer.text] for index, answer in enumerate(score.cold)]
        for score in scores
        if outcomes
    }


def tables(
    cases: Sequence[Case],
    scores: Mapping[str, Score],
    outcomes: Mapping[str, Sequence[str]],
    rates: Rates,
    least: Sequence[Floor],
) -> Iterator[MarkdownTable]:
    """Milliseconds, ratios, quality, floors."""
    speed = MarkdownTable(
        f"Milliseconds on {len(cases)} holes, median (quartiles)", ("", *MEASURES)
    )
    for score in scores.values():
        spreads = [Quartiles.of(series(score)) for series in MEASURES.values()]
        speed.add_row(score.name, *(spread.show(_digits(spread)) for spread in spreads))
    yield speed

    ratios = MarkdownTable("Ratios, hole by hole, median (quartiles)", ("", *MEASURES))
    for name, reference in _PAIRS:
        found = [ratio(scores, name, reference, measure) for measure in MEASURES]
        if any(each.count for each in found):
            ratios.add_row(f"{name} / {reference}", *(each.show(2) for each in found))
    yield ratios

    quality = MarkdownTable(
        "Quality and cost",
        (
            *("", "pass@1", "exact", f"as {ONE_AT_A_TIME}", "warm as cold", "tokens"),
            "per verifying forward",
        ),
    )
    for score in scores.values():
        count = len(cases)
        tested = outcomes.get(score.name, ())
        quality.add_row(
            score.name,
            report.share(list(tested).count("passed"), len(tested)),
            report.share(_exact(cases, score.cold), count),
            report.share(_same(score.cold, scores[ONE_AT_A_TIME].cold), count),
            report.share(_same(score.warm, score.cold), count),
            str(sum(len(answer.ids) for answer in score.cold)),
            _per_forward(score.cold),
        )
    yield quality

    yield _floor_table(scores, rates, least)


def to_json(
    cases: Sequence[Case],
    scores: Mapping[str, Score],
    outcomes: Mapping[str, Sequence[str]],
    rates: Rates,
    least: Sequence[Floor],
) -> dict[str, Any]:
    """The sums, then every hole."""
    return {
        "engines": {
            score.name: {
                "ms": {
                    name: Quartiles.of(series(score)).to_json() for name, series in MEASURES.items()
                },
                "passed": list(outcomes.get(score.name, ())).count("passed"),
                "tested": len(outcomes.get(score.name, ())),
                "exact": _exact(cases, score.cold),
                "same_text_as_one_at_a_time": _same(score.cold, scores[ONE_AT_A_TIME].cold),
                "same_text_warm_as_cold": _same(score.warm, score.cold),
                "tokens": sum(len(answer.ids) for answer in score.cold),
                "verifying_forwards": sum(answer.verified for answer in score.cold),
                "prefill_ms": [round(ms, 3) for ms in score.prefills],
            }
            for score in scores.values()
        },
        "ratios": {
            f"{name} / {reference}": {
                measure: ratio(scores, name, reference, measure).to_json() for measure in MEASURES
            }
            for name, reference in _PAIRS
        },
        "rates_per_second": rates.to_json(),
        "floors": {
            floor.name: {
                "bytes_per_token": floor.bytes_per_token,
                "token_ms": round(floor.token_ms, 3),
                "prefill_ms": round(floor.prefill_ms, 3),
            }
            for floor in least
        },
        "holes": [
            {
                "name": case.name,
                "prompt_tokens": len(case.prompt.ids),
                "truth": case.truth,
                "filled": {
                    score.name: {
                        "cold": _answer_to_json(score.cold[index]),
                        "warm": _answer_to_json(score.warm[index]),
                        "outcome": outcomes[score.name][index] if score.name in outcomes else None,
                    }
                    for score in scores.values()
                },
            }
            for index, case in enumerate(cases)
        ],
    }


def _floor_table(
    scores: Mapping[str, Score], rates: Rates, least: Sequence[Floor]
) -> MarkdownTable:
    rows = MarkdownTable(
        f"Floors, where {rates.read / 1e9:.1f} GB/s are read and {rates.int8 / 1e9:.0f} (int8) or "
        f"{rates.fp32 / 1e9:.0f} (fp32) thousand million operations a second multiplied",
        (
            *("", "MB per token", "ms per token", "measured, of it"),
            *(f"ms for {PREFILL_TOKENS}", "measured, of it"),
        ),
    )
    for floor in least:
        score = scores[floor.engine]
        token = Quartiles.of(MEASURES[PER_TOKEN](score)).median
        prefill = Quartiles.of(MEASURES[PREFILL](score)).median
        rows.add_row(
            floor.name,
            f"{floor.bytes_per_token / 1e6:.0f}",
            f"{floor.token_ms:.1f}",
            f"{token / floor.token_ms:.1f}×",
            f"{floor.prefill_ms:.0f}",
            f"{prefill / floor.prefill_ms:.1f}×",
        )
    return rows


def _digits(spread: Quartiles) -> int:
    return 0 if spread.median >= 100 else 1


def _exact(cases: Sequence[Case], answers: Sequence[Answer]) -> int:
    return sum(case.matches(answer.text) for case, answer in zip(cases, answers, strict=True))


def _same(answers: Sequence[Answer], references: Sequence[Answer]) -> int:
    return sum(a.text == b.text for a, b in zip(answers, references, strict=True))


def _per_forward(answers: Sequence[Answer]) -> str:
    forwards = sum(answer.verified for answer in answers)
    decoded = sum(max(0, len(answer.ids) - 1) for answer in answers)
    return f"{decoded / forwards:.2f}" if forwards else "–"


def _answer_to_json(answer: Answer) -> dict[str, Any]:
    return {
        "text": answer.text,
        "tokens": len(answer.ids),
        "prefill_ms": round(answer.prefill_ms, 3),
        "decode_ms": round(answer.decode_ms, 3),
    }
