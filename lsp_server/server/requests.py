"""Asking the completion service on behalf of the editor: the latest request wins, nothing raises.

Knows when a request may be asked, how it is withdrawn, what it cost and whom to tell. Does not
know what a completion is made of.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Literal

from lsp_server.completion.gate import Ask, Trigger, refusal
from lsp_server.completion.reasons import REASONS
from lsp_server.completion.service import Completion, CompletionService, Snapshot
from lsp_server.completion.stats import Stats
from lsp_server.models.interfaces import Cancelled, Stop
from lsp_server.server.engine import Engine
from lsp_server.server.logs import where
from lsp_server.server.messages import ForwardCounts, Latency
from lsp_server.server.protocol import Arrival
from lsp_server.server.worker import Worker

logger = logging.getLogger(__name__)

Method = Literal["textDocument/inlineCompletion", "unmask/infill"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be asked about ``start`` to ``end`` of a document, which are one at a cursor."""

    start: int
    end: int
    trigger: Trigger
    put: Callable[[CompletionService, Snapshot, Stop], Completion]


class Withheld(Exception):
    """There is no answer, for a reason that is not the service's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Answers:
    """Puts questions to the service, one at a time; a newer one of a method stops the older."""

    def __init__(
        self, engine: Engine, worker: Worker, stats: Stats, report: Callable[[Latency], None]
    ) -> None:
        self.cancelled = 0  # requests withdrawn or overtaken
        self._engine, self._worker = engine, worker
        self._stats, self._report = stats, report
        self._latest: dict[Method, Event] = {}

    async def ask(self, method: Method, came: Arrival, question: Question) -> Completion:
        """The service's answer about the document as it was when the request arrived.

        What the gate refuses is answered at once, without waiting for the model's thread.
        Raises Withheld when there is none: the model is not ready, the document is not open, or a
        newer request came.
        """
        stop = Event()
        self.stop(method)
        self._latest[method] = stop
        try:
            completion = await self._ask(came, question, stop)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        except Withheld as withheld:
            if withheld.reason == "cancelled":
                self.cancelled += 1
            else:
                self._stats.record(Completion(None, 0, 0, None, withheld.reason))
            logger.debug("%s: %s", method, withheld.reason)
            raise
        finally:
            if self._latest.get(method) is stop:
                del self._latest[method]
        self._account(method, came, completion)
        return completion

    def stop(self, method: Method) -> None:
        """Give up what is being asked."""
        if stop := self._latest.get(method):
            stop.set()

    async def _ask(self, came: Arrival, question: Question, stop: Event) -> Completion:
        service, snapshot = self._engine.service, came.snapshot
        if service is None:
            raise Withheld(self._engine.status.state)
        if snapshot is None:
            raise Withheld("closed")
        asked = Ask(
            *(snapshot.uri, snapshot.language_id, snapshot.text),
            *(question.start, question.trigger, came.last_change),
        )
        reason = refusal(asked, self._engine.settings)
        if reason is not None:
            return Completion(None, question.start, question.end, None, reason)
        try:
            return await self._worker.run(
                lambda: question.put(service, snapshot, stop.is_set), stop
            )
        except Cancelled:
            raise Withheld("cancelled") from None
        except Exception as error:
            logger.error("a request failed: %s", where(error))
            raise Withheld("error") from error

    def _account(self, method: Method, came: Arrival, completion: Completion) -> None:
        ms = round(came.elapsed_ms(), 1)
        self._stats.record(completion, ms)
        forwards = completion.forwards
        logger.info(
            "%s: %.1f ms, %s, %d tokens, forwards %d prefill + %d verify + %d canvas",
            *(method, ms, completion.reason, completion.tokens),
            *(forwards.prefill, forwards.verify, forwards.canvas),
        )
        model, sums = self._engine.status.model, self._stats.summary()
        committing = forwards.verify or forwards.canvas
        self._report(
            Latency(
                method=method,
                ms=ms,
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
                version=came.snapshot.version if came.snapshot else 0,
            )
        )
