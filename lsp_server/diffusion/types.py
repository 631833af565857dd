"""The decoder's input and output: holes, infills, their cost and their trace. Plain values."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from lsp_server.diffusion.prompt import Prompt
from lsp_server.models.interfaces import Suffix
from lsp_server.settings import SOURCES, Source, Strategy

Reason = Literal["ended", "length", "late", "hopeless", "stopped"]
Origin = Literal["base", "mask"] | Source
ForwardKind = Literal["prefill", "verify", "canvas"]
State = Literal["committed", "draft", "refused", "mask"]


def _nowhere(text: str) -> int | None:
    return None


def _nothing(text: str) -> str:
    return ""


def _always(text: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Lengths:
    """The distribution of the lengths of texts of one kind, in characters.

    ``shares[i]`` belongs to lengths above ``bounds[i - 1]`` (0 for the first) up to ``bounds[i]``.
    """

    bounds: tuple[int, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """The tokens of a hole's text that an earlier decoding has settled; they are not decoded again.

    ``beginning`` is the joint probability of the first of them, which ``min_confidence`` judges.
    """

    ids: tuple[int, ...] = ()
    beginning: float = 1.0


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a text to be filled.

    ``ends_line``: a line break follows the hole, and is not part of the suffix. A causal model,
    which reads the suffix first, writes it to end the line; a canvas has it on its right.
    At ``deadline`` decoding stops, and the text written so far is used if it can be shown.
    ``end`` takes the text written so far and returns the offset at which it is complete
    (everything from there on is dropped), or None to go on. ``expect`` returns the text that the
    syntax forces next, or "". ``go_on`` says whether more of the text is wanted. All three are
    called once per cycle and must be cheap. ``brief`` is a shorter prompt for the same place, for
    when the whole one is not cached and would take too long.
    """

    prompt: Prompt
    max_tokens: int
    ends_line: bool = False
    end: Callable[[str], int | None] = field(default=_nowhere)
    expect: Callable[[str], str] = field(default=_nothing)
    go_on: Callable[[str], bool] = field(default=_always)
    lengths: Lengths | None = None  # the prior of the text's length
    min_confidence: float = 0.0  # stop as "hopeless" if the first tokens' joint probability is less
    deadline: float = math.inf  # by ``time.perf_counter``
    document: str = ""  # an opaque key of the document, to drop its cache by
    brief: Prompt | None = None
    written: Written = Written()  # where decoding starts, for a model that verifies

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.perf_counter() > self.deadline


@dataclass(frozen=True, slots=True)
class Length:
    """The initial number of masks of a hole, the strategy that chose it, and its forwards."""

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
    """Counts of drafts by source, all 0."""
    return dict.fromkeys(SOURCES, 0)


@dataclass(slots=True)
class Cost:
    """The cost of decoding one hole so far.

    The decoder updates it while it runs, so it is also correct after Cancelled.
    """

    forwards: Forwards = field(default_factory=Forwards)
    tokens: int = 0  # committed
    drafted: int = 0
    accepted: dict[Source, int] = field(default_factory=no_drafts)  # drafts kept, by source
    cached_tokens: int = 0  # prompt tokens that were in the KV cache
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
    """One forward, and the state of the hole after it."""

    kind: ForwardKind
    cells: tuple[Cell, ...]
    ms: float


@dataclass(frozen=True, slots=True)
class Infill:
    """The text for a hole, why it ends where it does, and what it cost.

    What a verifier has written is settled even if it was interrupted ("late", "stopped"):
    ``written`` lets another decoding of the same hole go on from there.
    """

    text: str
    reason: Reason
    confidence: float  # the probability that the text is the model's own answer
    cost: Cost
    ids: tuple[int, ...] = ()
    length: Length | None = None  # of a canvas that is the whole hole
    suffix: Suffix | None = None  # how the model knew what follows the hole
    beginning: float = 1.0  # the joint probability of the first tokens

    @property
    def written(self) -> Written:
        """The tokens of the text."""
        return Written(self.ids, self.beginning)
