"""The completion service: gate, question, cache, denoising, postprocessing of one request.

A request passes these steps in order; a step that finds that there is nothing to offer raises
NoText. Runs on one worker thread. The public methods raise nothing but Cancelled: any other error
is logged and returned as a completion with the reason "error". Tokens are left to the decoder.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from lsp_server.completion.cache import AnswerCache, Found
from lsp_server.completion.gate import Ask, LastChange, Trigger, refusal
from lsp_server.completion.place import line_break, trim_region
from lsp_server.completion.postprocess import COMPLETION, REGION, Candidate, Rules, postprocess
from lsp_server.completion.question import Question, insert
from lsp_server.completion.result import Completion, Meter, Timing, nothing_typed
from lsp_server.completion.selected import Selected
from lsp_server.completion.snapshot import Snapshot
from lsp_server.completion.whole_part import cut_back
from lsp_server.completion.writer import Infiller, NoText, Writer
from lsp_server.diffusion.trace import Observer
from lsp_server.models.interfaces import Cancelled, Stop, never
from lsp_server.positions import clamp
from lsp_server.settings import Settings

__all__ = [
    "Completion",
    "CompletionService",
    "Infiller",
    "LastChange",
    "Selected",
    "Snapshot",
    "Timing",
    "Trigger",
]

logger = logging.getLogger(__name__)

UNCHANGED = LastChange("none")


class CompletionService:
    """Answers requests for one model and one set of settings; one request at a time."""

    def __init__(self, decoder: Infiller | None, settings: Settings) -> None:
        """``decoder`` is None while the model loads; the reason is then "loading"."""
        self._decoder, self._settings = decoder, settings
        self._cache = AnswerCache()
        self._writer = Writer(decoder, settings, self._cache)

    def complete(
        self,
        snapshot: Snapshot,
        offset: int,
        trigger: Trigger,
        selected: Selected | None = None,
        stop: Stop = never,
        observe: Observer | None = None,
        last_change: LastChange = UNCHANGED,
        arrived: float | None = None,
        typed: Callable[[], str] = nothing_typed,
    ) -> Completion:
        """Complete at a cursor. Raises Cancelled if ``stop`` returns True between two forwards.

        ``arrived`` is when the request arrived, by ``time.perf_counter``; None: now. The timeout
        of an automatic completion counts from there. ``typed`` returns what has been typed at the
        cursor since: decoding stops where it writes something else.
        """
        timeout = self._settings.timeout_ms if trigger == "automatic" else None
        meter = Meter(stop, observe, timeout, arrived, typed)
        offset = clamp(snapshot.text, offset)
        ask = Ask(snapshot.uri, snapshot.language_id, snapshot.text, offset, trigger, last_change)
        try:
            return self._complete(snapshot, ask, selected, meter)
        except Exception as error:
            return meter.nothing(_reason_of(error, stop), offset, offset)

    def infill(
        self,
        snapshot: Snapshot,
        start: int,
        end: int,
        stop: Stop = never,
        observe: Observer | None = None,
        arrived: float | None = None,
    ) -> Completion:
        """Replace a region by a text written from its surroundings alone, not from its old text.

        The region is trimmed first: its first line's indentation and the line breaks after its
        last line stay. Raises Cancelled if ``stop`` returns True between two forwards.
        """
        meter = Meter(stop, observe, arrived=arrived)
        start, end = trim_region(snapshot.text, start, end)
        try:
            return self._infill(snapshot, start, end, meter)
        except Exception as error:
            return meter.nothing(_reason_of(error, stop), start, end)

    def prefill(self, snapshot: Snapshot, offset: int, stop: Stop) -> int:
        """Prefill the KV cache for a cursor; returns the number of forwards. Raises Cancelled."""
        question = self._question_ahead(snapshot, offset, time.perf_counter())
        return 0 if question is None else self._writer.prefill(question, stop)

    def read_ahead(
        self, snapshot: Snapshot, offset: int, stop: Stop, arrived: float | None = None
    ) -> None:
        """Compute what is likely asked for next, while the user rests at a cursor.

        Where there is no answer yet, the KV cache is prefilled. An answer that broke off is
        written to its end; then the one that follows if the first is accepted. Raises Cancelled
        if ``stop`` returns True between two forwards; what was written by then is kept.
        """
        meter = Meter(stop, arrived=arrived)
        question = self._question_ahead(snapshot, offset, meter.arrived)
        if question is None:
            return
        found = self._writer.find(question)
        if found is None:
            self._writer.prefill(question, stop)
        elif self._settings.automatic:
            with suppress(NoText):
                self._write_ahead(question, found, meter)

    def forget(self, uri: str) -> None:
        """Drop the cached answers of a document that is being closed; from any thread.

        Requests that arrived before cannot store any more. The text stays in the model's KV cache
        until ``forget_prompt``.
        """
        self._cache.forget(uri)

    def forget_prompt(self, uri: str) -> None:
        """Drop a document from the model's KV cache; on the model's thread."""
        if self._decoder is not None:
            self._decoder.forget(uri)

    def _complete(
        self, snapshot: Snapshot, ask: Ask, selected: Selected | None, meter: Meter
    ) -> Completion:
        self._check(ask, meter)
        if selected is None:
            return self._complete_at(snapshot, ask.offset, ask.trigger, meter)
        if not selected.fits(ask.text, ask.offset):
            raise NoText("suggestion-not-extended")
        # Complete in the document with the item inserted.
        inserted = insert(snapshot, selected.start, selected.end, selected.text)
        offset = selected.start + len(selected.text)
        completion = self._complete_at(inserted, offset, ask.trigger, meter, fixed=True)
        text = selected.text + (completion.text or "")
        return replace(completion, text=text, start=selected.start, end=selected.end)

    def _complete_at(
        self, snapshot: Snapshot, offset: int, trigger: Trigger, meter: Meter, fixed: bool = False
    ) -> Completion:
        """Complete at a cursor; raises NoText. ``fixed``: nothing right of it may be replaced."""
        question = Question.at_cursor(snapshot, offset, self._settings)
        meter.span = str(question.span.kind)
        automatic = trigger == "automatic"
        found = self._writer.find(question)
        if found and found.rest.strip() and (automatic or found.answer.finished):
            meter.reuse(found.answer.confidence)
        else:
            floor = self._settings.min_confidence if automatic else 0.0
            found = self._writer.write(question, found, meter, floor)
        candidate = Candidate(question.place, found.rest, question.prose, fixed)
        return _offer(candidate, COMPLETION, meter, question)

    def _infill(self, snapshot: Snapshot, start: int, end: int, meter: Meter) -> Completion:
        self._check(Ask(snapshot.uri, snapshot.language_id, snapshot.text, start, "invoked"), meter)
        question = Question.of_region(snapshot, start, end, self._settings)
        meter.span = str(question.span.kind)
        infill = self._writer.decode(question.hole(self._settings), meter)
        if meter.stop():
            raise Cancelled
        text = infill.text if infill.reason == "ended" else cut_back(infill.text, question)
        if infill.text.strip() and not text.strip():
            raise NoText("unfinished")
        candidate = Candidate(question.place, text, question.prose, old=snapshot.text[start:end])
        return _offer(candidate, REGION, meter, question)

    def _check(self, ask: Ask, meter: Meter) -> None:
        """Raise NoText if the request is refused or its deadline has passed."""
        reason = self._refusal(ask, meter.arrived)
        if reason is not None:
            raise NoText(reason)
        if meter.late:
            raise NoText("timeout")

    def _refusal(self, ask: Ask, arrived: float) -> str | None:
        """The reason for refusing the request, or None."""
        reason = refusal(ask, self._settings)
        if reason is not None:
            return reason
        if self._cache.was_closed(ask.uri, since=arrived):
            return "closed"
        return "loading" if self._decoder is None else None

    def _question_ahead(self, snapshot: Snapshot, offset: int, arrived: float) -> Question | None:
        """The question at a cursor, or None where nothing would be answered."""
        offset = clamp(snapshot.text, offset)
        ask = Ask(snapshot.uri, snapshot.language_id, snapshot.text, offset, "invoked")
        if self._refusal(ask, arrived) is not None:
            return None
        return Question.at_cursor(snapshot, offset, self._settings)

    def _write_ahead(self, question: Question, found: Found, meter: Meter) -> None:
        """Finish an answer, and write the one that follows if it is accepted. Raises NoText."""
        floor = self._settings.min_confidence
        if not found.answer.finished:
            found = self._writer.write(question, found, meter, floor)
        candidate = Candidate(question.place, found.rest, question.prose)
        offered = _offer(candidate, COMPLETION, meter, question)
        text = offered.text or ""
        accepted = insert(question.snapshot, offered.start, offered.end, text)
        following = Question.at_cursor(accepted, offered.start + len(text), self._settings)
        known = self._writer.find(following)
        if known is None or not known.answer.finished:
            self._writer.write(following, known, meter, floor)


def _offer(candidate: Candidate, rules: Rules, meter: Meter, question: Question) -> Completion:
    """Postprocess a candidate, with the document's line ends; raises NoText if a rule drops it."""
    with meter.polishing():
        polished = postprocess(candidate, rules)
    if isinstance(polished, str):
        raise NoText(polished)
    text = polished.text.replace("\n", line_break(question.snapshot.text, question.start))
    return meter.offered(text, question.start, question.end + polished.taken)


def _reason_of(error: Exception, stop: Stop) -> str:
    """The reason for an exception. Raises it if it is a Cancelled that ``stop`` asked for."""
    if isinstance(error, NoText):
        return error.reason
    if isinstance(error, Cancelled):
        if stop():
            raise error
        return "timeout"
    logger.error("a completion failed", exc_info=error)
    return "error"
