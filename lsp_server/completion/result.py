"""The result of a request: a text, or a reason for none, and what it cost; also as JSON."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lsp_server.diffusion.types import Cost, Forwards, Infill, Milliseconds, Step, no_drafts
from lsp_server.models.interfaces import Stop, Suffix
from lsp_server.positions import position_at
from lsp_server.settings import Source

ServicePhase = Literal["gate", "span", "polish"]
"""What the service times itself; the decoder times the others."""

OFFERED = "offered"
"""The reason of a completion that has a text."""


@dataclass(slots=True)
class Timing(Milliseconds):
    """Wall time by phase, of the whole request; ``span`` includes choosing the window."""

    gate: float = 0.0
    span: float = 0.0
    polish: float = 0.0


@dataclass(frozen=True, slots=True)
class Completion:
    """``text`` replaces the document from ``start`` to ``end`` (code points), or is None.

    ``reason`` is "offered" or says why there is no text, see ``reasons``. ``span`` is the kind of
    the span, None if the request was refused before it was determined. ``cached``: the text is the
    rest of an earlier answer and cost no forward. ``suffix`` is how the model knew what follows
    the hole, None if it was not run.
    """

    text: str | None
    start: int
    end: int
    span: str | None
    reason: str
    confidence: float = 0.0
    forwards: Forwards = field(default_factory=Forwards)
    tokens: int = 0
    accepted: dict[Source, int] = field(default_factory=no_drafts)  # drafts kept, by source
    cached_tokens: int = 0
    ms: Timing = field(default_factory=Timing)
    cached: bool = False
    suffix: Suffix | None = None

    def to_json(self, text: str) -> dict[str, Any]:
        """The public JSON, as ``unmask complete --json`` prints it; ``text`` is the document."""
        return {
            "text": self.text,
            "range": {"start": _position(text, self.start), "end": _position(text, self.end)},
            "span": self.span,
            "reason": self.reason,
            "confidence": self.confidence,
            "forwards": asdict(self.forwards),
            "tokens": self.tokens,
            "accepted": dict(self.accepted),
            "cached_tokens": self.cached_tokens,
            "suffix": self.suffix,
            "ms": {phase: round(ms, 3) for phase, ms in asdict(self.ms).items()},
        }


def nothing_typed() -> str:
    """Nothing has been typed at the cursor since the request."""
    return ""


class Meter:
    """The state of one running request: its deadline and cost, to make its ``Completion`` from."""

    def __init__(
        self,
        stop: Stop,
        observe: Callable[[Step], None] | None = None,
        timeout_ms: float | None = None,
        arrived: float | None = None,
        typed: Callable[[], str] = nothing_typed,
    ) -> None:
        """``stop`` and ``observe`` are the request's; without ``timeout_ms`` there is no deadline.

        ``arrived`` is when the request arrived, by ``time.perf_counter``; None: now. ``typed``
        says what has been typed at its cursor since.
        """
        self.stop, self.observe, self.typed = stop, observe, typed
        self.cost = Cost()  # the decoder counts in it
        self.confidence = 0.0
        self.cached = False
        self.span: str | None = None
        self.suffix: Suffix | None = None
        self._ms: dict[ServicePhase, float] = {}
        self._started = time.perf_counter()
        self.arrived = self._started if arrived is None else arrived
        self.deadline = math.inf if timeout_ms is None else self.arrived + timeout_ms / 1000

    @property
    def limited(self) -> bool:
        """Whether there is a deadline."""
        return self.deadline < math.inf

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.perf_counter() > self.deadline

    def take(self, infill: Infill) -> None:
        """Record the confidence and suffix mode of the decoder's answer."""
        self.confidence, self.suffix = infill.confidence, infill.suffix

    def reuse(self, confidence: float) -> None:
        """Record that the answer comes from the cache."""
        self.cached, self.confidence = True, confidence

    @contextmanager
    def timing(self, phase: ServicePhase) -> Iterator[None]:
        """Count the time spent in the block as that of a phase."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._ms[phase] = (time.perf_counter() - started) * 1000

    def nothing(self, reason: str, start: int, end: int) -> Completion:
        """A completion without a text."""
        return self._close(None, start, end, reason)

    def offered(self, text: str, start: int, end: int) -> Completion:
        """A completion with a text."""
        return self._close(text, start, end, OFFERED)

    def _close(self, text: str | None, start: int, end: int, reason: str) -> Completion:
        cost, ms = self.cost, self.cost.ms
        return Completion(
            text=text,
            start=start,
            end=end,
            span=self.span,
            reason=reason,
            confidence=self.confidence,
            forwards=cost.forwards,
            tokens=cost.tokens,
            accepted=cost.accepted,
            cached_tokens=cost.cached_tokens,
            ms=Timing(self._elapsed(), ms.prefill, ms.verify, ms.canvas, **self._ms),
            cached=self.cached,
            suffix=self.suffix,
        )

    def _elapsed(self) -> float:
        return (time.perf_counter() - self._started) * 1000


def _position(text: str, offset: int) -> dict[str, int]:
    line, character = position_at(text, offset)
    return {"line": line, "character": character}
