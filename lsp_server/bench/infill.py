"""The benchmark ``infill``: how often the filled text is right (pass@1), and what it costs.

Fills the same holes with every variant, alternating, and runs the resulting programs. The prompt
is prefilled once per hole with an empty cache, and its cost is counted for every variant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from lsp_server.bench import report, sandbox
from lsp_server.bench.humaneval_infilling import Problem, filling, hole_of
from lsp_server.bench.report import Progress, Spread, Tally
from lsp_server.bench.variants import (
    AS_SET,
    ONE_AT_A_TIME,
    make_variants,
    prefill_cold,
    rotated,
)
from lsp_server.diffusion.types import Infill
from lsp_server.models.interfaces import Model
from lsp_server.settings import Settings


@dataclass(slots=True)
class Score:
    """One variant's results for all holes, in order."""

    name: str
    texts: list[str] = field(default_factory=list)
    infills: list[Infill] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)  # per hole, prefill included
    exact: int = 0
    tally: Tally = field(default_factory=Tally)
    outcomes: list[sandbox.Outcome] = field(default_factory=list)

    def add(self, problem: Problem, infill: Infill, text: str, prefill: tuple[int, float]) -> None:
        """Count one hole; ``prefill``: the forwards and milliseconds of its prefill."""
        self.texts.append(text)
        self.infills.append(infill)
        self.exact += problem.matches(text)
        self.tally.add(infill.cost)
        self.tally.add_prefill(*prefill)
        self.ms.append(infill.cost.ms.total + prefill[1])

    @property
    def passed(self) -> int:
        """Holes whose program passed its test."""
        return self.outcomes.count("passed")

    def identical(self, reference: Score) -> int:
        """Holes filled with the same tokens as in ``reference``."""
        pairs = zip(self.infills, reference.infills, strict=True)
        return sum(mine.ids == its.ids for mine, its in pairs)

    def same_text(self, reference: Score) -> int:
        """Holes filled with the same text as in ``reference``."""
        return sum(mine == its for mine, its in zip(self.texts, reference.texts, strict=True))


def measure(
    model: Model,
    settings: Settings,
    problems: Sequence[Problem],
    lines: bool,
    progress: Progress,
) -> list[Score]:
    """Fill every hole with every variant; programs are not run yet."""
    variants = make_variants(model, settings)
    scores = {variant.name: Score(variant.name) for variant in variants}
    prefill_cold(variants[0].decoder, hole_of(problems[0], lines, settings))  # warm up
    for number, problem in enumerate(problems):
        progress(f"hole {number + 1} of {len(problems)} in {model.info.precision}")
        hole = hole_of(problem, lines, settings)
        prefill = prefill_cold(variants[0].decoder, hole)
        for variant in rotated(variants, number):
            infill = variant.decoder.infill(hole)
            scores[variant.name].add(problem, infill, filling(infill.text, lines), prefill)
    return list(scores.values())


def run_programs(
    problems: Sequence[Problem], scores: Sequence[Score], limits: sandbox.Limits = sandbox.LIMITS
) -> None:
    """Run every filled program, identical ones only once."""
    programs = {
        (index, text): problem.complete(text)
        for score in scores
        for index, (problem, text) in enumerate(zip(problems, score.texts, strict=True))
    }
    outcomes = dict(zip(programs, sandbox.run_all(list(programs.values()), limits), strict=True))
    for score in scores:
        score.outcomes = [outcomes[index, text] for index, text in enumerate(score.texts)]


def to_json(problems: Sequence[Problem], scores: Sequence[Score]) -> dict[str, Any]:
    """Every variant's sums, then every hole."""
    reference = by_name(scores, ONE_AT_A_TIME)
    return {
        "variants": {
            score.name: {
                "holes": len(score.texts),
                "passed": score.passed,
                "pass_at_1": report.ratio(score.passed, len(score.texts)),
                "pass_at_1_interval_95": report.wilson(score.passed, len(score.texts)),
                "timeouts": score.outcomes.count("timeout"),
                "exact_match": report.ratio(score.exact, len(score.texts)),
                "identical_to_one_at_a_time": report.ratio(
                    score.identical(reference), len(score.texts)
                ),
                "ms_per_hole_median": round(Spread.of(score.ms).median, 3),
                "ms_per_hole_p95": round(Spread.of(score.ms).p95, 3),
                "cost": score.tally.to_json(),
            }
            for score in scores
        },
        "holes": [
            {
                "task_id": problem.task_id,
                "filled": {
                    score.name: {
                        "text": score.texts[index],
                        "outcome": score.outcomes[index],
                        "ms": round(score.ms[index], 3),
                        "tokens": score.infills[index].cost.tokens,
                        "forwards": asdict(score.infills[index].cost.forwards),
                        "accepted": dict(score.infills[index].cost.accepted),
                    }
                    for score in scores
                },
            }
            for index, problem in enumerate(problems)
        ],
    }


def table(title: str, scores: Sequence[Score]) -> Table:
    """One row per variant."""
    reference = by_name(scores, ONE_AT_A_TIME)
    rows = report.new_table(
        title,
        "",
        "pass@1",
        "exact",
        "identical",
        "tokens",
        "per forward",
        "ms/token",
        "without prefill",
        "ms/hole p50 (p95)",
        report.FORWARDS,
        report.ACCEPTED,
    )
    for score in scores:
        count, tally, spread = len(score.texts), score.tally, Spread.of(score.ms)
        rows.add_row(
            score.name,
            report.share(score.passed, count),
            report.share(score.exact, count),
            report.share(score.identical(reference), count),
            str(tally.tokens),
            f"{tally.tokens_per_forward:.2f}",
            f"{tally.ms_per_token:.1f}",
            f"{tally.decoding_ms_per_token:.1f}",
            f"{spread.median:.0f} ({spread.p95:.0f})",
            report.slashed(tally.forwards),
            report.slashed(tally.accepted),
        )
    return rows


def comparison(precisions: Mapping[str, Sequence[Score]]) -> Iterator[str]:
    """Differences to another precision, with the given settings, in a line each."""
    first, *others = precisions
    mine = by_name(precisions[first], AS_SET)
    for other in others:
        its = by_name(precisions[other], AS_SET)
        count = len(mine.texts)
        yield (
            f"{first} against {other}: pass@1 {report.share(mine.passed, count)} against "
            f"{report.share(its.passed, count)}, {report.share(mine.same_text(its), count)} "
            "of the texts the same"
        )


def by_name(scores: Sequence[Score], name: str) -> Score:
    """The score of one variant."""
    return next(score for score in scores if score.name == name)
