"""Answers to questions: from the cache, or written by the decoder, or written further."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

from lsp_server.completion.cache import Answer, AnswerCache, Entry, Found
from lsp_server.completion.patience import Patience
from lsp_server.completion.question import Question
from lsp_server.completion.result import Meter
from lsp_server.diffusion.trace import Observer
from lsp_server.diffusion.types import Cost, Hole, Infill
from lsp_server.models.interfaces import Cancelled, Stop
from lsp_server.settings import Settings


class Infiller(Protocol):
    """What the service needs of the decoder."""

    def infill(self, hole: Hole, stop: Stop, observe: Observer | None, cost: Cost) -> Infill:
        """Fill a hole, counting in ``cost`` what that takes; raises Cancelled between forwards."""

    def prefill(self, hole: Hole, stop: Stop) -> int:
        """Prefill the KV cache with a hole's prompt; returns the number of forwards."""

    def forget(self, document: str) -> None:
        """Drop a document's prompts from the KV cache."""


class NoText(Exception):
    """There is no text to offer; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Writer:
    """Finds and writes answers; what was written is kept in the cache, however it ended."""

    def __init__(self, decoder: Infiller | None, settings: Settings, cache: AnswerCache) -> None:
        self._decoder, self._settings, self._cache = decoder, settings, cache

    def find(self, question: Question) -> Found | None:
        """The cached answer to a question."""
        before, suffix = question.place.before, question.window.suffix
        return self._cache.find(question.snapshot.uri, before, suffix)

    def write(
        self, question: Question, known: Found | None, meter: Meter, floor: float = 0.0
    ) -> Found:
        """Have the decoder answer a question, or go on with an answer that broke off.

        ``floor`` is the ``min_confidence`` of the beginning. Raises NoText if no part of the
        answer can be offered, and Cancelled if it is not wanted any more.
        """
        found = known or Found(Entry.of(question), 0)
        hole = found.answer.unfinished
        if hole is None or (found.typed and hole.written.beginning < floor):
            found, hole = Found(Entry.of(question), 0), question.hole(self._settings)
        patience = Patience(question, meter, found.answer.text[: found.typed])
        infill = self.decode(
            replace(
                _beyond(hole, found),
                min_confidence=floor,
                deadline=meter.deadline,
                go_on=patience.go_on,
                brief=question.brief_prompt(self._settings) if meter.limited else None,
            ),
            meter,
        )
        answer = Answer(infill.text, infill.confidence)
        if infill.reason != "ended":
            wanted = infill.reason != "hopeless" and not meter.stop()
            whole = patience.find_whole_part(infill.text) if wanted else 0
            answer = replace(answer, unfinished=replace(hole, written=infill.written), whole=whole)
        found = replace(found, entry=replace(found.entry, answer=answer))
        self._cache.store(question.snapshot.uri, found.entry, meter.arrived)
        if meter.stop():
            raise Cancelled
        if infill.reason == "hopeless":
            raise NoText("not-confident")
        if not answer.finished and not found.rest.strip():
            reason = "timeout" if infill.reason == "late" else "blank"
            raise NoText("unfinished" if infill.text.strip() else reason)
        return found

    def decode(self, hole: Hole, meter: Meter) -> Infill:
        """Fill a hole, and record that in ``meter``."""
        assert self._decoder is not None
        infill = self._decoder.infill(hole, meter.stop, meter.observe, meter.cost)
        meter.take(infill)
        return infill

    def prefill(self, question: Question, stop: Stop) -> int:
        """Prefill the KV cache with a question's prompt; returns the number of forwards."""
        assert self._decoder is not None
        return self._decoder.prefill(question.hole(self._settings), stop)


def _beyond(hole: Hole, found: Found) -> Hole:
    """The hole with as much room behind the text that stands there already as it had at first.

    That text was confirmed by the user: its tokens are not judged again.
    """
    if not found.typed:
        return hole
    written = hole.written
    standing = math.ceil(len(written.ids) * found.typed / len(found.answer.text))
    return replace(
        hole,
        max_tokens=hole.max_tokens + standing,
        written=replace(written, beginning=1.0),
    )
