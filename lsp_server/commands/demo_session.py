"""The demonstration: the real language server completes real files, shown in the terminal.

Starts ``unmask serve`` and speaks the language server protocol to it as an editor does. For three
files in three languages it shows the ghost text at a cursor, then a selected region being written
anew, forward by forward.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lsprotocol import types
from pygls.lsp.client import LanguageClient
from rich.console import Console, Group
from rich.rule import Rule
from rich.text import Text

from lsp_server.bench.holes import samples_folder
from lsp_server.commands.canvas_view import CanvasView
from lsp_server.diffusion.types import Cell, Step
from lsp_server.positions import offset_at, position_at
from lsp_server.server import messages

_LOADING_S: Final = 300.0
_ANSWER_S: Final = 120.0
_AROUND: Final = 3  # lines shown before and after what is written
_CANVASES: Final = "canvases"  # the token of partial results


class DemoError(Exception):
    """The server cannot complete; the message says why."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A file, the text missing at the cursor, and the selection to be filled."""

    file: str
    language_id: str
    missing: str
    selected: str

    def text(self) -> str:
        """The whole file."""
        return (samples_folder() / self.file).read_text("utf-8")


SCENES: Final = (
    Scene(
        "inventory.py",
        "python",
        missing="self.counts[number] - reserved",
        selected="""expired = [r for r in self.reservations if r.expired(today)]
        self.reservations = [r for r in self.reservations if not r.expired(today)]
        return expired""",
    ),
    Scene(
        "cart.ts",
        "typescript",
        missing="this.items.delete(productId);",
        selected="""if (item) {
      item.quantity += quantity;
    } else {
      this.items.set(product.id, { product, quantity });
    }""",
    ),
    Scene(
        "scheduler.js",
        "javascript",
        missing="await this.runJob(job, now);",
        selected="""if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }""",
    ),
)


class Editor:
    """A language client with one document open at a time."""

    def __init__(self) -> None:
        self._client = LanguageClient("unmask-demo", "1", protocol_cls=messages.UnmaskProtocol)
        self._changed = asyncio.Event()
        self._watch: Callable[[Step], None] | None = None
        self.status: messages.Status | None = None
        self.latency: messages.Latency | None = None
        # pygls sets attributes on handlers, which bound methods do not allow.
        self._client.feature(messages.STATUS)(lambda status: self._on_status(status))
        self._client.feature(messages.LATENCY)(lambda latency: self._on_latency(latency))
        self._client.feature(types.WINDOW_LOG_MESSAGE)(lambda message: None)
        self._client.feature(types.PROGRESS)(lambda progress: self._on_progress(progress))

    async def start(self, say: Callable[[str], None]) -> None:
        """Start the server and wait until its model is loaded; raises DemoError."""
        async with asyncio.timeout(_LOADING_S):
            await self._client.start_io(sys.executable, "-m", "lsp_server", "serve")
            capabilities = types.ClientCapabilities()
            await self._client.initialize_async(
                types.InitializeParams(capabilities=capabilities, process_id=os.getpid())
            )
            self._client.initialized(types.InitializedParams())
            while self.status is None or self.status.state != "ready":
                if self.status is not None:
                    say(self.status.message)
                    if self.status.state == "error":
                        raise DemoError(self.status.message)
                await self._changed.wait()
                self._changed.clear()

    async def stop(self) -> None:
        """Shut the server down."""
        await self._client.shutdown_async(None)
        self._client.exit(None)
        await self._client.stop()  # type: ignore[no-untyped-call]

    def open(self, uri: str, language_id: str, text: str) -> None:
        """Open a document."""
        item = types.TextDocumentItem(uri, language_id, 1, text)
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    async def complete(
        self, uri: str, position: types.Position
    ) -> types.InlineCompletionItem | None:
        """Ask for ghost text."""
        context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked)
        document = types.TextDocumentIdentifier(uri)
        params = types.InlineCompletionParams(context, document, position)
        async with asyncio.timeout(_ANSWER_S):
            result = await self._client.text_document_inline_completion_async(params)
        items = result.items if isinstance(result, types.InlineCompletionList) else result or []
        return items[0] if items else None

    async def infill(
        self, uri: str, region: types.Range, watch: Callable[[Step], None]
    ) -> Mapping[str, Any]:
        """Fill a region; ``watch`` is called with its canvases."""
        self._watch = watch
        document = types.TextDocumentIdentifier(uri)
        params = messages.InfillParams(document, region, partial_result_token=_CANVASES)
        async with asyncio.timeout(_ANSWER_S):
            answer = await self._client.protocol.send_request_async(messages.INFILL, params)
        return dict(answer)

    def _on_status(self, status: messages.Status) -> None:
        self.status = status
        self._changed.set()

    def _on_latency(self, latency: messages.Latency) -> None:
        self.latency = latency

    def _on_progress(self, progress: types.ProgressParams) -> None:
        if progress.token == _CANVASES and self._watch is not None:
            value: Any = progress.value
            cells = tuple(Cell(c["text"], c["origin"], c["state"]) for c in value["cells"])
            self._watch(Step(value["kind"], cells, value["ms"]))


async def show_ghost(editor: Editor, scene: Scene, console: Console) -> bool:
    """Complete where text is missing; returns whether a text was offered."""
    whole = scene.text()
    start = whole.index(scene.missing)
    text = whole[:start] + whole[start + len(scene.missing) :]
    uri = _uri(scene, "completion")
    editor.open(uri, scene.language_id, text)
    item = await editor.complete(uri, types.Position(*position_at(text, start)))
    if item is None or item.range is None:
        console.print(f"no ghost text: {_reason(editor)}", style="red")
        return False
    first, last = (_offset(text, place) for place in (item.range.start, item.range.end))
    console.print(_excerpt(console, text, first, last, str(item.insert_text)))
    console.print(_cost(editor.latency))
    return True


async def show_infill(editor: Editor, scene: Scene, console: Console) -> bool:
    """Fill the selected region; returns whether a text was offered."""
    text = scene.text()
    start = text.index(scene.selected)
    ends = (position_at(text, offset) for offset in (start, start + len(scene.selected)))
    region = types.Range(*(types.Position(*end) for end in ends))
    uri = _uri(scene, "infill")
    editor.open(uri, scene.language_id, text)
    answer = await editor.infill(uri, region, CanvasView(console))
    if answer["text"] is None:
        console.print(f"no infill: {_reason(editor)}", style="red")
        return False
    first, last = (
        offset_at(text, place["line"], place["character"]) for place in answer["range"].values()
    )
    console.print(_excerpt(console, text, first, last, answer["text"]))
    console.print(_cost(editor.latency))
    return True


async def play(console: Console) -> bool:
    """Run the demonstration; returns whether every text was offered. Raises DemoError."""
    editor = Editor()
    with console.status("starting the language server") as status:
        await editor.start(lambda message: status.update(message or "loading"))
    came = []
    try:
        _introduce(editor, console)
        for scene in SCENES:
            console.print(Rule(f"{scene.file}: ghost text at the cursor", align="left"))
            came.append(await show_ghost(editor, scene, console))
            console.print(Rule(f"{scene.file}: a selection written anew", align="left"))
            came.append(await show_infill(editor, scene, console))
    finally:
        await editor.stop()
    console.print(Rule())
    console.print(f"{sum(came)} of {len(came)} completions came.", style="bold")
    return all(came)


def _introduce(editor: Editor, console: Console) -> None:
    model = editor.status.model if editor.status else None
    if model is not None:
        console.print(
            f"{model.family}, {model.parameters / 1e6:.0f} M parameters, {model.precision} on "
            f"{model.device}, loaded in {model.load_ms / 1000:.1f} s"
        )
    console.print(Text("where tokens come from: ").append_text(CanvasView(console).legend()))


def _excerpt(console: Console, text: str, start: int, end: int, new: str) -> Group:
    """A text with the lines around it; new text is green, or between arrows."""
    written = Text(new, "green") if console.color_system else Text(f"»{new}«")
    before = text[:start].split("\n")
    after = text[end:].split("\n")
    shown = Text("\n".join(before[-_AROUND - 1 :]))
    shown.append_text(written).append("\n".join(after[: _AROUND + 1]))
    number = len(before) - min(_AROUND, len(before) - 1)
    lines = shown.split("\n", allow_blank=True)
    return Group(
        *(
            Text(f"{number + index:>6} ", "dim", no_wrap=True, overflow="ellipsis").append_text(
                line
            )
            for index, line in enumerate(lines)
        )
    )


def _cost(latency: messages.Latency | None) -> Text:
    if latency is None:
        return Text("")
    forwards = latency.forwards
    rate = latency.tokens_per_forward
    return Text(
        f"  {latency.ms:.0f} ms · {latency.tokens} tokens · forwards: {forwards.prefill} prefill, "
        f"{forwards.verify} verify, {forwards.canvas} canvas"
        + (f" · {rate:.1f} tokens per forward" if rate else "")
        + (f" · {latency.span}" if latency.span else ""),
        "bold",
    )


def _reason(editor: Editor) -> str:
    return editor.latency.reason if editor.latency else "the server did not say why"


def _offset(text: str, position: types.Position) -> int:
    return offset_at(text, position.line, position.character)


def _uri(scene: Scene, purpose: str) -> str:
    """A new URI for every document shown; there is no such file on disk."""
    return (samples_folder() / purpose / scene.file).as_uri()
