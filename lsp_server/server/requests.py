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

from lsp_server.completion.gate import Ask, LastChange, Trigger
from lsp_server.completion.service import Completion, CompletionService, Selected
from lsp_server.completion.snapshot import Snapshot
from lsp_server.diffusion.trace import Observer
from lsp_server.models.interfaces import Stop
from lsp_server.server.documents import Document, Documents
from lsp_server.server.messages import INFILL, INLINE_COMPLETION, InfillParams

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
    stopped: Event = field(default_factory=Event)  # set when it is withdrawn or replaced
    closed: Event = field(default_factory=Event)  # set when the document is
    arrived: float = field(default_factory=time.perf_counter)

    @abstractmethod
    def put(
        self, service: CompletionService, snapshot: Snapshot, stop: Stop, observe: Observer | None
    ) -> Completion:
        """The service's answer about the document, which is open."""

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
        self, service: CompletionService, snapshot: Snapshot, stop: Stop, observe: Observer | None
    ) -> Completion:
        """The service's answer about the document, which is open."""
        return service.complete(
            *(snapshot, self.start, self.trigger, self.selected, stop, observe),
            last_change=self.last_change,
            arrived=self.arrived,
        )


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
        self, service: CompletionService, snapshot: Snapshot, stop: Stop, observe: Observer | None
    ) -> Completion:
        """The service's answer about the document, which is open."""
        return service.infill(snapshot, self.start, self.end, stop, observe, self.arrived)


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
