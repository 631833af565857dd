"""One request from a document to a completion: gate, span, window, cache, denoise, polish.

Runs on one worker thread. Knows spans and text; the decoder it is given knows tokens. Raises
nothing but Cancelled: whatever goes wrong, the answer is a completion that says so.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from lsp_server.completion.cache import Answer, AnswerCache
from lsp_server.completion.context import Window, choose_window
from lsp_server.completion.gate import Ask, LastChange, Trigger, refusal
from lsp_server.completion.place import Place, line_break, trim_region
from lsp_server.completion.postprocess import (
    COMPLETION,
    REGION,
    Draft,
    Rules,
    cut_unfinished,
    polish,
)
from lsp_server.completion.result import Completion, Meter, Timing
from lsp_server.completion.snapshot import Snapshot
from lsp_server.diffusion.types import Hole, Infill, Lengths, Step
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

Observer = Callable[[Step], None]
UNCHANGED = LastChange("none")

PROSE: Final = frozenset(
    {
        *("plaintext", "markdown", "restructuredtext", "asciidoc", "latex", "tex", "text"),
        *("git-commit", "git-rebase", "scminput", "log"),
    }
)
"""Language ids of texts in which brackets come alone: ``1)``, ``:-)``."""


class Infiller(Protocol):
    """What fills holes: the decoder, to us."""

    def infill(self, hole: Hole, stop: Stop, observe: Observer | None) -> Infill:
        """Fill a hole; raises Cancelled between two forwards."""

    def prefill(self, hole: Hole, stop: Stop) -> int:
        """Warm the cache for a hole; returns the forwards."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The item selected in the suggest widget: ``text`` would replace ``start`` to ``end``."""

    start: int
    end: int
    text: str

    def fits(self, text: str, offset: int) -> bool:
        """Whether a completion at ``offset`` can go on from the item.

        What is typed of it must be its beginning, on one line; an item with a ``)`` is mostly a
        snippet, whose text is not what will be inserted.
        """
        inside = 0 <= self.start <= offset <= self.end <= len(text)
        one_line = not {"\n", "\r"} & set(text[self.start : self.end] + self.text)
        typed = text[self.start : offset]
        return inside and one_line and ")" not in self.text and self.text.startswith(typed)


class CompletionService:
    """Answers requests for one model and one set of settings; one request at a time."""

    def __init__(self, decoder: Infiller | None, settings: Settings) -> None:
        """``decoder`` is None while the model loads: every answer is "loading"."""
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
    ) -> Completion:
        """Complete at a cursor. Raises Cancelled when ``stop`` says so between two forwards."""
        timeout = self._settings.timeout_ms if trigger == "automatic" else None
        meter = Meter(stop, observe, timeout)
        offset = clamp(snapshot.text, offset)
        ask = Ask(snapshot.uri, snapshot.language_id, snapshot.text, offset, trigger, last_change)
        return _guarded(
            meter, offset, offset, lambda: self._complete(snapshot, ask, selected, meter)
        )

    def infill(
        self,
        snapshot: Snapshot,
        start: int,
        end: int,
        stop: Stop = never,
        observe: Observer | None = None,
    ) -> Completion:
        """Write a region anew from what surrounds it; what it holds now is not looked at.

        The region is trimmed: its first line's indentation and the line breaks behind its last
        line stay. Raises Cancelled when ``stop`` says so between two forwards.
        """
        meter = Meter(stop, observe)
        start, end = trim_region(snapshot.text, start, end)
        return _guarded(meter, start, end, lambda: self._infill(snapshot, start, end, meter))

    def prefill(self, snapshot: Snapshot, offset: int, stop: Stop) -> int:
        """Warm the model's cache for a cursor; returns the forwards. Raises Cancelled."""
        offset = clamp(snapshot.text, offset)
        ask = Ask(snapshot.uri, snapshot.language_id, snapshot.text, offset, "invoked")
        if self._decoder is None or refusal(ask, self._settings) is not None:
            return 0
        place = Place.of(snapshot.tree, offset, offset)
        window = choose_window(place.before, place.after_cursor, self._settings)
        return self._decoder.prefill(Hole(window.prefix, window.suffix, max_tokens=1), stop)

    def forget(self, uri: str) -> None:
        """Drop the answers kept for a document that was closed; from any thread."""
        self._cache.forget(uri)

    def _complete(
        self, snapshot: Snapshot, ask: Ask, selected: Selected | None, meter: Meter
    ) -> Completion:
        start = end = offset = ask.offset
        reason = self._refusal(ask)
        if reason is None and selected is not None and not selected.fits(ask.text, offset):
            reason = "suggestion-not-extended"
        if reason is not None:
            return meter.nothing(reason, start, end)

        tree, picked = snapshot.tree, ""
        if selected is not None:  # go on from the document as it will be with the item in it
            start, end, picked = selected.start, selected.end, selected.text
            tree, offset = tree.edit(start, end, picked), start + len(picked)
        span = find_span(tree, offset, self._settings.span_bounding)
        place = Place.of(tree, offset, offset)
        window = choose_window(place.before, place.after_cursor, self._settings)
        meter.span = str(span.kind)

        automatic = ask.trigger == "automatic"
        answer: Answer | str | None
        answer = self._cache.find(snapshot.uri, place.before, window.suffix, whole=not automatic)
        if answer is not None:
            meter.reuse(answer.confidence)
        else:
            floor = self._settings.min_confidence if automatic else 0.0
            answer = self._denoise(tree, span, window, floor, meter)
            if isinstance(answer, str):
                return meter.nothing(answer, start, end)
            self._cache.store(snapshot.uri, place.before, window, answer)

        prose = snapshot.language_id in PROSE
        draft = Draft(place, answer.text, prose, fixed=selected is not None)
        return _offer(draft, COMPLETION, meter, ask.text, start, end, picked)

    def _infill(self, snapshot: Snapshot, start: int, end: int, meter: Meter) -> Completion:
        text = snapshot.text
        reason = self._refusal(Ask(snapshot.uri, snapshot.language_id, text, start, "invoked"))
        if reason is not None:
            return meter.nothing(reason, start, end)

        span = find_region(snapshot.tree, start, end, self._settings.span_bounding)
        place = Place.of(snapshot.tree, start, end)
        window = choose_window(place.before, place.after_region, self._settings)
        meter.span = str(span.kind)

        answer = self._denoise(snapshot.tree, span, window, 0.0, meter)
        if isinstance(answer, str):
            return meter.nothing(answer, start, end)

        prose = snapshot.language_id in PROSE
        draft = Draft(place, answer.text, prose, old=text[start:end])
        return _offer(draft, REGION, meter, text, start, end)

    def _refusal(self, ask: Ask) -> str | None:
        """Why not to answer."""
        return refusal(ask, self._settings) or (None if self._decoder else "loading")

    def _denoise(
        self, tree: SyntaxTree, span: Span, window: Window, floor: float, meter: Meter
    ) -> Answer | str:
        """Have the hole filled, or say why there is nothing to offer."""
        assert self._decoder is not None
        hole = make_hole(tree, span, window, self._settings, floor, meter.deadline)
        infill = self._decoder.infill(hole, meter.stop, meter.observe)
        meter.take(infill)
        if infill.reason == "hopeless":
            return "not-confident"
        finished = infill.reason == "ended"
        text = infill.text if finished else cut_unfinished(infill.text)
        if infill.text.strip() and not text.strip():
            return "unfinished"
        return Answer(text, finished, infill.confidence)


def make_hole(
    tree: SyntaxTree,
    span: Span,
    window: Window,
    settings: Settings,
    floor: float = 0.0,
    deadline: float = math.inf,
) -> Hole:
    """The hole of a span, in the decoder's terms; ``floor``: below which it is hopeless."""
    lengths = find_lengths(tree.language, span)
    return Hole(
        prefix=window.prefix,
        suffix=window.suffix,
        max_tokens=settings.max_block_tokens if span.multiline else settings.max_tokens,
        ends_line=window.ends_line,
        end=span.end,
        expect=span.expect,
        lengths=Lengths(lengths.bounds, lengths.shares),
        min_confidence=floor,
        deadline=deadline,
    )


def _offer(
    draft: Draft,
    rules: Rules,
    meter: Meter,
    text: str,
    start: int,
    end: int,
    picked: str = "",
) -> Completion:
    """Polish a draft and put it, behind what was ``picked``, into the document's own terms."""
    with meter.polishing():
        polished = polish(draft, rules)
    if isinstance(polished, str):
        return meter.nothing(polished, start, end)
    shown = picked + polished.text.replace("\n", line_break(text, start))
    return meter.offered(shown, start, end + polished.taken)


def _guarded(meter: Meter, start: int, end: int, answer: Callable[[], Completion]) -> Completion:
    """The answer, or a completion that says why there is none. Raises Cancelled when withdrawn."""
    try:
        return answer()
    except Cancelled:
        if meter.stop():
            raise
        return meter.nothing("timeout", start, end)
    except Exception:
        logger.exception("A completion failed")
        return meter.nothing("error", start, end)
