"""What ``bench latency`` reports: situations, where the time goes, series, targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from lsp_server.bench import report
from lsp_server.bench.forward_rows import CONTEXT
from lsp_server.bench.latency import Measured
from lsp_server.bench.markdown import MarkdownTable
from lsp_server.bench.ratios import Quartiles, paired
from lsp_server.bench.report import Spread
from lsp_server.bench.situations import (
    BACK,
    BACK_FROM,
    COLD,
    RESTED,
    SITUATIONS,
    THROUGH,
    WARM,
    WITHHELD,
    Score,
)
from lsp_server.bench.targets import Target
from lsp_server.bench.typist import Keystroke

Rows = Mapping[int, Sequence[float]]
"""Milliseconds of forwards by their number of rows."""


def _phase(name: str) -> Callable[[Keystroke], float]:
    return lambda key: key.latency.phases[name]


def _waiting(key: Keystroke) -> float:
    return max(0.0, key.latency.ms - key.latency.phases["total"])


def _others(key: Keystroke) -> float:
    phases = key.latency.phases
    return phases["total"] - sum(ms for name, ms in phases.items() if name != "total")


PHASES: Final[Mapping[str, Callable[[Keystroke], float]]] = {
    "between editor and server": lambda key: max(0.0, key.ms - key.latency.ms),
    "waiting for the model's thread": _waiting,
    "gate": _phase("gate"),
    "span and window": _phase("span"),
    "prefill": _phase("prefill"),
    "canvas": _phase("canvas"),
    "verify": _phase("verify"),
    "postprocessing": _phase("polish"),
    "tokens, drafts, stop rules": _others,
}
"""Where the time from key to answer goes; together they are all of it."""


def tables(measured: Measured, rows: Rows) -> Iterator[MarkdownTable]:
    """All tables but that of the targets."""
    yield _situation_table(measured.variants)
    yield _phase_table(measured.variants[0])
    for title, scores in (
        ("By the document's length, the same passages in it", measured.lengths),
        ("By the window, in documents of 100 kB", measured.windows),
        ("By the number of other processes that compute", measured.busy),
    ):
        yield _series_table(title, scores)
    if rows:
        yield _row_table(rows)


def targets(measured: Measured, rows: Rows) -> list[Target]:
    """What was aimed at, with the given settings."""
    shipped = measured.variants[0]
    warm = _median(shipped, WARM)
    lengths = {score.name: score for score in measured.lengths}
    return [
        Target("cold, p50", 600, _median(shipped, COLD), "ms"),
        Target(f"{BACK}, p50", 150, _median(shipped, BACK), "ms"),
        Target(f"{BACK_FROM}, p50", 150, _median(shipped, BACK_FROM), "ms"),
        Target(f"{THROUGH}, p50", 5, _median(shipped, THROUGH), "ms"),
        Target("new place after a rest, of warm, p50", 1, _of(_median(shipped, RESTED), warm)),
        Target(
            "warm p95 in 1 MB, of 10 kB's",
            1.2,
            _of(_p95(lengths["1000 kB"]), _p95(lengths["10 kB"])),
        ),
        Target(
            "warm p50 beside one busy process, of alone",
            1.6,
            _of(_median(measured.busy[1], WARM), _median(measured.busy[0], WARM)),
        ),
        Target("forward of 8 rows, of 1 row's", 1.25, _row_ratio(rows, 8) if rows else None),
    ]


def caption(measured: Measured) -> str:
    """What the tables do not say."""
    return (
        f"The server's model was loaded {measured.start_ms:.0f} ms after its start, the first "
        f"answer came after {measured.first_ms:.0f} ms. Means add up, p50 and p95 do not."
    )


def to_json(measured: Measured, rows: Rows) -> dict[str, Any]:
    """Every series with its spreads, and the phases of its warm requests."""
    return {
        "start_ms": round(measured.start_ms),
        "first_answer_ms": round(measured.first_ms),
        "variants": _scores_to_json(measured.variants),
        "lengths": _scores_to_json(measured.lengths),
        "windows": _scores_to_json(measured.windows),
        "busy": _scores_to_json(measured.busy),
        "forward_ms_by_rows": {
            str(count): [round(value, 3) for value in ms] for count, ms in rows.items()
        },
    }


def _situation_table(variants: Sequence[Score]) -> MarkdownTable:
    rows = MarkdownTable(
        "Milliseconds from key to answer, p50 / p95 (requests)",
        ("", *(score.name for score in variants)),
    )
    for situation in SITUATIONS:
        rows.add_row(situation, *(_show(score, situation) for score in variants))
    rows.add_row("offered", *(_share(score, offered=True) for score in variants))
    rows.add_row("first line typed then", *(_share(score, offered=False) for score in variants))
    rows.add_row("tokens per verifying forward", *(_per_forward(score) for score in variants))
    return rows


def _phase_table(score: Score) -> MarkdownTable:
    warm = score.keys[WARM]
    rows = MarkdownTable(
        f"Where the time of a warm request goes ({len(warm)} requests, {score.name})",
        ("", "mean ms", "share", "p50", "p95"),
    )
    total = sum(key.ms for key in warm)
    for name, phase in PHASES.items():
        values = [phase(key) for key in warm]
        rows.add_row(name, *_phase_cells(values, total))
    rows.add_row("together", *_phase_cells([key.ms for key in warm], total))
    return rows


def _phase_cells(values: Sequence[float], total: float) -> tuple[str, ...]:
    spread = Spread.of(values)
    mean = report.ratio(sum(values), len(values))
    share = 100 * report.ratio(sum(values), total)
    return f"{mean:.1f}", f"{share:.0f}%", f"{spread.median:.1f}", f"{spread.p95:.1f}"


def _series_table(title: str, scores: Sequence[Score]) -> MarkdownTable:
    """Cold and warm, and the mean of every phase of a warm request; a column for each step."""
    rows = MarkdownTable(
        f"{title}: ms, p50 / p95 (requests), then means of a warm one",
        ("", *(score.name for score in scores)),
    )
    for situation in (COLD, WARM):
        rows.add_row(situation, *(_show(score, situation) for score in scores))
    for name, phase in PHASES.items():
        means = []
        for score in scores:
            warm = score.keys[WARM]
            mean = report.ratio(sum(map(phase, warm)), len(warm))
            means.append(f"{mean:.1f}" if warm else "–")
        rows.add_row(name, *means)
    return rows


def _row_table(rows: Rows) -> MarkdownTable:
    table = MarkdownTable(
        f"One verifying forward with {CONTEXT} tokens cached, median (quartiles)",
        ("rows", "ms", "of one row's"),
    )
    for count, ms in rows.items():
        ratios = Quartiles.of(paired(ms, rows[1]))
        table.add_row(str(count), Quartiles.of(ms).show(1), ratios.show(2))
    return table


def _show(score: Score, situation: str) -> str:
    keys = score.keys[situation]
    if not keys:
        return "–"
    spread = Spread.of(key.ms for key in keys)
    digits = 0 if spread.median >= 10 else 1
    return f"{spread.median:.{digits}f} / {spread.p95:.{digits}f} ({len(keys)})"


def _all(score: Score) -> list[Keystroke]:
    return [key for keys in score.keys.values() for key in keys]


def _share(score: Score, offered: bool) -> str:
    """How many requests were offered a text, or how many of those texts were typed then."""
    keys = _all(score)
    judged = [key for key in keys if key.followed is not None]
    if offered:
        return report.share(len(judged), len(keys))
    return report.share(sum(bool(key.followed) for key in judged), len(judged))


def _per_forward(score: Score) -> str:
    computed = [key.latency for key in _all(score) if key.kind == "computed"]
    forwards = sum(latency.forwards.verify for latency in computed)
    tokens = sum(max(0, latency.tokens - 1) for latency in computed)
    return f"{tokens / forwards:.2f}" if forwards else "–"


def _median(score: Score, situation: str) -> float | None:
    keys = score.keys[situation]
    return Spread.of(key.ms for key in keys).median if keys else None


def _p95(score: Score) -> float | None:
    keys = score.keys[WARM]
    return Spread.of(key.ms for key in keys).p95 if keys else None


def _of(value: float | None, reference: float | None) -> float | None:
    return value / reference if value is not None and reference else None


def _row_ratio(rows: Rows, count: int) -> float:
    return Quartiles.of(paired(rows[count], rows[1])).median


def _scores_to_json(scores: Sequence[Score]) -> dict[str, Any]:
    return {
        score.name: {
            "ms": {
                situation: _spread_to_json(keys) for situation, keys in score.keys.items() if keys
            },
            "warm_phases_mean_ms": {
                name: round(float(np.mean([phase(key) for key in score.keys[WARM]])), 3)
                for name, phase in PHASES.items()
                if score.keys[WARM]
            },
            "offered": sum(key.latency.offered for key in _all(score)),
            "first_line_typed_then": sum(bool(key.followed) for key in _all(score)),
            "timeouts": sum(key.latency.reason == "timeout" for key in _all(score)),
            "withheld": len(score.keys[WITHHELD]),
        }
        for score in scores
    }


def _spread_to_json(keys: Sequence[Keystroke]) -> dict[str, Any]:
    spread = Spread.of(key.ms for key in keys)
    return {
        "count": spread.count,
        "p50": round(spread.median, 3),
        "p95": round(spread.p95, 3),
        "highest": round(spread.high, 3),
    }
