"""A test double for a backend and its decoder, with a fixed text and controllable timing.

Used to test behaviour that depends on timing (cancellation, order, loading), which would not be
deterministic with a real model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING

from lsp_server.completion.service import Infiller
from lsp_server.diffusion.types import Cell, Cost, Hole, Infill, Step
from lsp_server.models.interfaces import Cancelled, ModelError, ModelInfo, Stop
from lsp_server.server.backend import Backend
from lsp_server.settings import Settings

URI = "file:///project/sums.py"
TEXT = "def add(a, b):\n    return "  # the puppet's text continues it
INFO = ModelInfo("puppet", "puppet", "none", 1, "cpu", "fp32", "prompt", 1.0)


class Puppet(Backend, Infiller):
    """A test double for both ``Backend`` and ``Infiller``."""

    def __init__(self) -> None:
        self.text = "a + b"
        self.error: Exception | None = None  # raised instead of an answer
        self.holding = False  # infills and prefills wait until it is False, or they are stopped
        self.deaf = False  # they do not check whether to stop, as during one long forward
        self.written = ""  # what an infill that waits has written so far
        self.holes: list[Hole] = []  # given to ``infill``
        self.prefilled: list[Hole] = []  # given to ``prefill``
        self.forgotten: list[str] = []  # documents that were closed
        self.stopped = 0
        self.begun = Event()
        self.loads: list[Settings] = []
        self.load_error: ModelError | None = None
        self.loaded = Event()  # loading waits for it
        self.loaded.set()

    @property
    def info(self) -> ModelInfo:
        return INFO

    def load(
        self, settings: Settings, progress: Callable[[str, float], None], measure: bool
    ) -> Puppet:
        self.loads.append(settings)
        progress("waking the puppet", 0.5)
        assert self.loaded.wait(10)
        if self.load_error:
            raise self.load_error
        return self

    def infiller(self, settings: Settings) -> Puppet:
        return self

    def infill(
        self, hole: Hole, stop: Stop, observe: Callable[[Step], None] | None, cost: Cost
    ) -> Infill:
        self.holes.append(hole)
        self.begun.set()
        if self.error:
            raise self.error
        cost.forwards.prefill = 1
        if observe:
            observe(Step("prefill", (), 1.0))
        self.hold(lambda: stop() or not hole.go_on(self.written))
        if observe:
            cells = (Cell(self.text, "base", "committed"), Cell("", "mask", "mask"))
            observe(Step("verify", cells, 1.0))
        cost.forwards.verify, cost.tokens, cost.drafted = 1, 3, 2
        cost.accepted["denoiser"] = 2
        return Infill(self.text, "ended", 0.9, cost)

    def prefill(self, hole: Hole, stop: Stop) -> int:
        self.prefilled.append(hole)
        self.begun.set()
        self.hold(stop)
        return 1

    def forget(self, document: str) -> None:
        self.forgotten.append(document)

    def hold(self, stop: Stop) -> None:
        """Wait while ``holding``, as a model between two forwards; raises Cancelled."""
        while self.holding:
            if stop() and not self.deaf:
                self.stopped += 1
                raise Cancelled
            time.sleep(0.002)
        if stop() and not self.deaf:
            self.stopped += 1
            raise Cancelled


if TYPE_CHECKING:
    from lsp_server.completion.service import Infiller

    _infiller: type[Infiller] = Puppet  # the double keeps to the protocol
