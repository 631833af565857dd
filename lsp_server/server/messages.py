"""The messages that Unmask adds to the language server protocol: names, types, registration.

Keys are camelCase in JSON, except inside the result of ``unmask/infill``, which is the object that
``unmask infill --json`` prints. Positions are 0-based lines and UTF-16 characters. Optional keys
are left out when they have no value. (The converter leaves out every field that equals its default,
so only optional fields have a default here.)

Client to server, requests::

    unmask/infill   {textDocument: {uri}, range, workDoneToken?, partialResultToken?}
                    → {text, range, span, reason, confidence, forwards: {prefill, verify, canvas},
                       tokens, accepted: {syntax, file, denoiser}, cached_tokens, suffix,
                       ms: {total, prefill, verify, canvas, gate, span, polish}, version, message}
                    ``text`` replaces ``range`` of ``version``; null with a ``reason`` when there
                    is nothing to offer; ``message`` is the reason in words. Never an error,
                    except RequestCancelled.
                    Progress on workDoneToken: begin {title, cancellable: true}, report {message:
                    the region as filled so far, a mask drawn as ░}, end. Progress on
                    partialResultToken: Canvas, one for every forward.
    unmask/models   {} → [ModelListing], the models that the setting ``unmask.model`` can name. To
                    switch, change the setting: the current model serves until the other is ready
    unmask/stats    {} → Stats
    unmask/pause    {} → Status        no completions and no reading ahead until resumed
    unmask/resume   {} → Status
    unmask/digest   {textDocument: {uri}} → {version, length, sha256} of the text that the server
                    holds, or null for a document that is not open

Server to client, notifications::

    unmask/status   Status, after ``initialized`` and at every change
    unmask/latency  Latency, just before the response to every completion or infill

Client to server, notifications (all optional)::

    unmask/cursor                            {textDocument: {uri}, position}: the cursor rests
                                             there; the server prefills the KV cache for it
    textDocument/didFocus                    {textDocument: {uri}}
    textDocument/didShowCompletion           {item}
    textDocument/didPartiallyAcceptCompletion {item, acceptedLength}

Commands (``workspace/executeCommand``)::

    unmask.accepted  [id]: an item was inserted. Items carry it only if initializationOptions say
                     {"acceptedCommand": true}; a client that forwards the commands a server
                     announces needs nothing else.

initializationOptions: {"settings"?: {…}, "acceptedCommand"?: bool, "cursor"?: bool}; settings by
their names in ``unmask.*``, also from ``workspace/didChangeConfiguration`` and
``workspace/configuration``; ``cursor`` says that the client sends ``unmask/cursor`` wherever
completions may be asked for, so that nothing is read ahead anywhere else.
"""

from __future__ import annotations

from typing import Any, Final, Generic, Literal, TypeVar

import attrs
from lsprotocol import types
from pygls.protocol import LanguageServerProtocol

INLINE_COMPLETION: Final = "textDocument/inlineCompletion"
INFILL: Final = "unmask/infill"
MODELS: Final = "unmask/models"
STATS: Final = "unmask/stats"
PAUSE: Final = "unmask/pause"
RESUME: Final = "unmask/resume"
DIGEST: Final = "unmask/digest"
STATUS: Final = "unmask/status"
LATENCY: Final = "unmask/latency"
CURSOR: Final = "unmask/cursor"
DID_FOCUS: Final = "textDocument/didFocus"
DID_SHOW: Final = "textDocument/didShowCompletion"
DID_PARTIALLY_ACCEPT: Final = "textDocument/didPartiallyAcceptCompletion"
DID_CHANGE_STATUS: Final = "didChangeStatus"
ACCEPTED_COMMAND: Final = "unmask.accepted"

State = Literal["loading", "ready", "paused", "off", "error"]


@attrs.frozen
class InfillParams:
    """A region of a document to be filled from both sides."""

    text_document: types.TextDocumentIdentifier
    range: types.Range
    work_done_token: int | str | None = None
    partial_result_token: int | str | None = None


@attrs.frozen
class CanvasCell:
    """One token of a canvas while it fills."""

    text: str
    origin: Literal["base", "syntax", "file", "denoiser", "mask"]
    state: Literal["committed", "draft", "refused", "mask"]


@attrs.frozen
class Canvas:
    """The region as it stands after one forward."""

    kind: Literal["prefill", "verify", "canvas"]
    cells: tuple[CanvasCell, ...]
    ms: float


@attrs.frozen
class ForwardCounts:
    """Forward passes by kind."""

    prefill: int
    verify: int
    canvas: int


@attrs.frozen
class Latency:
    """What the last completion or infill cost."""

    method: Literal["textDocument/inlineCompletion", "unmask/infill"]
    uri: str  # of the document, as in the request
    position: types.Position  # of the cursor, or where the region starts
    trigger: Literal["invoked", "automatic"]
    ms: float  # from the arrival of the request to its response
    offered: bool
    reason: str  # "offered", or why there is no text
    message: str  # the reason in words, for a person
    forwards: ForwardCounts
    tokens: int
    cached: bool  # without a forward, as the rest of an earlier answer
    cached_tokens: int  # of the prompt
    model: str
    device: str
    precision: str
    version: int  # of the document
    phases: dict[str, float]  # ms on the model's thread, by the names in an infill's ``ms``
    span: str | None = None
    tokens_per_forward: float | None = None  # where something was decoded
    p50: float | None = None  # ms, over the last offered completions, this one included
    p95: float | None = None


@attrs.frozen
class ModelSummary:
    """The loaded model in short."""

    name: str
    family: str
    parameters: int
    device: str
    precision: str
    load_ms: float


@attrs.frozen
class Status:
    """The server's state."""

    state: State
    message: str  # one line for a person; empty when there is nothing to say
    progress: float | None = None  # 0 to 1 while a model loads, also while another serves
    model: ModelSummary | None = None


@attrs.frozen
class ModelListing:
    """A model to choose from."""

    name: str
    family: str
    parameters: int  # 0 if its folder cannot be read
    memory: int  # bytes; the peak while loading
    precision: str  # in which it would be loaded
    licence: str
    suffix: Literal["seen", "prompt", "unseen"]  # how it knows the text after a hole
    fits: bool  # into the memory that is free now
    in_use: bool  # it serves now
    problem: str | None = None  # why it cannot be loaded now


@attrs.frozen
class DraftCounts:
    """Accepted draft tokens, by source."""

    syntax: int
    file: int
    denoiser: int


@attrs.frozen
class Stats:
    """Statistics since the server started."""

    status: Status
    version: str
    uptime_s: float
    requests: int  # answered inline completions and infills
    offered: int
    withheld: dict[str, int]  # requests without a text, by reason
    cancelled: int  # withdrawn by the client, or overtaken by a newer request
    shown: int  # counted if the client reports it
    accepted: int  # as a whole; reported by command, or seen in the document's changes
    partially_accepted: int  # counted if the client reports it
    cache_hits: int  # answered without a forward, as the rest of an earlier answer
    forwards: ForwardCounts
    tokens: int
    drafts: DraftCounts
    open_documents: int
    rss_bytes: int
    p50: float | None = None  # ms from request to response, over the last offered completions
    p95: float | None = None
    tokens_per_forward: float | None = None


@attrs.frozen
class DocumentParams:
    """A document by its URI."""

    text_document: types.TextDocumentIdentifier


@attrs.frozen
class Digest:
    """Identifies the text that the server holds for an open document."""

    version: int | None
    length: int  # code points
    sha256: str  # of the UTF-8 text


@attrs.frozen
class CursorParams:
    """Where the cursor rests."""

    text_document: types.TextDocumentIdentifier
    position: types.Position


@attrs.frozen
class ShownParams:
    """An item that the editor has shown."""

    item: types.InlineCompletionItem


@attrs.frozen
class PartialAcceptParams:
    """An item of which a part was inserted: its first ``accepted_length`` UTF-16 code units."""

    item: types.InlineCompletionItem
    accepted_length: int  # UTF-16 units


P = TypeVar("P")


@attrs.define
class Request(Generic[P]):
    """JSON-RPC envelope of a request."""

    id: int | str
    method: str
    jsonrpc: str
    params: P


@attrs.define
class BareRequest:
    """JSON-RPC envelope of a request without parameters."""

    id: int | str
    method: str
    jsonrpc: str
    params: Any = None


@attrs.define
class Notification(Generic[P]):
    """JSON-RPC envelope of a notification."""

    method: str
    jsonrpc: str
    params: P | None = None


@attrs.define
class Response(Generic[P]):
    """JSON-RPC envelope of a result."""

    id: int | str
    jsonrpc: str
    result: P


_MESSAGES: dict[str, type] = {
    INFILL: Request[InfillParams],
    MODELS: BareRequest,
    STATS: BareRequest,
    PAUSE: BareRequest,
    RESUME: BareRequest,
    DIGEST: Request[DocumentParams],
    STATUS: Notification[Status],
    LATENCY: Notification[Latency],
    CURSOR: Notification[CursorParams],
    DID_FOCUS: Notification[dict[str, Any]],
    DID_SHOW: Notification[ShownParams],
    DID_PARTIALLY_ACCEPT: Notification[PartialAcceptParams],
    DID_CHANGE_STATUS: Notification[dict[str, Any]],
}

_RESULTS: dict[str, type] = {
    INFILL: Response[dict[str, Any]],
    MODELS: Response[list[ModelListing]],
    STATS: Response[Stats],
    PAUSE: Response[Status],
    RESUME: Response[Status],
    DIGEST: Response[Digest | None],
}


class UnmaskProtocol(LanguageServerProtocol):
    """The language server protocol with these messages, for clients and servers."""

    def get_message_type(  # type: ignore[override]  # pygls wraps its own in a cache
        self, method: str
    ) -> type[Any] | None:
        """The envelope that a message of ``method`` is structured into."""
        return _MESSAGES.get(method) or super().get_message_type(method)

    def get_result_type(  # type: ignore[override]
        self, method: str
    ) -> type[Any] | None:
        """The envelope of the result of ``method``."""
        return _RESULTS.get(method) or super().get_result_type(method)
