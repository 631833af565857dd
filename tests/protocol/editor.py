"""The simulated editor of the benchmarks, with what only tests need.

Computes texts and positions independently of the server's code.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from lsprotocol import types

from lsp_server.bench import editor
from lsp_server.bench.editor import AUTOMATIC, INVOKED
from lsp_server.server import messages

__all__ = ["AUTOMATIC", "INVOKED", "Editor", "becomes", "configure", "position", "within"]

T = TypeVar("T")


def position(text: str, offset: int) -> types.Position:
    """The position of an offset in code points; there is none inside CRLF."""
    assert offset == 0 or text[offset - 1 : offset + 1] != "\r\n"
    lines = re.split(r"\r\n|\r|\n", text[:offset])
    return types.Position(len(lines) - 1, len(lines[-1].encode("utf-16-le")) // 2)


def range_of(text: str, start: int, end: int) -> types.Range:
    """The range between two offsets."""
    return types.Range(position(text, start), position(text, end))


@dataclass
class Editor(editor.Editor):
    """Keeps all that the server sends, edits in every way, and checks what the server holds."""

    progress: list[types.ProgressParams] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)  # pop-ups
    others: list[str] = field(default_factory=list)  # the Copilot dialect's statuses

    def listeners(self) -> Mapping[str, Callable[[Any], object]]:
        return {
            **super().listeners(),
            types.PROGRESS: self.progress.append,
            types.WINDOW_SHOW_MESSAGE: lambda params: self.shown.append(params.message),
            types.WINDOW_SHOW_MESSAGE_REQUEST: lambda params: self.shown.append(params.message),
            messages.DID_CHANGE_STATUS: lambda params: self.others.append(params["kind"]),
        }

    def reported(self, token: str) -> list[Any]:
        """The reports so far under a progress token, oldest first."""
        return [params.value for params in self.progress if params.token == token]

    async def until(self, state: str, timeout: float = 120) -> messages.Status:
        """Wait for a status of ``state``; raises TimeoutError after ``timeout`` seconds."""
        async with asyncio.timeout(timeout):
            while not (self.statuses and self.statuses[-1].state == state):
                await asyncio.sleep(0.02)
        return self.statuses[-1]

    # Documents

    def text(self, uri: str) -> str:
        """The text of a document."""
        return self.documents[uri].text

    def replace_all(self, uri: str, edits: list[tuple[int, int, str]]) -> None:
        """Apply edits one after the other, in one notification."""
        document, changes = self.documents[uri], []
        document.version += 1
        for start, end, new_text in edits:
            where = range_of(document.text, start, end)
            changes.append(types.TextDocumentContentChangePartial(where, new_text))
            document.text = document.text[:start] + new_text + document.text[end:]
        self.send_changes(uri, changes)

    def replace(self, uri: str, start: int, end: int, new_text: str) -> None:
        """Replace between two offsets, in one notification."""
        self.replace_all(uri, [(start, end, new_text)])

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
        return self.send_request(uri, where, trigger, selected, identity)

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
    editor.configure(settings)
    await editor.stats()
