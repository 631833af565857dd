"""The benchmark ``structure``: how much faster structured text is decoded than prose.

Continues ten prompts in the categories of the published table with every variant, with the same
settings for all prompts. Tokens per second are over the whole time, prefill included.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rich.table import Table

from lsp_server.bench import report
from lsp_server.bench.prompts import PROMPTS, PUBLISHED, Category, Prompt
from lsp_server.bench.repetition import repetition_period
from lsp_server.bench.report import Progress, Spread, Tally
from lsp_server.bench.variants import (
    AS_SET,
    ONE_AT_A_TIME,
    Variant,
    clear_cache,
    make_variants,
    rotated,
)
from lsp_server.diffusion.prompt import Prompt as HolePrompt
from lsp_server.diffusion.types import Hole, Infill
from lsp_server.models.interfaces import Model
from lsp_server.settings import Settings


@dataclass(slots=True)
class Runs:
    """All repeats of one prompt by one variant; the text is the same in each."""

    text: str = ""
    ids: tuple[int, ...] = ()
    reason: str = ""
    rates: list[float] = field(default_factory=list)  # tokens per second
    tally: Tally = field(default_factory=Tally)

    def add(self, infill: Infill) -> None:
        """Count one more repeat."""
        self.text, self.ids, self.reason = infill.text, infill.ids, infill.reason
        self.rates.append(1000 * infill.cost.tokens / infill.cost.ms.total)
        self.tally.add(infill.cost)


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt and the runs of each variant."""

    prompt: Prompt
    runs: dict[str, Runs]

    @property
    def period(self) -> int | None:
        """The period of a loop in the text with the given settings, in tokens, or None."""
        return repetition_period(self.runs[AS_SET].ids)

    @property
    def counts(self) -> bool:
        """Whether the row counts in its category: no loop, or repetition is the task."""
        return self.period is None or self.prompt.category == "trivial"

    def rate(self, name: str) -> Spread:
        """Tokens per second over the repeats."""
        return Spread.of(self.runs[name].rates)


def measure(
    model: Model,
    settings: Settings,
    tokens: int,
    repeats: int,
    progress: Progress,
    prompts: Sequence[Prompt] = PROMPTS,
) -> list[Row]:
    """Decode every prompt ``repeats`` times with every variant, alternating.

    A two-sided model's canvas gets exactly ``tokens`` masks.
    """
    variants = make_variants(model, replace(settings, length="fixed", fixed_tokens=tokens))
    rows = [Row(prompt, {variant.name: Runs() for variant in variants}) for prompt in prompts]
    for variant in variants:  # the first forwards of a process are slower
        _decode(variant, prompts[0], min(tokens, 8))
    for repeat, row, variant in _schedule(rows, variants, repeats):
        progress(f"{row.prompt.name}, {variant.name}, {repeat + 1} of {repeats}")
        row.runs[variant.name].add(_decode(variant, row.prompt, tokens))
    return rows


def category_rate(rows: Sequence[Row], category: Category, name: str) -> float:
    """The mean of the medians of the category's prompts, as in the published table.

    0 if every text of the category loops.
    """
    rates = [
        row.rate(name).median for row in rows if row.prompt.category == category and row.counts
    ]
    return statistics.fmean(rates) if rates else 0.0


def to_json(rows: Sequence[Row]) -> dict[str, Any]:
    """Categories with their ratios, then every prompt with its text."""
    names = list(rows[0].runs)
    return {
        "categories": {
            category: {
                "published_tokens_per_s": PUBLISHED[category],
                "published_ratio_to_prose": _published_ratio(category),
                "variants": {
                    name: {
                        "tokens_per_s": round(category_rate(rows, category, name), 3),
                        "ratio_to_prose": round(_ratio(rows, category, name), 4),
                    }
                    for name in names
                },
            }
            for category in PUBLISHED
        },
        "prompts": [_row_to_json(row) for row in rows],
    }


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """The four categories beside the published ones, then the prompts."""
    names = list(rows[0].runs)
    categories = report.new_table(
        "Tokens per second by category (ratio to prose)", "", *names, "published"
    )
    for category in PUBLISHED:
        categories.add_row(
            category,
            *(
                _shown(category_rate(rows, category, name), _ratio(rows, category, name))
                for name in names
            ),
            _shown(PUBLISHED[category], _published_ratio(category), digits=2),
        )
    yield categories
    prompts = report.new_table(
        "By prompt: tokens per second, median [lowest–highest]",
        "",
        *names,
        "tokens",
        "per forward",
        report.FORWARDS,
        report.ACCEPTED,
        "loop",
    )
    for row in rows:
        shipped = row.runs[AS_SET]
        repeats = max(1, shipped.tally.answers)
        prompts.add_row(
            row.prompt.name,
            *(str(row.rate(name)) for name in names),
            f"{shipped.tally.tokens // repeats}",
            f"{shipped.tally.tokens_per_forward:.2f}",
            report.slashed(shipped.tally.forwards, repeats),
            report.slashed(shipped.tally.accepted, repeats),
            ""
            if row.period is None
            else f"after {row.period}" + ("" if row.counts else ", left out"),
        )
    yield prompts


def _schedule(
    rows: Sequence[Row], variants: Sequence[Variant], repeats: int
) -> Iterator[tuple[int, Row, Variant]]:
    """Alternate between variants, so that a slow phase of the machine affects all of them."""
    for repeat in range(repeats):
        for number, row in enumerate(rows):
            for variant in rotated(variants, repeat + number):
                yield repeat, row, variant


def _decode(variant: Variant, prompt: Prompt, tokens: int) -> Infill:
    clear_cache(variant.decoder.model)
    return variant.decoder.infill(Hole(HolePrompt.around(prompt.text, ""), tokens))


def _ratio(rows: Sequence[Row], category: Category, name: str) -> float:
    return report.ratio(category_rate(rows, category, name), category_rate(rows, "prose", name))


def _published_ratio(category: Category) -> float:
    return round(PUBLISHED[category] / PUBLISHED["prose"], 4)


def _shown(rate: float, to_prose: float, digits: int = 1) -> str:
    if not rate:
        return "–"
    return f"{rate:.{digits}f}" + (f" ({to_prose:.2f})" if to_prose else "")


def _row_to_json(row: Row) -> dict[str, Any]:
    reference = row.runs[ONE_AT_A_TIME].ids
    return {
        "name": row.prompt.name,
        "category": row.prompt.category,
        "prompt": row.prompt.text,
        "loops_after_tokens": row.period,
        "counts": row.counts,
        "variants": {
            name: {
                "tokens_per_s": [round(rate, 3) for rate in runs.rates],
                "median": round(row.rate(name).median, 3),
                "ended_by": runs.reason,
                "identical_to_one_at_a_time": runs.ids == reference,
                "text": runs.text,
                "all_repeats": runs.tally.to_json(),
            }
            for name, runs in row.runs.items()
        },
    }
