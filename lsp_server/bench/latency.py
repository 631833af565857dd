"""The benchmark ``latency``: milliseconds from key to completion while real text is typed.

Asks for a completion after every key, as an editor does, and lets every request finish, as if a
pause followed. The time includes the update of the syntax tree. After a key that ends a word the
typist pauses, and the KV cache is prefilled as the server does then.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rich.table import Table

from lsp_server.bench import report, span_bounding
from lsp_server.bench.keystrokes import Passage, Typed
from lsp_server.bench.report import Progress, Spread, Tally
from lsp_server.bench.variants import clear_cache, rotated
from lsp_server.completion.gate import LastChange
from lsp_server.completion.service import Completion, CompletionService
from lsp_server.models.interfaces import Model, never
from lsp_server.settings import Settings

Phase = Literal["cold", "warm", "typed through", "withheld"]
PHASES: tuple[Phase, ...] = ("cold", "warm", "typed through", "withheld")
"""``cold``: the first request in a file, nothing cached. ``warm``: the model ran with most of the
prompt cached. ``typed through``: the rest of an earlier answer. ``withheld``: refused by the gate
without running the model."""


@dataclass(slots=True)
class Score:
    """All requests of one variant."""

    name: str
    ms: dict[Phase, list[float]] = field(default_factory=lambda: {phase: [] for phase in PHASES})
    reasons: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)  # of requests for which the model ran
    idle_forwards: int = 0  # prefills while the typist paused
    hits: int = 0  # offers that began with the next key

    def add(self, phase: Phase, completion: Completion, ms: float) -> None:
        """Count one request."""
        self.ms[phase].append(ms)
        self.reasons[completion.reason] += 1
        if phase in ("cold", "warm"):
            self.tally.add(completion)

    @property
    def offered(self) -> int:
        """Requests that were answered with a text."""
        return self.reasons["offered"]

    @property
    def requests(self) -> int:
        """Requests in all."""
        return self.reasons.total()


def measure(
    model: Model, settings: Settings, passages: Sequence[Passage], keys: int, progress: Progress
) -> list[Score]:
    """Type every passage with every variant, alternating, each with an empty cache."""
    names = list(span_bounding.services(model, settings))
    scores = {name: Score(name) for name in names}
    warm_up = span_bounding.services(model, settings)[names[0]]
    _type(warm_up, passages[0], 0, Score(""))  # the first forwards of a process are slower
    for number, passage in enumerate(passages):
        services = span_bounding.services(model, settings)  # new, without cached answers
        for name in rotated(names, number):
            progress(f"{passage.file.path.name}, place {number + 1} of {len(passages)}, {name}")
            clear_cache(model)
            _type(services[name], passage, keys, scores[name])
    return list(scores.values())


def _type(service: CompletionService, passage: Passage, keys: int, score: Score) -> None:
    typed: Typed | None = None
    pressed = passage.keys(keys)
    for number, key in enumerate(["", *pressed]):
        started = time.perf_counter()
        typed = typed.after(key) if typed else passage.open()
        change = LastChange.of([("", key)] if key else [])
        completion = service.complete(typed.snapshot, typed.offset, "automatic", last_change=change)
        ms = (time.perf_counter() - started) * 1000
        score.add(phase_of(completion, first=not key), completion, ms)
        following = "".join(pressed[number:])
        if completion.text and following:
            written = completion.text[: len(following)]
            score.hits += following.startswith(written.split("\n")[0])
        if pauses_after(key):
            score.idle_forwards += service.prefill(typed.snapshot, typed.offset, never)


def phase_of(completion: Completion, first: bool) -> Phase:
    """The phase of a request; if it timed out, the model did run."""
    if completion.cached:
        return "typed through"
    ran = any(asdict(completion.forwards).values()) or completion.reason == "timeout"
    if not ran:
        return "withheld"
    return "cold" if first else "warm"


def pauses_after(key: str) -> bool:
    """Whether a typist stops to think: after a key that ends a word or a line."""
    return not (key.isalnum() or key == "_")


def to_json(scores: Sequence[Score]) -> dict[str, Any]:
    """Every variant's times by phase, and what they cost."""
    return {
        "variants": {
            score.name: {
                "requests": score.requests,
                "reasons": dict(score.reasons),
                "offers_that_were_typed": score.hits,
                "idle_prefill_forwards": score.idle_forwards,
                "cost": score.tally.to_json(),
                "ms": {
                    phase: {
                        "count": spread.count,
                        "p50": round(spread.median, 3),
                        "p95": round(spread.p95, 3),
                        "highest": round(spread.high, 3),
                    }
                    for phase in PHASES
                    for spread in [Spread.of(score.ms[phase])]
                },
            }
            for score in scores
        }
    }


def table(scores: Sequence[Score]) -> Table:
    """One row per variant."""
    rows = report.new_table(
        "Milliseconds from key to answer: p50 / p95 (requests)",
        "",
        *PHASES,
        "offered",
        "typed then",
        "tokens per forward",
        report.FORWARDS,
        report.ACCEPTED,
    )
    for score in scores:
        rows.add_row(
            score.name,
            *(_shown(Spread.of(score.ms[phase])) for phase in PHASES),
            report.share(score.offered, score.requests),
            report.share(score.hits, score.offered),
            f"{score.tally.tokens_per_forward:.2f}",
            report.slashed(score.tally.forwards),
            report.slashed(score.tally.accepted),
        )
    return rows


def _shown(spread: Spread) -> str:
    if not spread.count:
        return "–"
    digits = 0 if spread.median >= 10 else 1
    return f"{spread.median:.{digits}f} / {spread.p95:.{digits}f} ({spread.count})"
