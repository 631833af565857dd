"""A test double for the decoder and its model: says what it is told to, as slowly as it is told.

Used to pin down what depends on time (cancellation, order, loading), which a real model would
leave to chance. What completions are like is tested with the real one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING

from lsp_server.diffusion.types import Accepted, Cell, Forwards, Hole, Infill, Milliseconds, Step
from lsp_server.models.interfaces import Cancelled, ModelError, ModelInfo, Stop
from lsp_server.settings import Settings

INFO = ModelInfo("puppet", "puppet", "none", 1, "cpu", "fp32", "prompt", 1.0)


class Puppet:
    """Stands for the model and for the decoder on top of it."""

    def __init__(self) -> None:
        self.info = INFO
        self.text = "a + b"
        self.error: Exception | None = None  # raised instead of an answer
        self.holding = False  # answers wait, and ask whether to stop
        self.holes: list[Hole] = []  # asked to fill
        self.warmed: list[Hole] = []
        self.stopped = 0
        self.begun = Event()
        self.loads: list[Settings] = []
        self.load_error: ModelError | None = None
        self.loaded = Event()  # loading waits for it
        self.loaded.set()

    def load(self, settings: Settings, progress: Callable[[str, float], None]) -> Puppet:
        self.loads.append(settings)
        progress("waking the puppet", 0.5)
        assert self.loaded.wait(10)
        if self.load_error:
            raise self.load_error
        return self

    def decoder(self, model: Puppet, settings: Settings) -> Puppet:
        return self

    def infill(
        self, hole: Hole, stop: Stop, observe: Callable[[Step], None] | None = None
    ) -> Infill:
        self.holes.append(hole)
        self.begun.set()
        if self.error:
            raise self.error
        if observe:
            observe(Step("prefill", (), 1.0))
        self.hold(stop)
        if observe:
            cells = (Cell(self.text, "base", "committed"), Cell("", "mask", "mask"))
            observe(Step("verify", cells, 1.0))
        forwards = Forwards(prefill=1, verify=1)
        return Infill(
            self.text, "ended", 0.9, 3, forwards, Accepted(denoiser=2), 2, 0, Milliseconds()
        )

    def prefill(self, hole: Hole, stop: Stop) -> int:
        self.warmed.append(hole)
        self.begun.set()
        self.hold(stop)
        return 1

    def hold(self, stop: Stop) -> None:
        """Stand still while held, as a model between two forwards."""
        while self.holding:
            if stop():
                self.stopped += 1
                raise Cancelled
            time.sleep(0.002)
        if stop():
            self.stopped += 1
            raise Cancelled


if TYPE_CHECKING:
    from lsp_server.completion.service import Infiller

    _infiller: type[Infiller] = Puppet  # the double keeps to the protocol
