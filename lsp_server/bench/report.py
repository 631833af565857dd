"""Shared by the benchmarks: sums of cost, medians, tables, and writing the report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from rich.console import Console, RenderableType
from rich.table import Table

from lsp_server.bench.machine import machine, versions
from lsp_server.diffusion.types import Forwards, Milliseconds, no_drafts
from lsp_server.models.interfaces import ModelInfo
from lsp_server.models.storage import replacing
from lsp_server.settings import Settings, Source
from lsp_server.source_files import SourceError

FORWARDS = "forwards p/v/c"
ACCEPTED = "kept s/f/d"
CAPTION = (
    "forwards p/v/c: prefill, verify, canvas · kept s/f/d: drafts kept from syntax, file, denoiser "
    "· tokens per forward: per verifying forward (per canvas where nothing is verified), without "
    "the token that the prefill gives"
)

Progress = Callable[[str], None]
"""Called with a description of what is being measured."""

_WIDTH: Final = 160  # columns of tables that are not printed to a terminal


class Cost(Protocol):
    """The cost of one infill: the decoder's ``Cost``, or a ``Completion``."""

    @property
    def tokens(self) -> int:
        """Tokens committed."""

    @property
    def forwards(self) -> Forwards:
        """Forward passes by kind."""

    @property
    def accepted(self) -> Mapping[Source, int]:
        """Drafts kept, by source."""

    @property
    def ms(self) -> Milliseconds:
        """Wall time by phase."""


@dataclass(slots=True)
class Tally:
    """The sum of many costs."""

    answers: int = 0
    tokens: int = 0
    decoded: int = 0  # tokens from decoding, without those from prefills
    forwards: Forwards = field(default_factory=Forwards)
    accepted: dict[Source, int] = field(default_factory=no_drafts)
    ms: Milliseconds = field(default_factory=Milliseconds)

    def add(self, cost: Cost) -> None:
        """Add one cost."""
        self.answers += 1
        self.tokens += cost.tokens
        if cost.forwards.verify:
            self.decoded += max(0, cost.tokens - 1)
        elif not cost.forwards.prefill:  # pure denoising: no prefill gave the first
            self.decoded += cost.tokens
        for name in ("prefill", "verify", "canvas"):
            _increase(self.forwards, name, getattr(cost.forwards, name))
        for source, count in cost.accepted.items():
            self.accepted[source] += count
        for name in ("total", "prefill", "verify", "canvas"):
            _increase(self.ms, name, getattr(cost.ms, name))

    def add_prefill(self, forwards: int, ms: float) -> None:
        """Add a prefill that was run ahead of a request."""
        self.forwards.prefill += forwards
        self.ms.prefill += ms
        self.ms.total += ms

    @property
    def tokens_per_forward(self) -> float:
        """Tokens per verified forward; 1 for one-token-at-a-time decoding.

        The first token comes from the prefill and is not counted. Per canvas if nothing is
        verified.
        """
        return ratio(self.decoded, self.forwards.verify or self.forwards.canvas)

    @property
    def ms_per_token(self) -> float:
        """Wall time per token, prefill included."""
        return ratio(self.ms.total, self.tokens)

    @property
    def decoding_ms_per_token(self) -> float:
        """Wall time per token after the first, without the prefill."""
        return ratio(self.ms.total - self.ms.prefill, self.decoded)

    def to_json(self) -> dict[str, Any]:
        """The sums and their ratios."""
        return {
            **asdict(self),
            "tokens_per_forward": round(self.tokens_per_forward, 4),
            "ms_per_token": round(self.ms_per_token, 3),
            "decoding_ms_per_token": round(self.decoding_ms_per_token, 3),
        }


@dataclass(frozen=True, slots=True)
class Spread:
    """Statistics of a repeated measurement."""

    count: int
    median: float
    low: float
    high: float
    p95: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise values; all zero when there are none."""
        measured = np.array(list(values))
        if not measured.size:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        low, median, p95, high = map(float, np.percentile(measured, (0, 50, 95, 100)))
        return cls(measured.size, median, low, high, p95)

    def __str__(self) -> str:
        return f"{self.median:.1f} [{self.low:.1f}–{self.high:.1f}]" if self.count else "–"


def ratio(value: float, reference: float) -> float:
    """A quotient; 0 when there is nothing to divide by."""
    return value / reference if reference else 0.0


def share(part: int, whole: int) -> str:
    """A share for a table: ``75.0% (3/4)``."""
    return f"{100 * part / whole:.1f}% ({part}/{whole})" if whole else "–"


def slashed(counts: Forwards | Mapping[Source, int], repeats: int = 1) -> str:
    """Counts for a table, per repeat: ``12/34/5``."""
    values = asdict(counts) if isinstance(counts, Forwards) else counts
    return "/".join(str(count // repeats) for count in values.values())


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95% confidence interval of a share, after Wilson; (0, 1) when nothing was counted."""
    if not whole:
        return 0.0, 1.0
    z, p = 1.96, part / whole
    centre = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * ((p * (1 - p) + z * z / (4 * whole)) / whole) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def context(benchmark: str, settings: Settings, model: ModelInfo) -> dict[str, Any]:
    """The conditions of a measurement: date, machine, versions, model, settings."""
    return {
        "benchmark": benchmark,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "model": asdict(model),
        "settings": {
            **asdict(settings),
            "languages": dict(settings.languages),
        },
    }


def headline(report: dict[str, Any]) -> str:
    """Machine and model in a line, to stand over a table."""
    described, model = report["machine"], report["model"]
    flags = " ".join(described["flags"]) or "no vector flags known"
    runtime = model["runtime"]
    return (
        f"{model['name']} in {model['precision']} on {model['device']} · "
        f"{described['processor']}, {described['threads']} threads ({flags}) · "
        f"{runtime} {report['versions'].get(runtime, '?')} · {report['date']}"
    )


def new_table(title: str, first: str, *columns: str) -> Table:
    """A table whose columns but the first are numbers."""
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


@contextmanager
def progress_on_terminal() -> Iterator[Progress]:
    """Shows what is being measured, if standard error is a terminal."""
    with Console(stderr=True).status("") as status:
        yield status.update


def check_writable(path: Path | None) -> None:
    """Raise SourceError, before measuring, if the report could not be written."""
    if path and not path.absolute().parent.is_dir():
        raise SourceError(f"cannot write {path}: there is no such folder")


def options(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Some of a command's arguments by name, for the report."""
    return {name: getattr(arguments, name) for name in names}


def show(
    result: dict[str, Any],
    tables: Iterable[RenderableType],
    path: Path | None,
    caption: str = CAPTION,
) -> None:
    """Print the tables, and write the report where there is a path."""
    console = open_console()
    console.print(headline(result))
    for table in tables:
        console.print(table, crop=False)
    console.print(caption, style="dim")
    if path:
        write(path, result)
        console.print(f"report: {path}")


def open_console() -> Console:
    """Standard output, wide enough for the tables where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def write(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _increase(target: Any, name: str, value: float) -> None:
    setattr(target, name, getattr(target, name) + value)
