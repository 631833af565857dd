"""What benchmarks have in common: sums of cost, medians and spreads, the machine, the file.

Pure arithmetic and plain values; knows neither models nor holes.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psutil
from rich.table import Table

from lsp_server.diffusion.types import Forwards, Milliseconds, no_drafts
from lsp_server.models.interfaces import ModelInfo
from lsp_server.models.storage import replacing
from lsp_server.settings import Settings, Source

FORWARDS = "forwards p/v/c"
ACCEPTED = "kept s/f/d"
CAPTION = (
    "forwards p/v/c: prefill, verify, canvas · kept s/f/d: drafts kept from syntax, file, denoiser "
    "· tokens per forward: per verifying forward (per canvas where nothing is verified), without "
    "the token that the prefill gives"
)

Progress = Callable[[str], None]
"""Told what is being measured."""

_FLAGS = (
    "avx",
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_int8",
    "amx_bf16",
)
_PACKAGES = ("unmask", "torch", "transformers", "tokenizers", "tree-sitter", "pygls", "numpy")


class Cost(Protocol):
    """What an answer cost: the decoder's own count, or that of a ``Completion``."""

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
    """The sum of many answers' cost."""

    answers: int = 0
    tokens: int = 0
    decoded: int = 0  # tokens that decoding brought: not those that prefills gave
    forwards: Forwards = field(default_factory=Forwards)
    accepted: dict[Source, int] = field(default_factory=no_drafts)
    ms: Milliseconds = field(default_factory=Milliseconds)

    def add(self, cost: Cost) -> None:
        """Count one more answer."""
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
        """Count a prefill that was run ahead of an answer."""
        self.forwards.prefill += forwards
        self.ms.prefill += ms
        self.ms.total += ms

    @property
    def tokens_per_forward(self) -> float:
        """Tokens per verified forward; 1 for one-token-at-a-time decoding.

        The first token of an answer comes from the prefill and is not counted. Per canvas where
        nothing is verified.
        """
        return ratio(self.decoded, self.forwards.verify or self.forwards.canvas)

    @property
    def ms_per_token(self) -> float:
        """Wall time per token, prefill included."""
        return ratio(self.ms.total, self.tokens)

    @property
    def decoding_ms_per_token(self) -> float:
        """Wall time per token behind the first, without the prefill."""
        return ratio(self.ms.total - self.ms.prefill, self.decoded)

    def to_json(self) -> dict[str, Any]:
        """Sums and the ratios made of them."""
        return {
            **asdict(self),
            "tokens_per_forward": round(self.tokens_per_forward, 4),
            "ms_per_token": round(self.ms_per_token, 3),
            "decoding_ms_per_token": round(self.decoding_ms_per_token, 3),
        }


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeats of one measurement."""

    count: int
    median: float
    low: float
    high: float
    p95: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise values; all zero when there are none."""
        ordered = sorted(values)
        if not ordered:
            return cls(0, 0.0, 0.0, 0.0, 0.0)
        median = statistics.median(ordered)
        return cls(len(ordered), median, ordered[0], ordered[-1], percentile(ordered, 0.95))

    def __str__(self) -> str:
        return f"{self.median:.1f} [{self.low:.1f}–{self.high:.1f}]" if self.count else "–"


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` of sorted values lie, interpolated; 0 for none."""
    if not ordered:
        return 0.0
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


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
    """What a reader needs to place the numbers: date, machine, versions, model, settings."""
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


def machine() -> dict[str, Any]:
    """The processor as far as it matters for speed, and the memory."""
    described = _processor()
    flags = described.get("flags", "").split()
    return {
        "processor": described.get("model name", platform.processor() or platform.machine()),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count(),
        "threads": os.cpu_count(),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "memory_bytes": psutil.virtual_memory().total,
        "load": [round(value, 2) for value in psutil.getloadavg()],
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Python and the packages whose version changes speed or text."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def headline(report: dict[str, Any]) -> str:
    """Machine and model in a line, to stand over a table."""
    described, model = report["machine"], report["model"]
    flags = " ".join(described["flags"]) or "no vector flags known"
    return (
        f"{model['name']} in {model['precision']} on {model['device']} · "
        f"{described['processor']}, {described['threads']} threads ({flags}) · "
        f"torch {report['versions'].get('torch', '?')} · {report['date']}"
    )


def new_table(title: str, first: str, *columns: str) -> Table:
    """A table whose columns but the first are numbers."""
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


def write(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _increase(target: Any, name: str, value: float) -> None:
    setattr(target, name, getattr(target, name) + value)


def _processor() -> dict[str, str]:
    """The first processor as Linux describes it; empty elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text("utf-8").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}
