"""What the decoder is asked and what it answers: holes, infills, their cost and their trace.

Plain values. Text goes in and comes out; tokens appear only in counts and in the trace.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from lsp_server.diffusion.prompt import Prompt
from lsp_server.models.interfaces import Suffix
from lsp_server.settings import SOURCES, Source, Strategy

Reason = Literal["ended", "length", "late", "hopeless"]
Origin = Literal["base", "mask"] | Source
ForwardKind = Literal["prefill", "verify", "canvas"]
State = Literal["committed", "draft", "refused", "mask"]


def _nowhere(text: str) -> int | None:
    return None


def _nothing(text: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long texts of one kind are: the shares of such texts by their length in characters.

    ``shares[i]`` belongs to lengths above ``bounds[i - 1]`` (0 for the first) up to ``bounds[i]``.
    """

    bounds: tuple[int, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a text to be filled.

    ``ends_line``: a line break stands between the hole and the suffix. A causal model, which has
    the suffix first, is to write it, and so says where the line ends; a canvas stands before it.
    What has been written by ``deadline`` has to do, where that is a text to be shown.
    ``end`` looks at what has been written into the hole so far and says at which character the
    text is complete (everything from there on is dropped), or None to go on. ``expect`` says which
    text the syntax forces next, or "". Both are called once per cycle and must be cheap.
    """

    prompt: Prompt
    max_tokens: int
    ends_line: bool = False
    end: Callable[[str], int | None] = field(default=_nowhere)
    expect: Callable[[str], str] = field(default=_nothing)
    lengths: Lengths | None = None  # what is known beforehand of how long the text is
    min_confidence: float = 0.0  # stop as "hopeless" when the first tokens fall below together
    deadline: float = math.inf  # by ``time.perf_counter``
    document: str = ""  # an opaque key of the document, by which what is cached is forgotten

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.perf_counter() > self.deadline


@dataclass(frozen=True, slots=True)
class Length:
    """How many masks a hole began with, by which strategy, and the forwards it took to say so."""

    masks: int
    strategy: Strategy
    forwards: int = 0


@dataclass(slots=True)
class Forwards:
    """Forward passes by kind."""

    prefill: int = 0
    verify: int = 0
    canvas: int = 0


@dataclass(slots=True)
class Milliseconds:
    """Wall time by phase."""

    total: float = 0.0
    prefill: float = 0.0
    verify: float = 0.0
    canvas: float = 0.0


def no_drafts() -> dict[Source, int]:
    """A count of drafts by source, all of them 0."""
    return dict.fromkeys(SOURCES, 0)


@dataclass(slots=True)
class Cost:
    """What decoding one hole has cost so far.

    The decoder counts in it while it runs: after Cancelled it holds what ran until then.
    """

    forwards: Forwards = field(default_factory=Forwards)
    tokens: int = 0  # committed
    drafted: int = 0
    accepted: dict[Source, int] = field(default_factory=no_drafts)  # drafts kept, by source
    cached_tokens: int = 0  # of the prompt, that needed no forward
    ms: Milliseconds = field(default_factory=Milliseconds)

    def count(self, kind: ForwardKind, started: float, forwards: int = 1) -> float:
        """Count forwards that ran since ``started``, by ``time.perf_counter``; returns their ms."""
        ms = (time.perf_counter() - started) * 1000
        setattr(self.forwards, kind, getattr(self.forwards, kind) + forwards)
        setattr(self.ms, kind, getattr(self.ms, kind) + ms)
        return ms


@dataclass(frozen=True, slots=True)
class Cell:
    """One token of the trace."""

    text: str
    origin: Origin
    state: State


@dataclass(frozen=True, slots=True)
class Step:
    """One forward: the hole as it stood after it."""

    kind: ForwardKind
    cells: tuple[Cell, ...]
    ms: float


@dataclass(frozen=True, slots=True)
class Infill:
    """The answer for a hole, why it ends where it does, and what it cost."""

    text: str
    reason: Reason
    confidence: float  # that the text is the model's whole greedy answer up to its end
    cost: Cost
    ids: tuple[int, ...] = ()
    length: Length | None = None  # of a canvas that is the whole hole
    suffix: Suffix | None = None  # how the model knew what follows
