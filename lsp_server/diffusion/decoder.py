"""The decoder: fills holes with one model, by speculative or by masked decoding."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from threading import Lock
from typing import Final, Protocol

from lsp_server.diffusion.draft_policy import DraftPolicy
from lsp_server.diffusion.length import Bias, published_bias
from lsp_server.diffusion.speculative import SpeculativeDecoding
from lsp_server.diffusion.token_healing import Vocabulary, tokenize
from lsp_server.diffusion.trace import Observer, Trace
from lsp_server.diffusion.types import Cost, Hole, Infill
from lsp_server.models.interfaces import Model, Stop, Verifier, never
from lsp_server.settings import Settings

PREFILL_MS: Final = 400.0
"""The longest prefill before which a brief prompt is not thought of."""


class Decoding(Protocol):
    """One hole being filled; made new for every request."""

    def run(self, stop: Stop) -> Infill:
        """Fill the hole; raises Cancelled if it is stopped before any text is settled."""


class Decoder:
    """Fills holes with one model; ``infill`` and ``prefill`` are for one thread at a time."""

    def __init__(
        self,
        model: Model,
        settings: Settings,
        bias: Bias = published_bias,
        policy: DraftPolicy | None = None,
    ) -> None:
        """``bias``: the model's bias of confidence by length, used in the length search.

        ``policy``: what has been learnt about drafts with this model so far, if anything.
        """
        self.model, self.settings, self._bias = model, settings, bias
        self._vocabulary = Vocabulary(model.tokenizer.pieces())
        self._policy = DraftPolicy() if policy is None else policy
        self._running = Lock()  # held while the model's cache is in use
        self._forgotten: deque[str] = deque()  # documents still to be dropped from the cache

    def infill(
        self,
        hole: Hole,
        stop: Stop = never,
        observe: Observer | None = None,
        cost: Cost | None = None,
    ) -> Infill:
        """Fill a hole; ``observe`` is called after every forward.

        If ``stop`` returns True between two forwards, or the deadline has passed, what a verifier
        has written by then is returned; raises Cancelled where that is nothing. The cost is
        counted in ``cost``, in this case, too.
        """
        cost = Cost() if cost is None else cost
        started = time.perf_counter()
        try:
            with self._running:
                infill = self._begin(hole, Trace(self.model.tokenizer, observe), cost).run(stop)
        finally:
            cost.ms.total = (time.perf_counter() - started) * 1000
            self._drop_forgotten()
        return replace(infill, suffix=self.model.info.suffix)

    def prefill(self, hole: Hole, stop: Stop = never) -> int:
        """Prefill the KV cache with a hole's prompt ahead of a request; returns the forwards."""
        if self.model.verifier is None:
            return 0
        prompt, _ = tokenize(hole, self.model.tokenizer)
        try:
            with self._running:
                return self.model.verifier.prefill(prompt, stop).forwards
        finally:
            self._drop_forgotten()

    def forget(self, document: str) -> None:
        """Drop a document from the model's KV cache.

        May be called from any thread; takes effect at once, or after the decoding that is running.
        """
        self._forgotten.append(document)
        self._drop_forgotten()

    def _drop_forgotten(self) -> None:
        while self._forgotten and self._running.acquire(blocking=False):
            try:
                while self._forgotten:
                    self.model.forget(self._forgotten.popleft())
            finally:
                self._running.release()

    def _begin(self, hole: Hole, trace: Trace, cost: Cost) -> Decoding:
        """Speculative decoding if the model has a verifier and the settings ask for it."""
        model, settings, vocabulary = self.model, self.settings, self._vocabulary
        if model.verifier is not None and settings.decoding == "speculative":
            hole = self._fit_prompt(hole, model.verifier)
            return SpeculativeDecoding(
                hole, model, model.verifier, vocabulary, self._policy, settings, trace, cost
            )
        from lsp_server.diffusion.masked import MaskedDecoding  # needs torch

        return MaskedDecoding(hole, model, vocabulary, settings, trace, cost, self._bias)

    def _fit_prompt(self, hole: Hole, verifier: Verifier) -> Hole:
        """The hole with its brief prompt, if that is sooner where the whole one takes too long."""

        def prefill_ms(hole: Hole) -> float:
            prompt, _ = tokenize(hole, self.model.tokenizer)
            return self._policy.costs.prefill(verifier.count_missing(prompt))

        if hole.brief is None or (whole := prefill_ms(hole)) <= PREFILL_MS:
            return hole
        brief = replace(hole, prompt=hole.brief)
        return brief if 2 * prefill_ms(brief) < whole else hole
