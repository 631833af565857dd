"""The language server: which message leads to what, and how a server is started.

Every handler is short and decides nothing about completions. Requests about a text come as
``protocol`` has bound them to their document. A completion never raises to the client: it is
answered with null, and the reason is logged.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from lsprotocol import types

from lsp_server.completion.reasons import REASONS
from lsp_server.models.threads import use_threads
from lsp_server.server import logs, messages
from lsp_server.server.answers import Withheld
from lsp_server.server.backend import Load, load_backend
from lsp_server.server.process import claim_stdio, exit_with
from lsp_server.server.progress import InfillProgress
from lsp_server.server.requests import CompletionRequest, InfillRequest
from lsp_server.server.server import UnmaskServer
from lsp_server.settings import Settings

logger = logging.getLogger(__name__)

CLOSING_S: Final = 2.0
"""Seconds to wait at shutdown for a forward that is being computed."""


def on_initialize(server: UnmaskServer, params: types.InitializeParams) -> None:
    """Read the client's options, and watch its process so as to end with it."""
    server.read_options(params.initialization_options)
    if params.process_id is not None:
        exit_with(params.process_id)


async def on_initialized(server: UnmaskServer, params: types.InitializedParams) -> None:
    """Send the log and the status to the client, ask for its settings and load the model."""
    server.greet()
    await server.pull_configuration()
    server.engine.start()


async def on_configuration(
    server: UnmaskServer, params: types.DidChangeConfigurationParams
) -> None:
    """Apply changed settings: those in the message, or else those that the client is asked for."""
    if params.settings:
        server.configure(params.settings)
    else:
        await server.pull_configuration()


def on_open(server: UnmaskServer, params: types.DidOpenTextDocumentParams) -> None:
    """Prefill for the first document; later ones may have been opened in the background."""
    document = server.documents.find(params.text_document.uri)
    if document and len(server.documents.text_documents) == 1 and not server.tells_cursor:
        server.read_ahead_soon(document.uri, len(document.source))


def on_change(server: UnmaskServer, params: types.DidChangeTextDocumentParams) -> None:
    """Record what kind of change it was; read ahead at the place where it ended."""
    document = server.documents.find(params.text_document.uri)
    if document is None:
        return
    changes = document.end_changes(tuple(server.offers.texts(document.uri)))
    if len(changes) == 1:
        inserted = len(changes[0][1])
        if server.offers.see(document.uri, document.source, document.cursor, inserted):
            server.stats.accept()
    if not server.tells_cursor:
        server.read_ahead_soon(document.uri, document.cursor)


def on_close(server: UnmaskServer, params: types.DidCloseTextDocumentParams) -> None:
    """Drop everything that is kept for a document."""
    server.offers.forget(params.text_document.uri)
    server.engine.forget(params.text_document.uri)


def on_cursor(server: UnmaskServer, params: messages.CursorParams) -> None:
    """Read ahead at the place where the cursor rests."""
    document = server.documents.find(params.text_document.uri)
    if document:
        server.read_ahead_soon(document.uri, document.offset(params.position))


async def on_inline_completion(
    server: UnmaskServer, request: CompletionRequest
) -> types.InlineCompletionList | None:
    """Complete at a cursor; null when there is no completion."""
    try:
        completion = await server.answers.ask(request)
        if completion.text is not None and request.snapshot is not None:
            return types.InlineCompletionList([server.item(request.snapshot, completion)])
    except Withheld:
        pass
    except Exception as error:
        logger.error("a completion failed: %s", logs.where(error))
    return None


async def on_infill(server: UnmaskServer, request: InfillRequest) -> dict[str, Any]:
    """Fill a region; the result gives the reason if there is no text."""
    with InfillProgress(server, request.work_done_token, request.partial_result_token) as progress:
        progress.on_cancel(request.withdraw)
        try:
            completion = await server.answers.ask(request, progress.observer)
        except Withheld as withheld:
            completion = request.nothing(withheld.reason)
    snapshot = request.snapshot
    return {
        **completion.to_json(snapshot.text if snapshot else ""),
        "version": snapshot.version if snapshot else None,
        "message": REASONS.get(completion.reason, completion.reason),
    }


async def on_models(server: UnmaskServer, params: object) -> list[messages.ModelListing]:
    """List the models to choose from; their files are read on another thread."""
    serving = server.engine.status.model
    name = serving.name if serving else None
    return await asyncio.to_thread(_list_models, server.engine.settings, name)


def on_stats(server: UnmaskServer, params: object) -> messages.Stats:
    """Return the statistics since the server started."""
    return server.count()


def on_pause(server: UnmaskServer, params: object) -> messages.Status:
    """Stop completing until resumed."""
    server.engine.pause(True)
    return server.engine.status


def on_resume(server: UnmaskServer, params: object) -> messages.Status:
    """Complete again after a pause."""
    server.engine.pause(False)
    return server.engine.status


def on_digest(server: UnmaskServer, params: messages.DocumentParams) -> messages.Digest | None:
    """Return version, length and hash of a document as the server holds it."""
    return server.digest(params.text_document.uri)


def on_focus(server: UnmaskServer, params: Mapping[str, Any] | None) -> None:
    """Another document has the focus: read ahead where it was changed last."""
    server.worker.stop_reading_ahead()
    identifier = (params or {}).get("textDocument") or {}
    document = server.documents.find(str(identifier.get("uri", "")))
    if document and document.cursor and not server.tells_cursor:
        server.read_ahead_soon(document.uri, document.cursor)


def on_shown(server: UnmaskServer, params: messages.ShownParams) -> None:
    """Count ghost text that was shown."""
    server.shown += 1


def on_partially_accepted(server: UnmaskServer, params: messages.PartialAcceptParams) -> None:
    """Count ghost text of which a part was inserted."""
    server.partially_accepted += 1


def on_accepted(server: UnmaskServer, identity: str) -> None:
    """Count an accepted item: the editor runs its command after inserting it."""
    if server.offers.accept(identity):
        server.stats.accept()


FEATURES: Final[dict[str, Callable[..., Any]]] = {
    types.INITIALIZE: on_initialize,
    types.INITIALIZED: on_initialized,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: on_configuration,
    types.TEXT_DOCUMENT_DID_OPEN: on_open,
    types.TEXT_DOCUMENT_DID_CHANGE: on_change,
    types.TEXT_DOCUMENT_DID_CLOSE: on_close,
    messages.INLINE_COMPLETION: on_inline_completion,
    messages.INFILL: on_infill,
    messages.MODELS: on_models,
    messages.STATS: on_stats,
    messages.PAUSE: on_pause,
    messages.RESUME: on_resume,
    messages.DIGEST: on_digest,
    messages.CURSOR: on_cursor,
    messages.DID_FOCUS: on_focus,
    messages.DID_SHOW: on_shown,
    messages.DID_PARTIALLY_ACCEPT: on_partially_accepted,
}


def create(settings: Settings, load: Load) -> UnmaskServer:
    """A server with all handlers registered; ``load`` loads the model that the settings name."""
    server = UnmaskServer(settings, load)
    # Without an options object pygls does not announce inline completion.
    options = {messages.INLINE_COMPLETION: types.InlineCompletionOptions()}
    for method, handler in FEATURES.items():
        server.feature(method, options.get(method))(handler)
    server.command(messages.ACCEPTED_COMMAND)(on_accepted)
    return server


def serve(settings: Settings, tcp: tuple[str, int] | None = None) -> int:
    """Serve one client over standard input and output, or TCP; returns the exit status."""
    logs.configure()
    server = create(settings, load_backend)
    if tcp:
        logger.info("listening on %s:%d", *tcp)
        server.start_tcp(*tcp)
    else:
        server.start_io(*claim_stdio())
    status = 0 if server.protocol.was_shut_down else 1
    if not server.stop_work(CLOSING_S):
        os._exit(status)  # a thread that still loads the model would crash at exit
    return status


def _list_models(settings: Settings, serving: str | None) -> list[messages.ModelListing]:
    """The models as the settings would load them; measures no speeds, as a model may be running."""
    from lsp_server.models.registry import listings

    use_threads(settings.threads)  # recorded timings depend on the number of threads
    return [
        messages.ModelListing(
            name=listing.name,
            family=listing.family,
            parameters=listing.parameters,
            memory=listing.memory,
            precision=listing.precision,
            licence=listing.licence,
            suffix=listing.suffix,
            fits=listing.fits,
            in_use=listing.name == serving,
            problem=listing.problem,
        )
        for listing in listings(settings.precision, settings.device, measure=False)
    ]
