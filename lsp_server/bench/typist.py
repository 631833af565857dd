"""A typist at a real server: presses keys, waits for the answers, moves about, rests.

The server is asked after every key, as by an editor. The next key comes when the answer is there,
but not sooner than a fast typist presses it. After a key that ends a word the typist pauses.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final, Literal

from lsprotocol import types

from lsp_server.bench.editor import AUTOMATIC, Editor
from lsp_server.bench.keystrokes import Place, TypedDocument
from lsp_server.models.interfaces import ModelError
from lsp_server.server.messages import Latency

Kind = Literal["computed", "cached", "withheld"]
"""Of an answer: the model ran for it; it is the rest of an earlier one; refused by the gate."""

KEY_S: Final = 0.12
"""Seconds from one key to the next, at least."""

PAUSE_S: Final = 0.4
"""Seconds of pause after a word."""

_CURSOR_S: Final = 0.1  # of rest, after which the VS Code extension tells the cursor's place
_PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Keystroke:
    """One key and the answer to the request that followed it."""

    ms: float  # from sending the key to having the answer
    latency: Latency  # what the server says about it
    followed: bool | None = None  # whether the text offered was typed then; None: nothing offered

    @property
    def kind(self) -> Kind:
        """A request that timed out is computed, too."""
        if self.latency.cached:
            return "cached"
        forwards = self.latency.forwards
        ran = forwards.prefill + forwards.verify + forwards.canvas
        return "computed" if ran or self.latency.reason == "timeout" else "withheld"


class Typist:
    """Types into the documents of one editor."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    async def open(self, document: TypedDocument) -> None:
        """Open a document, and wait until the server has read it."""
        self._editor.open(document.uri, document.text, document.language_id)
        await self._editor.stats()

    def close(self, document: TypedDocument) -> None:
        """Close a document: the server forgets it."""
        self._editor.close(document.uri)

    async def press(self, document: TypedDocument, place: Place) -> Keystroke:
        """Press the next key of a place. Raises ModelError if the server does not answer."""
        editor, opened = self._editor, self._editor.documents[document.uri]
        change = document.press(place)
        opened.text, opened.version = document.text, opened.version + 1
        heard = len(editor.latencies)
        started = time.perf_counter()
        editor.send_changes(document.uri, [change])
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = await editor.send_request(document.uri, place.position, AUTOMATIC)
        except TimeoutError as error:
            raise ModelError("the server does not answer") from error
        ms = (time.perf_counter() - started) * 1000
        if len(editor.latencies) == heard:
            raise ModelError("the server does not serve any more")
        return Keystroke(ms, editor.latencies[-1], _is_followed(answer, place))

    async def type(
        self, document: TypedDocument, place: Place, keys: int, pausing: bool = True
    ) -> list[Keystroke]:
        """Press several keys at a fast typist's pace; fewer at the end of a place.

        ``pausing``: whether the typist pauses after a word.
        """
        pressed = []
        for _ in range(min(keys, len(place.keys))):
            key, started = place.keys[0], time.perf_counter()
            pressed.append(await self.press(document, place))
            await asyncio.sleep(max(0.0, started + KEY_S - time.perf_counter()))
            if pausing and pauses_after(key):
                await self.rest(document, place, PAUSE_S)
        return pressed

    async def rest(self, document: TypedDocument, place: Place, seconds: float) -> None:
        """Let the cursor rest at a place."""
        await asyncio.sleep(_CURSOR_S)
        self._editor.send_cursor(document.uri, place.position)
        await asyncio.sleep(max(0.0, seconds - _CURSOR_S))


def pauses_after(key: str) -> bool:
    """Whether a typist stops to think: after a key that ends a word or a line."""
    return not (key.isalnum() or key == "_")


def _is_followed(answer: Any, place: Place) -> bool | None:
    """Whether the first line of what was offered is what is typed next."""
    if not isinstance(answer, types.InlineCompletionList) or not answer.items:
        return None
    following = "".join(place.keys)
    written = str(answer.items[0].insert_text)[: len(following)]
    return bool(following) and following.startswith(written.split("\n")[0])
