"""Requests about a document, bound to its text at the moment they arrived.

Positions are converted to offsets here, so later changes to the document do not affect them.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from threading import Event
from typing import Any, ClassVar, Final, Literal, Protocol

from lsprotocol import types

from lsp_server.completion.gate import CLOSERS, Ask, LastChange, Trigger
from lsp_server.completion.place import newlines
from lsp_server.completion.service import Completion, CompletionService, Selected
from lsp_server.completion.snapshot import Snapshot
from lsp_server.diffusion.trace import Observer
from lsp_server.positions import line_stop
from lsp_server.server.documents import Document, Documents
from lsp_server.server.messages import INFILL, INLINE_COMPLETION, InfillParams
from lsp_server.server.succession import Succession

Method = Literal["textDocument/inlineCompletion", "unmask/infill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest(ABC):
    """A request about the text from ``start`` to ``end``, which are equal for a cursor."""

    method: ClassVar[Method]

    uri: str
    position: types.Position  # of the start
    trigger: Trigger
    start: int = 0
    end: int = 0
    snapshot: Snapshot | None = None  # None: not open, or of a URI scheme that is not served
    last_change: LastChange = field(default_factory=LastChange)
    succession: Succession = field(default_factory=Succession)
    closed: Event = field(default_factory=Event)  # set when the document is
    arrived: float = field(default_factory=time.perf_counter)

    @abstractmethod
    def put(
        self, service: CompletionService, snapshot: Snapshot, observe: Observer | None
    ) -> Completion:
        """The service's answer about the document, which is open."""

    def withdraw(self) -> None:
        """The client does not wait for the answer any more."""
        self.succession.end()

    def give_way(self, newer: TextRequest) -> None:
        """A newer request of the same method has come, which alone is answered."""
        self.succession.end()

    def stop(self) -> bool:
        """Whether to stop: nobody waits, or the document was closed."""
        return self.closed.is_set() or self.succession.is_over()

    def gated(self, snapshot: Snapshot) -> Ask:
        """The request as the gate sees it."""
        return Ask(
            *(snapshot.uri, snapshot.language_id, snapshot.text),
            *(self.start, self.trigger, self.last_change),
        )

    def nothing(self, reason: str) -> Completion:
        """A completion without a text, for ``reason``."""
        return Completion(None, self.start, self.end, None, reason)

    def elapsed_ms(self) -> float:
        """Milliseconds since the request arrived."""
        return (time.perf_counter() - self.arrived) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest(TextRequest):
    """Ghost text at a cursor."""

    method: ClassVar[Method] = INLINE_COMPLETION

    selected: Selected | None = None  # in the suggest widget

    @classmethod
    def read(cls, params: types.InlineCompletionParams, documents: Documents) -> CompletionRequest:
        """The request that came now."""
        document = documents.find(params.text_document.uri)
        offset, info = _offset(document, params.position), params.context.selected_completion_info
        selected = None
        if info is not None:
            start, end = _offset(document, info.range.start), _offset(document, info.range.end)
            selected = Selected(start, end, info.text)
        invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
        return cls(
            uri=params.text_document.uri,
            position=params.position,
            trigger="invoked" if invoked else "automatic",
            start=offset,
            end=offset,
            selected=selected,
            **_state(document),
        )

    def put(
        self, service: CompletionService, snapshot: Snapshot, observe: Observer | None
    ) -> Completion:
        """The service's answer about the document, which is open."""
        return service.complete(
            *(snapshot, self.start, self.trigger, self.selected, self.stop, observe),
            last_change=self.last_change,
            arrived=self.arrived,
            typed=lambda: self.succession.typed,
        )

    def withdraw(self) -> None:
        """The client does not wait any more, but may ask again with more text."""
        self.succession.withdraw()

    def give_way(self, newer: TextRequest) -> None:
        """A newer request has come; decoding goes on if that continues this one."""
        typed = self.typed_since(newer) if isinstance(newer, CompletionRequest) else None
        if typed is None:
            self.succession.end()
        else:
            self.succession.hand_over(newer.succession, typed)

    def typed_since(self, newer: CompletionRequest) -> str | None:
        """What stands at the cursor in the text of a newer request; None if all else is not equal.

        The rest of the line may differ in the closing marks that editors insert. Nothing is parsed
        for this: it runs on the event loop.
        """
        if self.snapshot is None or newer.snapshot is None or self.uri != newer.uri:
            return None
        text, start = self._with_item(self.snapshot.text)
        new_text, new_start = newer._with_item(newer.snapshot.text)
        stop, new_stop = line_stop(text, start), line_stop(new_text, new_start)
        rest, new_rest = text[start:stop], new_text[new_start:new_stop]
        closing = CLOSERS.fullmatch(rest) and CLOSERS.fullmatch(new_rest)
        continues = (
            new_start >= start
            and new_text.startswith(text[:start])
            and (rest == new_rest or closing)
            and text[stop:] == new_text[new_stop:]
        )
        return newlines(new_text[start:new_start]) if continues else None

    def _with_item(self, text: str) -> tuple[str, int]:
        """The text with the selected item inserted, and the offset behind it."""
        item = self.selected
        if item is None:
            return text, self.start
        return text[: item.start] + item.text + text[item.end :], item.start + len(item.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class InfillRequest(TextRequest):
    """A region to be filled, with tokens for its progress."""

    method: ClassVar[Method] = INFILL

    work_done_token: int | str | None = None
    partial_result_token: int | str | None = None

    @classmethod
    def read(cls, params: InfillParams, documents: Documents) -> InfillRequest:
        """The request that came now."""
        document = documents.find(params.text_document.uri)
        ends = _offset(document, params.range.start), _offset(document, params.range.end)
        return cls(
            uri=params.text_document.uri,
            position=params.range.start,
            trigger="invoked",
            start=min(ends),
            end=max(ends),
            work_done_token=params.work_done_token,
            partial_result_token=params.partial_result_token,
            **_state(document),
        )

    def put(
        self, service: CompletionService, snapshot: Snapshot, observe: Observer | None
    ) -> Completion:
        """The service's answer about the document, which is open."""
        return service.infill(snapshot, self.start, self.end, self.stop, observe, self.arrived)


class Read(Protocol):
    """Makes a request from a message's parameters and the document that they name."""

    def __call__(self, params: Any, documents: Documents) -> TextRequest:
        """The request that came now."""


READERS: Final[dict[str, Read]] = {
    INLINE_COMPLETION: CompletionRequest.read,
    INFILL: InfillRequest.read,
}
"""How to read the requests that are bound to a document, by method."""


def _offset(document: Document | None, position: types.Position) -> int:
    return 0 if document is None else document.offset(position)


def _state(document: Document | None) -> dict[str, Any]:
    """The fields of a request that come from its document."""
    if document is None:
        return {}
    return {
        "snapshot": document.snapshot(),
        "last_change": document.last_change,
        "closed": document.closed,
    }
