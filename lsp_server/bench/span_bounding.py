"""Compares span bounding on and off: the same holes of real files, filled both ways.

Holes are filled through the completion service, as for an editor. A result is exact if it restores
the file, and parses if the file has no new syntax errors. Part of ``bench structure``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.table import Table

from lsp_server.bench import report
from lsp_server.bench.holes import SHAPES, Cut
from lsp_server.bench.report import Progress, Spread, Tally
from lsp_server.bench.variants import AS_SET, clear_cache, make_variants, rotated
from lsp_server.completion.service import Completion, CompletionService
from lsp_server.diffusion.decoder import Decoder
from lsp_server.models.interfaces import Model, never
from lsp_server.settings import Settings

UNBOUNDED = "bounding off"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one hole was filled."""

    cut: Cut
    completion: Completion
    exact: bool
    parses: bool
    ms: float  # prefill included


@dataclass(slots=True)
class Score:
    """One variant's results for all holes."""

    name: str
    verdicts: list[Verdict] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def add(self, cut: Cut, completion: Completion, prefill: tuple[int, float]) -> None:
        """Judge one completion; ``prefill``: the forwards and milliseconds of its prefill."""
        filled = apply(cut.text, completion)
        self.tally.add(completion)
        self.tally.add_prefill(*prefill)
        self.verdicts.append(
            Verdict(
                cut,
                completion,
                exact=filled == cut.file.text,
                parses=not cut.errors(filled),
                ms=completion.ms.total + prefill[1],
            )
        )

    @property
    def offered(self) -> list[Verdict]:
        """The holes for which a text was offered."""
        return [verdict for verdict in self.verdicts if verdict.completion.text is not None]

    @property
    def exact(self) -> int:
        """Holes filled with the text that was cut out."""
        return sum(verdict.exact for verdict in self.verdicts)

    @property
    def parsing(self) -> int:
        """Offered texts that add no syntax errors to the file."""
        return sum(verdict.parses for verdict in self.offered)


def apply(text: str, completion: Completion) -> str:
    """A document with a completion applied; unchanged if it has no text."""
    if completion.text is None:
        return text
    return text[: completion.start] + completion.text + text[completion.end :]


def services(model: Model, settings: Settings) -> dict[str, CompletionService]:
    """A service for every variant of decoding, and one without span bounding."""
    unbounded = replace(settings, span_bounding=False)
    made = {UNBOUNDED: CompletionService(Decoder(model, unbounded), unbounded)}
    for variant in make_variants(model, settings):
        made[variant.name] = CompletionService(variant.decoder, variant.decoder.settings)
    names = [AS_SET, UNBOUNDED]
    return {name: made[name] for name in [*names, *(name for name in made if name not in names)]}


def measure(
    model: Model, settings: Settings, cuts: Sequence[Cut], progress: Progress
) -> list[Score]:
    """Fill every hole with every variant, alternating; prefilled once with an empty cache.

    No scores if there are no holes.
    """
    if not cuts:
        return []
    asked = services(model, settings)
    scores = {name: Score(name) for name in asked}
    asked[AS_SET].prefill(cuts[0].snapshot(), cuts[0].start, never)  # warm up
    for number, cut in enumerate(cuts):
        progress(f"hole {number + 1} of {len(cuts)}")
        snapshot = cut.snapshot()
        clear_cache(model)
        started = time.perf_counter()
        forwards = asked[AS_SET].prefill(snapshot, cut.start, never)
        prefill = forwards, (time.perf_counter() - started) * 1000
        for name in rotated(list(asked), number):
            completion = asked[name].complete(snapshot, cut.start, "invoked")
            scores[name].add(cut, completion, prefill)
    return list(scores.values())


def to_json(scores: Sequence[Score]) -> dict[str, Any]:
    """Every variant's sums, in all and by the shape of the hole, then every hole.

    Under one key, for a report that holds more; no key when there were no holes.
    """
    if not scores:
        return {}
    variants = {
        score.name: {
            **_sums(score.verdicts),
            "cost": score.tally.to_json(),
            "by_shape": {
                shape: _sums([v for v in score.verdicts if v.cut.shape == shape])
                for shape in SHAPES
            },
        }
        for score in scores
    }
    holes = [
        {
            "file": verdict.cut.file.path.name,
            "shape": verdict.cut.shape,
            "start": verdict.cut.start,
            "truth": verdict.cut.truth,
            "filled": {score.name: _verdict_to_json(score.verdicts[index]) for score in scores},
        }
        for index, verdict in enumerate(scores[0].verdicts)
    ]
    return {"bounding": {"variants": variants, "holes": holes}}


def tables(scores: Sequence[Score]) -> Iterator[Table]:
    """One row per variant; no table when there were no holes."""
    if not scores:
        return
    count = len(scores[0].verdicts)
    rows = report.new_table(
        f"{count} holes in real files",
        "",
        "offered",
        "exact",
        "parses, of offered",
        "tokens",
        "verify+canvas per hole",
        report.FORWARDS,
        report.ACCEPTED,
        "ms/hole p50 (p95)",
    )
    for score in scores:
        forwards, ms = score.tally.forwards, Spread.of(verdict.ms for verdict in score.verdicts)
        per_hole = (report.ratio(each, count) for each in (forwards.verify, forwards.canvas))
        rows.add_row(
            score.name,
            report.share(len(score.offered), count),
            report.share(score.exact, count),
            report.share(score.parsing, len(score.offered)),
            str(score.tally.tokens),
            "+".join(f"{each:.2f}" for each in per_hole),
            report.slashed(forwards),
            report.slashed(score.tally.accepted),
            f"{ms.median:.0f} ({ms.p95:.0f})",
        )
    yield rows


def _verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "text": verdict.completion.text,
        "reason": verdict.completion.reason,
        "span": verdict.completion.span,
        "exact": verdict.exact,
        "parses": verdict.parses,
    }


def _sums(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    offered = [verdict for verdict in verdicts if verdict.completion.text is not None]
    ms = Spread.of(verdict.ms for verdict in verdicts)
    return {
        "holes": len(verdicts),
        "offered": len(offered),
        "exact": sum(verdict.exact for verdict in verdicts),
        "parses_of_offered": sum(verdict.parses for verdict in offered),
        "verify_forwards": sum(verdict.completion.forwards.verify for verdict in verdicts),
        "canvas_forwards": sum(verdict.completion.forwards.canvas for verdict in verdicts),
        "ms_median": round(ms.median, 3),
        "ms_p95": round(ms.p95, 3),
    }
