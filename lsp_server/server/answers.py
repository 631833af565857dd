"""Runs the completion service for the editor's requests, on the model's thread.

Cancels a request when the client withdraws it or sends a newer one of the same method, enforces its
deadline, counts it in the statistics and reports its cost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from threading import Event

from lsp_server.completion.gate import refusal
from lsp_server.completion.reasons import REASONS
from lsp_server.completion.service import Completion
from lsp_server.completion.stats import Stats
from lsp_server.diffusion.trace import Observer
from lsp_server.models.interfaces import Cancelled, Stop
from lsp_server.server.engine import Engine
from lsp_server.server.logs import where
from lsp_server.server.messages import ForwardCounts, Latency
from lsp_server.server.requests import Method, TextRequest
from lsp_server.server.worker import NotBegun, Worker

logger = logging.getLogger(__name__)


class Withheld(Exception):
    """The service was not asked, or its completion is not wanted any more; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Answers:
    """Runs requests one at a time; a newer one stops an older one of the same method."""

    def __init__(
        self, engine: Engine, worker: Worker, stats: Stats, report: Callable[[Latency], None]
    ) -> None:
        self.cancelled = 0  # requests withdrawn, or replaced by a newer one
        self._engine, self._worker = engine, worker
        self._stats, self._report = stats, report
        self._latest: dict[Method, TextRequest] = {}

    async def ask(self, request: TextRequest, observe: Observer | None = None) -> Completion:
        """The service's completion for the document as it was when the request arrived.

        A request that the gate refuses returns at once, without waiting for the model's thread. An
        automatic request that the thread has not begun by its deadline returns "timeout".
        Raises Withheld if the model is not ready, the document is not open or was closed
        meanwhile, or a newer request came.
        """
        if replaced := self._latest.get(request.method):
            replaced.stopped.set()
        self._latest[request.method] = request
        try:
            completion = await self._answer(request, observe)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        except Withheld as withheld:
            if withheld.reason == "cancelled":
                self.cancelled += 1
            else:
                self._stats.record(request.nothing(withheld.reason))
            logger.debug("%s: %s", request.method, withheld.reason)
            raise
        finally:
            if self._latest.get(request.method) is request:
                del self._latest[request.method]
        self._account(request, completion)
        return completion

    async def _answer(self, request: TextRequest, observe: Observer | None) -> Completion:
        service, snapshot = self._engine.service, request.snapshot
        if service is None:
            raise Withheld(self._engine.status.state)
        if snapshot is None or request.closed.is_set():
            raise Withheld("closed")
        reason = refusal(request.gated(snapshot), self._engine.settings)
        if reason is not None:
            return request.nothing(reason)
        completion: Completion | None = None
        try:
            stop = _either(request.stopped, request.closed)
            completion = await self._worker.run(
                partial(request.put, service, snapshot, stop, observe),
                *(request.stopped, self._deadline(request)),
            )
        except NotBegun:
            return request.nothing("timeout")
        except Cancelled:
            pass
        except Exception as error:
            logger.error("a request failed: %s", where(error))
            raise Withheld("error") from error
        if request.closed.is_set():  # it may have been closed after the service checked
            raise Withheld("closed")
        if completion is None or request.stopped.is_set():
            raise Withheld("cancelled")
        return completion

    def _deadline(self, request: TextRequest) -> float | None:
        """When an automatic request times out, by ``time.perf_counter``; else None."""
        if request.trigger != "automatic":
            return None
        return request.arrived + self._engine.settings.timeout_ms / 1000

    def _account(self, request: TextRequest, completion: Completion) -> None:
        ms = round(request.elapsed_ms(), 1)
        self._stats.record(completion, ms)
        forwards = completion.forwards
        logger.info(
            "%s: %.1f ms, %s, %d tokens, forwards %d prefill + %d verify + %d canvas",
            *(request.method, ms, completion.reason, completion.tokens),
            *(forwards.prefill, forwards.verify, forwards.canvas),
        )
        model, sums = self._engine.status.model, self._stats.summary()
        committing = forwards.verify or forwards.canvas
        self._report(
            Latency(
                method=request.method,
                uri=request.uri,
                position=request.position,
                trigger=request.trigger,
                ms=ms,
                phases={name: round(ms, 3) for name, ms in asdict(completion.ms).items()},
                offered=completion.text is not None,
                reason=completion.reason,
                message=REASONS.get(completion.reason, completion.reason),
                forwards=ForwardCounts(forwards.prefill, forwards.verify, forwards.canvas),
                tokens=completion.tokens,
                tokens_per_forward=completion.tokens / committing if committing else None,
                cached=completion.cached,
                cached_tokens=completion.cached_tokens,
                p50=sums.p50,
                p95=sums.p95,
                model=model.name if model else "",
                device=model.device if model else "",
                precision=model.precision if model else "",
                span=completion.span,
                version=request.snapshot.version if request.snapshot else 0,
            )
        )


def _either(*flags: Event) -> Stop:
    """Stop when one of the flags is set."""

    def stop() -> bool:
        return any(flag.is_set() for flag in flags)

    return stop
