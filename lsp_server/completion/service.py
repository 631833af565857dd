"""The completion service: gate, span, window, cache, denoising, postprocessing of one request.

A request passes these steps in order; a step that finds that there is nothing to offer raises
NoText. Runs on one worker thread. The public methods raise nothing but Cancelled: any other error
is logged and returned as a completion with the reason "error". Tokens are left to the decoder.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import Protocol

from lsp_server.completion.cache import Answer, AnswerCache
from lsp_server.completion.candidate import Candidate
from lsp_server.completion.context import Window, choose_window
from lsp_server.completion.gate import Ask, LastChange, Trigger, refusal
from lsp_server.completion.place import Place, line_break, trim_region
from lsp_server.completion.postprocess import (
    COMPLETION,
    REGION,
    Rules,
    cut_unfinished,
    postprocess,
)
from lsp_server.completion.result import Completion, Meter, Timing
from lsp_server.completion.snapshot import Snapshot
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.trace import Observer
from lsp_server.diffusion.types import Cost, Hole, Infill, Lengths
from lsp_server.models.interfaces import Cancelled, Stop, never
from lsp_server.positions import clamp
from lsp_server.settings import Settings
from lsp_server.syntax.spans.find import Span, find_region, find_span
from lsp_server.syntax.spans.length_prior import find_lengths
from lsp_server.syntax.tree import SyntaxTree

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


@dataclass(frozen=True, slots=True)
class Selected:
    """The item selected in the suggest widget: ``text`` would replace ``start`` to ``end``."""

    start: int
    end: int
    text: str

    def fits(self, text: str, offset: int) -> bool:
        """Whether a completion at ``offset`` can continue the item.

        The text typed so far must be the beginning of the item, on one line. An item with a ``)``
        is refused: it is mostly a snippet, whose text is not what will be inserted.
        """
        inside = 0 <= self.start <= offset <= self.end <= len(text)
        one_line = not {"\n", "\r"} & set(text[self.start : self.end] + self.text)
        typed = text[self.start : offset]
        return inside and one_line and ")" not in self.text and self.text.startswith(typed)


class CompletionService:
    """Answers requests for one model and one set of settings; one request at a time."""

    def __init__(self, decoder: Infiller | None, settings: Settings) -> None:
        """``decoder`` is None while the model loads; the reason is then "loading"."""
        self._decoder, self._settings = decoder, settings
        self._cache = AnswerCache()

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
    ) -> Completion:
        """Complete at a cursor. Raises Cancelled if ``stop`` returns True between two forwards.

        ``arrived`` is when the request arrived, by ``time.perf_counter``; None: now. The timeout
        of an automatic completion counts from there.
        """
        timeout = self._settings.timeout_ms if trigger == "automatic" else None
        meter = Meter(stop, observe, timeout, arrived)
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

    def prefill(
        self, snapshot: Snapshot, offset: int, stop: Stop, arrived: float | None = None
    ) -> int:
        """Prefill the KV cache for a cursor; returns the number of forwards. Raises Cancelled."""
        arrived = time.perf_counter() if arrived is None else arrived
        offset = clamp(snapshot.text, offset)
        ask = Ask(snapshot.uri, snapshot.language_id, snapshot.text, offset, "invoked")
        if self._refusal(ask, arrived) is not None or self._decoder is None:
            return 0
        place = Place.of(snapshot.tree, offset, offset, snapshot.language_id)
        window = choose_window(place.before, place.after_cursor, self._settings)
        prompt = Prompt.around(window.prefix, window.suffix)
        return self._decoder.prefill(Hole(prompt, max_tokens=1, document=snapshot.uri), stop)

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
        start = end = offset = ask.offset
        self._check(ask, meter)
        if selected is not None and not selected.fits(ask.text, offset):
            raise NoText("suggestion-not-extended")

        tree, picked = snapshot.tree, ""
        if selected is not None:  # complete in the document with the item inserted
            start, end, picked = selected.start, selected.end, selected.text
            tree, offset = tree.edit(start, end, picked), start + len(picked)
        with meter.timing("span"):
            place = Place.of(tree, offset, offset, snapshot.language_id)
            span = find_span(
                tree, offset, self._settings.span_bounding, place.around, place.lexical
            )
            window = choose_window(place.before, place.after_cursor, self._settings)
        meter.span = str(span.kind)

        automatic = ask.trigger == "automatic"
        answer = self._cache.find(snapshot.uri, place.before, window.suffix, whole=not automatic)
        if answer is not None:
            meter.reuse(answer.confidence)
        else:
            floor = self._settings.min_confidence if automatic else 0.0
            answer = self._denoise(snapshot.uri, tree, span, window, floor, meter)
            self._cache.store(snapshot.uri, place.before, window, answer, meter.arrived)

        prose = place.lexical.prose
        candidate = Candidate(place, answer.text, prose, fixed=selected is not None)
        return _offer(candidate, COMPLETION, meter, ask.text, start, end, picked)

    def _infill(self, snapshot: Snapshot, start: int, end: int, meter: Meter) -> Completion:
        text = snapshot.text
        self._check(Ask(snapshot.uri, snapshot.language_id, text, start, "invoked"), meter)

        with meter.timing("span"):
            place = Place.of(snapshot.tree, start, end, snapshot.language_id)
            bounded = self._settings.span_bounding
            span = find_region(snapshot.tree, start, end, bounded, place.around, place.lexical)
            window = choose_window(place.before, place.after_region, self._settings)
        meter.span = str(span.kind)

        answer = self._denoise(snapshot.uri, snapshot.tree, span, window, 0.0, meter)

        prose = place.lexical.prose
        candidate = Candidate(place, answer.text, prose, old=text[start:end])
        return _offer(candidate, REGION, meter, text, start, end)

    def _check(self, ask: Ask, meter: Meter) -> None:
        """Raise NoText if the request is refused or its deadline has passed."""
        with meter.timing("gate"):
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

    def _denoise(
        self,
        uri: str,
        tree: SyntaxTree,
        span: Span,
        window: Window,
        floor: float,
        meter: Meter,
    ) -> Answer:
        """Have the decoder fill the hole. Raises NoText if its text cannot be offered."""
        assert self._decoder is not None
        hole = make_hole(tree, span, window, self._settings, floor, meter.deadline, uri)
        infill = self._decoder.infill(hole, meter.stop, meter.observe, meter.cost)
        meter.take(infill)
        if infill.reason == "hopeless":
            raise NoText("not-confident")
        finished = infill.reason == "ended"
        text = infill.text if finished else cut_unfinished(infill.text)
        if infill.text.strip() and not text.strip():
            raise NoText("unfinished")
        return Answer(text, finished, infill.confidence)


def make_hole(
    tree: SyntaxTree,
    span: Span,
    window: Window,
    settings: Settings,
    floor: float = 0.0,
    deadline: float = math.inf,
    document: str = "",
) -> Hole:
    """The decoder's ``Hole`` for a span; ``floor`` is its ``min_confidence``."""
    lengths = find_lengths(tree.language, span)
    return Hole(
        prompt=Prompt.around(window.prefix, window.suffix),
        max_tokens=settings.max_block_tokens if span.multiline else settings.max_tokens,
        ends_line=window.ends_line,
        end=span.end,
        expect=span.expect,
        lengths=Lengths(lengths.bounds, lengths.shares),
        min_confidence=floor,
        deadline=deadline,
        document=document,
    )


def _offer(
    candidate: Candidate,
    rules: Rules,
    meter: Meter,
    text: str,
    start: int,
    end: int,
    picked: str = "",
) -> Completion:
    """Postprocess a candidate, and put it behind the selected item with the document's line ends.

    Raises NoText if a rule drops it.
    """
    with meter.timing("polish"):
        polished = postprocess(candidate, rules)
    if isinstance(polished, str):
        raise NoText(polished)
    shown = picked + polished.text.replace("\n", line_break(text, start))
    return meter.offered(shown, start, end + polished.taken)


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
