"""The benchmark ``latency``: milliseconds from key to answer, typing in real files.

Speaks to the real server over standard input and output, as an editor does. At every place the
same is typed with every variant of decoding, in another order each time; documents are closed in
between, so that none finds what another has left in a cache.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

from lsp_server.bench.editor import Editor
from lsp_server.bench.holes import RealFile
from lsp_server.bench.keystrokes import Passage, Place, TypedDocument, language_id
from lsp_server.bench.lengths import document_of_length
from lsp_server.bench.report import Progress
from lsp_server.bench.situations import (
    BACK,
    BACK_FROM,
    COLD,
    NEW,
    RESTED,
    TRIES,
    Plan,
    Score,
)
from lsp_server.bench.typist import Keystroke, Typist
from lsp_server.bench.variants import AS_SET, ONE_AT_A_TIME, rotated
from lsp_server.models.interfaces import ModelError
from lsp_server.settings import Settings

SERVE: Final = (sys.executable, "-m", "lsp_server", "serve")

REST_S: Final = 1.5
LENGTHS: Final = (1_000, 10_000, 100_000, 1_000_000)
WINDOWS: Final = (128, 256, 512, 1024, 2048)
BUSY: Final = (0, 1, 2)

_VARIANTS: Final[Mapping[str, Mapping[str, Any]]] = {
    AS_SET: {},
    ONE_AT_A_TIME: {"drafts": [], "sampler": "top_k", "top_k": 1},
}
_AFTER_JUMP: Final = 3  # keys at a new place; as many are kept for coming back to an earlier one
_STARTING_S: Final = 300.0
_WINDOW_LENGTH: Final = 100_000  # characters of the documents in which windows are compared


@dataclass(slots=True)
class Measured:
    """Everything that was measured."""

    start_ms: float  # from starting the server's process until its model is loaded
    first_ms: float  # until the first answer
    variants: list[Score]
    lengths: list[Score]
    windows: list[Score]
    busy: list[Score]


def measure(
    settings: Settings, plans: Sequence[Plan], keys: int, filler: str, progress: Progress
) -> Measured:
    """Start a server and type in all situations; raises ModelError if it cannot serve.

    ``filler`` is the text of which long documents are made.
    """
    return asyncio.run(_measure(settings, plans, keys, filler, progress))


async def _measure(
    settings: Settings, plans: Sequence[Plan], keys: int, filler: str, progress: Progress
) -> Measured:
    progress("starting the server")
    started = time.perf_counter()
    async with _serving(settings) as editor:
        start_ms = (time.perf_counter() - started) * 1000
        session = Session(editor, settings, keys, progress)
        await session.warm_up(plans[0])
        first_ms = (time.perf_counter() - started) * 1000
        return Measured(
            start_ms=start_ms,
            first_ms=first_ms,
            variants=await session.visit_all(plans),
            lengths=await session.type_in_lengths(plans, filler),
            windows=await session.type_with_windows(plans, filler),
            busy=await session.type_beside(plans),
        )


@asynccontextmanager
async def _serving(settings: Settings) -> AsyncIterator[Editor]:
    """An editor whose server's model is loaded."""
    editor = Editor.new()
    await editor.start(*SERVE)
    try:
        async with asyncio.timeout(_STARTING_S):
            await editor.initialize({"settings": _to_json(settings), "cursor": True})
            while not editor.statuses or editor.statuses[-1].state == "loading":
                await asyncio.sleep(0.005)
        if editor.statuses[-1].state != "ready":
            raise ModelError(editor.statuses[-1].message)
        yield editor
    finally:
        with suppress(Exception):  # a server that has crashed cannot be told to end
            await editor.quit()


class Session:
    """What is typed at one server."""

    def __init__(self, editor: Editor, settings: Settings, keys: int, progress: Progress) -> None:
        self._editor, self._typist = editor, Typist(editor)
        self._settings, self._keys, self._progress = settings, keys, progress
        self._opened = 0
        self._configured: Mapping[str, Any] = {}

    async def warm_up(self, plan: Plan) -> None:
        """Type one key: the first forwards of a process are slower."""
        document = TypedDocument.of(self._uri(plan.file), plan.passages)
        await self._typist.open(document)
        await self._jump(document, document.places[0])
        self._typist.close(document)

    async def visit_all(self, plans: Sequence[Plan]) -> list[Score]:
        """All situations at every place, with every variant."""
        scores = {name: Score(name) for name in _VARIANTS}
        for number, plan in enumerate(plans):
            other = plans[(number + 1) % len(plans)]
            for name in rotated(list(scores), number):
                self._progress(f"{plan.name}, {number + 1} of {len(plans)}, {name}")
                await self._configure(_VARIANTS[name])
                await self._visit(plan, other, scores[name])
        await self._configure({})
        return list(scores.values())

    async def type_in_lengths(self, plans: Sequence[Plan], filler: str) -> list[Score]:
        """The same passages in documents of every length."""
        scores = [Score(f"{length // 1000} kB") for length in LENGTHS]
        for passage, index in self._steps(plans, scores):
            await self._type_long(passage, filler, LENGTHS[index], scores[index])
        return scores

    async def type_with_windows(self, plans: Sequence[Plan], filler: str) -> list[Score]:
        """The same passages with every size of the window."""
        scores = [Score(f"{tokens} tokens before") for tokens in WINDOWS]
        for passage, index in self._steps(plans, scores):
            await self._configure({"prefix_tokens": WINDOWS[index]})
            await self._type_long(passage, filler, _WINDOW_LENGTH, scores[index])
        await self._configure({})
        return scores

    async def type_beside(self, plans: Sequence[Plan]) -> list[Score]:
        """The same passages while other processes compute."""
        scores = [Score(f"{count} busy beside") for count in BUSY]
        for passage, index in self._steps(plans, scores):
            document = TypedDocument.of(self._uri(passage.file), [passage])
            with _busy(BUSY[index]):
                await self._type_one(document, scores[index])
        return scores

    def _steps(
        self, plans: Sequence[Plan], scores: Sequence[Score]
    ) -> Iterator[tuple[Passage, int]]:
        """Every passage of a Python file (or the first one) with every step of a series."""
        python = [plan for plan in plans if plan.file.path.suffix == ".py"]
        for number, passage in enumerate((python or plans)[0].passages):
            for index in rotated(range(len(scores)), number):
                self._progress(f"{passage.file.path.name}:{passage.start}, {scores[index].name}")
                yield passage, index

    async def _visit(self, plan: Plan, other: Plan, score: Score) -> None:
        typist = self._typist
        document = TypedDocument.of(self._uri(plan.file), plan.passages)
        first, second, third = document.places
        await typist.open(document)
        score.add(await typist.type(document, first, self._keys), COLD)

        score.add(await self._jump(document, second), NEW)
        score.add(await typist.type(document, second, _AFTER_JUMP))
        score.add(await self._jump(document, first), BACK)

        beside = TypedDocument.of(self._uri(other.file), other.passages[1:])
        await typist.open(beside)
        score.add(await self._jump(beside, beside.places[0]), COLD)
        score.add(await self._jump(document, first), BACK_FROM)
        typist.close(beside)

        await typist.rest(document, third, REST_S)
        score.add(await self._jump(document, third), RESTED)
        typist.close(document)

    async def _jump(self, document: TypedDocument, place: Place) -> list[Keystroke]:
        """Type at once at a place, without a pause, until the model runs."""
        pressed: list[Keystroke] = []
        while place.keys and len(pressed) < TRIES:
            pressed += await self._typist.type(document, place, 1, pausing=False)
            if pressed[-1].kind == "computed":
                break
        return pressed

    async def _type_long(self, passage: Passage, filler: str, length: int, score: Score) -> None:
        text, places = document_of_length(passage, filler, length)
        language = language_id(passage.file)
        document = TypedDocument(self._uri(passage.file), language, text, places)
        await self._type_one(document, score)

    async def _type_one(self, document: TypedDocument, score: Score) -> None:
        await self._typist.open(document)
        score.add(await self._typist.type(document, document.places[0], self._keys), COLD)
        self._typist.close(document)

    async def _configure(self, changed: Mapping[str, Any]) -> None:
        """Let the server go by the settings with some changed; waits until it does."""
        if changed == self._configured:
            return
        self._configured = changed
        values = {**_to_json(self._settings), **changed}
        heard = len(self._editor.statuses)
        self._editor.configure(values)
        async with asyncio.timeout(_STARTING_S):
            while len(self._editor.statuses) == heard:
                await asyncio.sleep(0.005)

    def _uri(self, file: RealFile) -> str:
        """A new document's."""
        self._opened += 1
        return f"file:///bench/{self._opened}/{file.path.name}"


def _to_json(settings: Settings) -> dict[str, Any]:
    return {**asdict(settings), "languages": dict(settings.languages)}


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Other processes that compute all the time."""
    loop = (sys.executable, "-c", "while True: pass")
    processes = [subprocess.Popen(loop) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
