"""A simulated editor: starts a server, edits documents, asks for completions, keeps what it hears.

Built on pygls' own client.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from lsp_server.server import messages

INVOKED = types.InlineCompletionTriggerKind.Invoked
AUTOMATIC = types.InlineCompletionTriggerKind.Automatic


@dataclass(slots=True)
class Opened:
    """An open document."""

    text: str
    version: int = 1


@dataclass
class Editor:
    """One client of one server; ``client.protocol`` speaks the messages that are not typed."""

    client: LanguageClient
    capabilities: types.ServerCapabilities = field(default_factory=types.ServerCapabilities)
    documents: dict[str, Opened] = field(default_factory=dict)
    statuses: list[messages.Status] = field(default_factory=list)
    latencies: list[messages.Latency] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    configuration: dict[str, Any] | None = None  # answers workspace/configuration
    reading: asyncio.Task[None] | None = None  # of the server's standard error

    @classmethod
    def new(cls) -> Self:
        """An editor that is not connected yet."""
        client = LanguageClient("editor", "1", protocol_cls=messages.UnmaskProtocol)
        editor = cls(client)
        for method, handler in editor.listeners().items():
            client.feature(method)(_named(handler))
        return editor

    def listeners(self) -> Mapping[str, Callable[[Any], object]]:
        """What is done with the messages of the server, by method."""
        return {
            messages.STATUS: self.statuses.append,
            messages.LATENCY: self.latencies.append,
            types.WINDOW_LOG_MESSAGE: lambda params: self.logged.append(params.message),
            types.WORKSPACE_CONFIGURATION: lambda params: [self.configuration],
        }

    async def start(self, *command: str) -> None:
        """Start a server.

        What it writes to standard error is read, as editors do: asyncio waits for ever for a
        process whose full pipe nobody empties.
        """
        await self.client.start_io(*command)
        assert self.client._server is not None
        assert self.client._server.stderr is not None
        self.reading = asyncio.create_task(_read(self.client._server.stderr))

    async def initialize(self, options: Any = None) -> None:
        """Initialize the server; ``configuration`` must be set before."""
        pulls = self.configuration is not None
        result = await self.client.initialize_async(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(
                    workspace=types.WorkspaceClientCapabilities(configuration=pulls),
                    general=types.GeneralClientCapabilities(
                        # an editor that prefers UTF-8 positions; the server must choose UTF-16
                        position_encodings=[
                            types.PositionEncodingKind.Utf8,
                            types.PositionEncodingKind.Utf16,
                        ]
                    ),
                ),
                process_id=os.getpid(),
                initialization_options=options,
            )
        )
        self.capabilities = result.capabilities
        self.client.initialized(types.InitializedParams())

    async def quit(self) -> int | None:
        """Shut the server down properly; returns its exit status."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()  # type: ignore[no-untyped-call]
        return self.client._server.returncode if self.client._server else None

    # Documents

    def open(self, uri: str, text: str, language_id: str = "python") -> None:
        """Open a document."""
        self.documents[uri] = Opened(text)
        item = types.TextDocumentItem(uri, language_id, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def close(self, uri: str) -> None:
        """Close a document."""
        del self.documents[uri]
        identifier = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    def send_changes(
        self, uri: str, changes: Sequence[types.TextDocumentContentChangeEvent]
    ) -> None:
        """Tell the server how a document has become its text and version as they are now."""
        identifier = types.VersionedTextDocumentIdentifier(self.documents[uri].version, uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, changes))

    # Requests

    def send_request(
        self,
        uri: str,
        where: types.Position,
        trigger: types.InlineCompletionTriggerKind = INVOKED,
        selected: types.SelectedCompletionInfo | None = None,
        identity: str | None = None,
    ) -> asyncio.Future[Any]:
        """Ask for a completion and return at once."""
        answer: asyncio.Future[Any] = self.client.protocol.send_request_async(
            types.TEXT_DOCUMENT_INLINE_COMPLETION,
            types.InlineCompletionParams(
                context=types.InlineCompletionContext(trigger, selected),
                text_document=types.TextDocumentIdentifier(uri),
                position=where,
            ),
            msg_id=identity,
        )
        return answer

    def send_cursor(self, uri: str, where: types.Position) -> None:
        """Tell the server where the cursor rests."""
        params = messages.CursorParams(types.TextDocumentIdentifier(uri), where)
        self.client.protocol.notify(messages.CURSOR, params)

    def configure(self, settings: object) -> None:
        """Tell the server new settings."""
        params = types.DidChangeConfigurationParams(settings)
        self.client.workspace_did_change_configuration(params)

    async def stats(self) -> messages.Stats:
        """The server's statistics; everything that was sent before has been handled."""
        stats = await self.client.protocol.send_request_async(messages.STATS, {})
        assert isinstance(stats, messages.Stats)
        return stats


async def _read(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass


def _named(handler: Any) -> Any:
    """A plain function, which pygls can put its marks on."""

    def handle(params: Any) -> Any:
        return handler(params)

    return handle
