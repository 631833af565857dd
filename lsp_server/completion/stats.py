"""Statistics since the server started: requests, offers and their cost. Never sent anywhere."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from lsp_server.completion.result import OFFERED, Completion
from lsp_server.diffusion.types import Forwards, no_drafts
from lsp_server.settings import Source

REMEMBERED: Final = 1000
"""Percentiles are over this many of the last offered completions."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Sums over all requests; the percentiles are over the offered ones alone."""

    requests: int
    offered: int
    withheld: dict[str, int]  # requests without a text, by reason
    accepted: int  # completions that the user accepted
    cache_hits: int
    p50: float | None  # ms; None while nothing was offered
    p95: float | None
    forwards: Forwards
    tokens: int
    tokens_per_forward: float | None  # per forward that commits: verify, else canvas
    drafts: dict[Source, int]  # drafted tokens that were kept, by source

    def to_json(self) -> dict[str, Any]:
        """All keys are always present; a value that is not known yet is null."""
        return asdict(self)


class Stats:
    """The running sums; not thread-safe."""

    def __init__(self) -> None:
        self._withheld: Counter[str] = Counter()
        self._ms: deque[float] = deque(maxlen=REMEMBERED)
        self._forwards, self._drafts = Forwards(), no_drafts()
        self._offered = self._accepted = self._cache_hits = self._tokens = 0

    def record(self, completion: Completion, ms: float | None = None) -> None:
        """Count a completion; ``ms`` is the time from request to response, if known."""
        if completion.reason == OFFERED:
            self._offered += 1
            self._ms.append(completion.ms.total if ms is None else ms)
        else:
            self._withheld[completion.reason] += 1
        self._cache_hits += completion.cached
        self._tokens += completion.tokens
        forwards = completion.forwards
        self._forwards.prefill += forwards.prefill
        self._forwards.verify += forwards.verify
        self._forwards.canvas += forwards.canvas
        for source, count in completion.accepted.items():
            self._drafts[source] += count

    def accept(self) -> None:
        """Count a completion that the user accepted."""
        self._accepted += 1

    def summary(self) -> Summary:
        """The sums so far."""
        committing = self._forwards.verify or self._forwards.canvas
        return Summary(
            requests=self._offered + self._withheld.total(),
            offered=self._offered,
            withheld=dict(self._withheld),
            accepted=self._accepted,
            cache_hits=self._cache_hits,
            p50=percentile(self._ms, 0.50),
            p95=percentile(self._ms, 0.95),
            forwards=Forwards(**asdict(self._forwards)),
            tokens=self._tokens,
            tokens_per_forward=self._tokens / committing if committing else None,
            drafts=dict(self._drafts),
        )


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least ``share`` of the values do not exceed; None if empty."""
    known = [*values]
    if not known:
        return None
    import numpy as np  # imported late: slow, and the model has imported it by now

    return float(np.quantile(known, share, method="inverted_cdf"))
