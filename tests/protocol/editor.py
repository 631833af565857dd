"""A simulated editor: edits documents, sends requests, records what the server sends.

Built on pygls' own client. Computes texts and positions independently of the server's code.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from lsp_server.server import messages

T = TypeVar("T")

INVOKED = types.InlineCompletionTriggerKind.Invoked
AUTOMATIC = types.InlineCompletionTriggerKind.Automatic


def position(text: str, offset: int) -> types.Position:
    """The position of an offset in code points; there is none inside CRLF."""
    assert offset == 0 or text[offset - 1 : offset + 1] != "\r\n"
    lines = re.split(r"\r\n|\r|\n", text[:offset])
    return types.Position(len(lines) - 1, len(lines[-1].encode("utf-16-le")) // 2)


def range_of(text: str, start: int, end: int) -> types.Range:
    return types.Range(position(text, start), position(text, end))


@dataclass
class Opened:
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
    progress: list[types.ProgressParams] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)  # pop-ups
    configuration: dict[str, Any] | None = None  # answers workspace/configuration
    others: list[str] = field(default_factory=list)  # the Copilot dialect's statuses
    reading: asyncio.Task[None] | None = None  # of the server's standard error

    @classmethod
    def new(cls) -> Editor:
        client = LanguageClient("editor", "1", protocol_cls=messages.UnmaskProtocol)
        editor = cls(client)
        listen = {
            messages.STATUS: editor.statuses.append,
            messages.LATENCY: editor.latencies.append,
            types.PROGRESS: editor.progress.append,
            types.WINDOW_LOG_MESSAGE: lambda params: editor.logged.append(params.message),
            types.WINDOW_SHOW_MESSAGE: lambda params: editor.shown.append(params.message),
            types.WINDOW_SHOW_MESSAGE_REQUEST: lambda params: editor.shown.append(params.message),
            types.WORKSPACE_CONFIGURATION: lambda params: [editor.configuration],
            messages.DID_CHANGE_STATUS: lambda params: editor.others.append(params["kind"]),
        }
        for method, handler in listen.items():
            client.feature(method)(_named(handler))
        return editor

    async def start(self, *command: str) -> None:
        """Start a server. What it writes to standard error is read, as editors do: asyncio waits
        for ever for a process whose full pipe nobody empties."""
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

    async def until(self, state: str, timeout: float = 120) -> messages.Status:
        """Wait for a status of ``state``."""
        async with asyncio.timeout(timeout):
            while not (self.statuses and self.statuses[-1].state == state):
                await asyncio.sleep(0.02)
        return self.statuses[-1]

    async def quit(self) -> int | None:
        """Shut the server down properly; returns its exit status."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()
        return self.client._server.returncode if self.client._server else None

    def reported(self, token: str) -> list[Any]:
        """The reports so far under a progress token, oldest first."""
        return [params.value for params in self.progress if params.token == token]

    # Documents

    def open(self, uri: str, text: str, language_id: str = "python") -> None:
        self.documents[uri] = Opened(text)
        item = types.TextDocumentItem(uri, language_id, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def close(self, uri: str) -> None:
        del self.documents[uri]
        identifier = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    def text(self, uri: str) -> str:
        return self.documents[uri].text

    def replace(self, uri: str, start: int, end: int, new_text: str) -> None:
        """Replace between two offsets, in one notification."""
        self.replace_all(uri, [(start, end, new_text)])

    def replace_all(self, uri: str, edits: list[tuple[int, int, str]]) -> None:
        """Apply edits one after the other, in one notification."""
        document, changes = self.documents[uri], []
        document.version += 1
        for start, end, new_text in edits:
            where = range_of(document.text, start, end)
            changes.append(types.TextDocumentContentChangePartial(where, new_text))
            document.text = document.text[:start] + new_text + document.text[end:]
        identifier = types.VersionedTextDocumentIdentifier(document.version, uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, changes))

    def insert(self, uri: str, offset: int, text: str) -> int:
        """Insert; returns the offset behind it."""
        self.replace(uri, offset, offset, text)
        return offset + len(text)

    def rewrite(self, uri: str, text: str) -> None:
        """Replace the whole text by a change without a range."""
        document = self.documents[uri]
        document.version, document.text = document.version + 1, text
        identifier = types.VersionedTextDocumentIdentifier(document.version, uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(identifier, [change])
        )

    def apply(self, uri: str, item: types.InlineCompletionItem) -> str:
        """The text with an item accepted; what the server holds does not change."""
        text = self.text(uri)
        starts = [0, *(end.end() for end in re.finditer(r"\r\n|\r|\n", text))]

        def offset(place: types.Position) -> int:
            line = text[starts[place.line] :].encode("utf-16-le")
            return starts[place.line] + len(line[: 2 * place.character].decode("utf-16-le"))

        assert item.range is not None
        start, end = offset(item.range.start), offset(item.range.end)
        return text[:start] + str(item.insert_text) + text[end:]

    # Requests

    async def complete(
        self,
        uri: str,
        offset: int | None = None,
        trigger: types.InlineCompletionTriggerKind = INVOKED,
        selected: types.SelectedCompletionInfo | None = None,
    ) -> types.InlineCompletionItem | None:
        """The ghost text at an offset, by default the end."""
        result = await self.ask(uri, offset, trigger, selected)
        if result is None:
            return None
        assert isinstance(result, types.InlineCompletionList)
        (item,) = result.items
        return item

    def ask(
        self,
        uri: str,
        offset: int | None = None,
        trigger: types.InlineCompletionTriggerKind = INVOKED,
        selected: types.SelectedCompletionInfo | None = None,
        identity: str | None = None,
    ) -> asyncio.Future[Any]:
        """Send the request and return at once."""
        text = self.documents[uri].text if uri in self.documents else ""
        where = position(text, len(text) if offset is None else offset)
        return self.client.protocol.send_request_async(
            types.TEXT_DOCUMENT_INLINE_COMPLETION,
            types.InlineCompletionParams(
                context=types.InlineCompletionContext(trigger, selected),
                text_document=types.TextDocumentIdentifier(uri),
                position=where,
            ),
            msg_id=identity,
        )

    def cancel(self, identity: str) -> None:
        self.client.cancel_request(types.CancelParams(identity))

    def infill(self, uri: str, start: int, end: int, **options: Any) -> asyncio.Future[Any]:
        """Ask for a region to be filled."""
        identity = options.pop("identity", None)
        params = messages.InfillParams(
            types.TextDocumentIdentifier(uri),
            range_of(self.documents[uri].text, start, end),
            **options,
        )
        return self.client.protocol.send_request_async(messages.INFILL, params, msg_id=identity)

    async def stats(self) -> messages.Stats:
        return await self.client.protocol.send_request_async(messages.STATS, {})

    async def request(self, method: str, params: Any) -> Any:
        return await self.client.protocol.send_request_async(method, params)

    async def in_step(self, uri: str) -> bool:
        """Whether the server holds the text and the version that this editor has."""
        params = messages.DocumentParams(types.TextDocumentIdentifier(uri))
        digest = await self.request(messages.DIGEST, params)
        document = self.documents[uri]
        expected = sha256(document.text.encode()).hexdigest()
        return digest is not None and (digest.version, digest.sha256) == (
            document.version,
            expected,
        )


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Wait, but not forever."""
    async with asyncio.timeout(seconds):
        return await work


async def becomes(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, but not forever."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def configure(editor: Editor, settings: object) -> None:
    """Tell the server new settings, and wait until it has handled them."""
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    await editor.stats()


async def _read(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass


def _named(handler: Any) -> Any:
    """A plain function, which pygls can put its marks on."""

    def handle(params: Any) -> Any:
        return handler(params)

    return handle
