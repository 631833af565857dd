"""Soak test: sends ten thousand random edits and requests to the real server.

``python -m tests.soak --edits 10000`` starts the real server with the real model and sends what
people and editors send, and worse: characters and pastes, deletions, undo, several cursors, whole
files replaced, files opened and closed, completions cancelled by the next key, infills cancelled
half way, changed settings, secret files, malformed messages. At the end the server must be alive,
hold the same texts as the editor, and not have grown in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lsp_server.server import messages
from tests.protocol.editor import AUTOMATIC, INVOKED, Editor, within

PATIENCE_S = 300  # seconds; exceeded only by a request that hangs
WITHDRAWN = -32800  # RequestCancelled
LONGEST = 6000  # characters; a document is cut back beyond them
GROWTH = 100_000_000  # bytes that the server may gain after it has warmed up
WARM_UP = 0.3  # share of the edits before its memory is looked at
SPECIAL = ("<|", "\N{REPLACEMENT CHARACTER}")

SOURCES = Path(__file__).parents[1] / "lsp_server" / "server"
SAMPLES = {
    "file:///soak/worker.py": ("python", (SOURCES / "worker.py").read_text()),
    "file:///soak/crlf.py": ("python", (SOURCES / "offers.py").read_text().replace("\n", "\r\n")),
    "file:///soak/cr.js": ("javascript", "function add(a, b) {\r  return a + b;\r}\r" * 9),
    "file:///soak/types.ts": ("typescript", "interface Row { id: number; name: string }\n" * 9),
    "file:///soak/data.json": ("json", '{\n  "rows": [\n    {"id": 1, "name": "😀"}\n  ]\n}\n'),
    "file:///soak/notes.txt": (
        "plaintext",
        "A page\x0cbreak, a line\u2028separator, a \x85.\n" * 9,
    ),
    "untitled:Untitled-1": ("python", ""),
    "file:///soak/.env": ("dotenv", "TOKEN=swordfish\n"),
}
WORDS = [
    *("a", "self", "return ", "def f(", "):", "if x:", "for i in ", "import ", "x = ", "None"),
    *("const y = ", "function ", "=> ", "{", "}", "[", "]", "(", ")", '"', "'", ",", ": ", ";"),
    *("# ", "//", "\n", "\n    ", "\r\n", "\r", "\t", " ", "\f", "\v", "\x85", "\u2028", "\x00"),
    *(
        "é",
        "漢",
        "😀",
        "👩\u200d🚀",
        "\ufeff",
        "<|endoftext|>",
        "<|fim_prefix|>",
        '{"a": 1}',
        "0",
        "\\",
    ),
]
RUBBISH = [
    b"{",
    b"[]",
    b"\xff",
    b'{"jsonrpc": "2.0", "method": "no/such/method", "params": {}}',
    b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"textDocument": 1}}',
]


def beside(text: str, offset: int) -> int:
    """The offset, or the one before it if it lies inside CRLF, where no editor has a cursor."""
    return offset - 1 if offset and text[offset - 1 : offset + 1] == "\r\n" else offset


@dataclass
class Tally:
    """The counts of checks, and the failures."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    memory: list[int] = field(default_factory=list)  # bytes, once warmed up

    def check(self, holds: bool, what: str) -> None:
        if holds:
            self.passed += 1
        else:
            self.failures.append(what)
            print(f"FAILED {what}", file=sys.stderr, flush=True)

    def growth(self) -> float:
        """How much memory the server gained, from the first tenth of the samples to the last."""
        tenth = max(len(self.memory) // 10, 1)
        return statistics.median(self.memory[-tenth:]) - statistics.median(self.memory[:tenth])


class Soak:
    """Sends random edits and requests to one server."""

    def __init__(self, editor: Editor, seed: int) -> None:
        self.editor, self.random, self.tally = editor, Random(seed), Tally()
        self.asked: list[tuple[str, asyncio.Future[Any]]] = []  # and not yet answered
        self.undo: dict[str, list[str]] = {}
        self.names = 0
        for uri in SAMPLES:
            self.open(uri)

    # Edits

    def open(self, uri: str) -> None:
        language_id, text = SAMPLES[uri]
        self.editor.open(uri, text, language_id)
        self.undo[uri] = [text]

    def some_text(self, most: int = 3) -> str:
        return "".join(self.random.choices(WORDS, k=self.random.randint(1, most)))

    def place(self, text: str) -> int:
        """An offset where a cursor can be: not inside CRLF."""
        return beside(text, self.random.randint(0, len(text)))

    def click(self, text: str) -> int:
        """A place for the cursor, mostly the end of a line."""
        offset = self.place(text)
        if self.random.random() < 0.8:
            end = re.compile(r"\r\n|\r|\n").search(text, offset)
            offset = end.start() if end else len(text)
        return offset

    def region(self, text: str, longest: int) -> tuple[int, int]:
        start = self.place(text)
        end = beside(text, min(start + self.random.randint(0, longest), len(text)))
        return start, max(start, end)

    async def edit(self, uri: str, cursor: int) -> int:
        """One edit of some kind; where the cursor is then."""
        editor, text = self.editor, self.editor.text(uri)
        kind = self.random.choices(
            ["type", "delete", "paste", "replace", "several", "undo", "rewrite", "reopen"],
            [70, 9, 4, 6, 4, 4, 2, 1],
        )[0]
        self.tally.events[kind] += 1
        if len(text) > LONGEST:
            editor.rewrite(uri, text[: LONGEST // 2])
            cursor = LONGEST // 2
        elif kind == "type":
            cursor = editor.insert(uri, cursor, self.some_text(1))
        elif kind == "delete":
            start = beside(text, max(cursor - self.random.randint(1, 12), 0))
            editor.replace(uri, start, cursor, "")
            cursor = start
        elif kind == "paste":
            cursor = editor.insert(uri, cursor, self.some_text(40))
        elif kind == "replace":
            start, end = self.region(text, 40)
            new_text = self.some_text()
            editor.replace(uri, start, end, new_text)
            cursor = start + len(new_text)
        elif kind == "several":
            places = sorted({self.place(text) for _ in range(30)}, reverse=True)
            editor.replace_all(uri, [(place, place, self.some_text(1)) for place in places])
            cursor = places[-1]
        elif kind == "undo":
            editor.rewrite(uri, self.random.choice(self.undo[uri]))
            cursor = len(editor.text(uri))
        elif kind == "rewrite":
            editor.rewrite(uri, SAMPLES[uri][1])
            cursor = self.place(SAMPLES[uri][1])
        else:
            editor.close(uri)
            self.open(uri)
            cursor = 0
        self.undo[uri] = [*self.undo[uri][-5:], editor.text(uri)]
        return beside(editor.text(uri), cursor)

    # Requests

    async def request(self, uri: str, cursor: int) -> None:
        """Send a request, as editors do after an edit; the next key mostly cancels it."""
        kind = self.random.choices(
            ["typed through", "awaited", "infill", "selected", "other"], [86, 5, 3, 2, 4]
        )[0]
        self.tally.events[kind] += 1
        if kind == "typed through":
            self.names += 1
            identity = f"soak-{self.names}"
            trigger = self.random.choices([AUTOMATIC, INVOKED], [9, 1])[0]
            self.asked.append((identity, self.editor.ask(uri, cursor, trigger, None, identity)))
            await asyncio.sleep(self.random.choice([0, 0, 0.005, 0.03, 0.06]))
        elif kind == "awaited":
            await self.awaited(uri, cursor)
        elif kind == "infill":
            await self.infill(uri)
        elif kind == "selected":
            await self.selected(uri, cursor)
        else:
            await self.other(uri, cursor)

    def overtake(self) -> None:
        """The next key: mostly cancels the pending requests."""
        for identity, answer in self.asked:
            if self.random.random() < 0.8 and not answer.done():
                self.editor.cancel(identity)

    async def settle(self) -> None:
        """Wait until every request has a response."""
        answers = [answer for _, answer in self.asked]
        self.asked = []
        for answer in await within(PATIENCE_S, asyncio.gather(*answers, return_exceptions=True)):
            withdrawn = isinstance(answer, JsonRpcException) and answer.code == WITHDRAWN
            fine = withdrawn or answer is None or isinstance(answer, types.InlineCompletionList)
            self.tally.check(fine, f"a request was answered with {answer!r}")

    async def awaited(self, uri: str, cursor: int) -> None:
        editor, text = self.editor, self.editor.text(uri)
        cursor = self.random.choice([cursor, self.click(text)])
        trigger = self.random.choice([AUTOMATIC, INVOKED])
        try:
            item = await within(PATIENCE_S, editor.complete(uri, cursor, trigger))
        except TimeoutError:
            self.tally.check(False, f"no answer in {uri} at {cursor}: {text!r}")
            raise
        latency = editor.latencies[-1]
        self.tally.check(latency.reason != "error", f"an error in {uri} at {cursor}: {text!r}")
        if uri.endswith(".env"):
            self.tally.check(item is None, "a secret file was completed")
        if item is None:
            return
        assert item.range is not None
        start, end = item.range.start, item.range.end
        self.tally.check(start.line == end.line, f"a range over several lines in {uri}")
        new_text = str(item.insert_text)
        self.tally.check(
            not any(mark in new_text and mark not in text for mark in SPECIAL),
            f"special tokens in {new_text!r}",
        )
        applied = editor.apply(uri, item)
        kept = applied.startswith(text[:cursor]) and len(applied) >= len(text)
        self.tally.check(kept, f"accepting {new_text!r} would lose text in {uri} at {cursor}")

    async def infill(self, uri: str) -> None:
        editor, version = self.editor, self.editor.documents[uri].version
        self.names += 1
        identity = f"soak-{self.names}"
        start, end = self.region(editor.text(uri), 60)
        progress = {"work_done_token": identity} if self.random.random() < 0.5 else {}
        answer = editor.infill(uri, start, end, identity=identity, **progress)
        if self.random.random() < 0.7:
            await asyncio.sleep(self.random.random() / 5)
            editor.cancel(identity)
        try:
            infill = await within(PATIENCE_S, answer)
        except JsonRpcException as error:
            self.tally.check(error.code == WITHDRAWN, f"an infill failed: {error}")
        else:
            self.tally.check(infill["version"] == version, "an infill of another version")
            self.tally.check(infill["reason"] != "error", f"an error filling {uri}")

    async def selected(self, uri: str, cursor: int) -> None:
        where = types.Range(types.Position(0, 0), types.Position(0, 3))
        info = types.SelectedCompletionInfo(where, self.some_text(2))
        await within(PATIENCE_S, self.editor.complete(uri, cursor, AUTOMATIC, info))
        self.tally.check(self.editor.latencies[-1].reason != "error", f"an error in {uri}")

    async def other(self, uri: str, cursor: int) -> None:
        """Everything else that a client may send."""
        editor, notify = self.editor, self.editor.client.protocol.notify
        kind = self.random.choice(["unknown", "rubbish", "settings", "pause", "cursor", "command"])
        if kind == "unknown":
            item = await within(PATIENCE_S, editor.complete("file:///soak/unknown.py", 0))
            self.tally.check(item is None, "a document that is not open was completed")
        elif kind == "rubbish":
            body = self.random.choice(RUBBISH)
            writer = editor.client.protocol.writer
            assert writer is not None
            writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        elif kind == "settings":
            settings = {"prefixTokens": self.random.choice([512, 768, -1]), "maxBlockTokens": 32}
            editor.client.workspace_did_change_configuration(
                types.DidChangeConfigurationParams({"unmask": settings})
            )
        elif kind == "pause":
            await within(PATIENCE_S, editor.request(messages.PAUSE, {}))
            item = await within(PATIENCE_S, editor.complete(uri, cursor))
            self.tally.check(item is None, "a completion while paused")
            await within(PATIENCE_S, editor.request(messages.RESUME, {}))
        elif kind == "cursor":
            position = types.Position(self.random.randint(0, 99), self.random.randint(0, 99))
            identifier = types.TextDocumentIdentifier(uri)
            notify(messages.CURSOR, messages.CursorParams(identifier, position))
        else:
            await editor.client.workspace_execute_command_async(
                types.ExecuteCommandParams(messages.ACCEPTED_COMMAND, [str(self.names)])
            )

    # The whole

    async def in_step(self, uri: str) -> None:
        fine = await within(PATIENCE_S, self.editor.in_step(uri))
        self.tally.check(fine, f"out of step: {uri}")

    async def run(self, edits: int, report_every: float = 30) -> Tally:
        """Make the given number of edits, with requests between them."""
        self.editor.client.workspace_did_change_configuration(
            types.DidChangeConfigurationParams({"unmask": {"maxBlockTokens": 32}})
        )
        uris = list(SAMPLES)
        uri, cursor = uris[0], 0
        reported = time.monotonic()
        for number in range(edits):
            if self.random.random() < 0.02:  # another tab
                uri = self.random.choices(uris, [9] * (len(uris) - 1) + [1])[0]
                cursor = self.click(self.editor.text(uri))
            elif self.random.random() < 0.05:
                cursor = self.click(self.editor.text(uri))
            cursor = await self.edit(uri, cursor)
            self.overtake()
            if len(self.asked) > 20:
                await self.settle()
            if self.random.random() < 0.6:
                await self.request(uri, cursor)
            if number % 25 == 0:
                await self.in_step(uri)
                stats = await within(PATIENCE_S, self.editor.stats())
                if number >= edits * WARM_UP:
                    self.tally.memory.append(stats.rss_bytes)
            if time.monotonic() - reported > report_every:
                reported = time.monotonic()
                print(f"{number} of {edits} edits, {self.tally.passed} checks", flush=True)
        await self.settle()
        for uri in uris:
            await self.in_step(uri)
            self.editor.close(uri)
        stats = await within(PATIENCE_S, self.editor.stats())
        self.tally.check(stats.open_documents == 0, "documents are left open")
        self.tally.check(stats.status.state == "ready", f"the server is {stats.status.state}")
        leaked = [line for line in self.editor.logged if "swordfish" in line or ".env" in line]
        self.tally.check(not leaked, f"a secret was logged: {leaked[:1]}")
        self.tally.check(not self.editor.shown, f"a pop-up: {self.editor.shown[:1]}")
        return self.tally


async def soak(edits: int, seed: int) -> int:
    """Start the server, run the soak test, print the result; returns the exit status."""
    started = time.monotonic()
    editor = Editor.new()
    await editor.start(sys.executable, "-m", "lsp_server", "serve")
    await editor.initialize()
    await editor.until("ready")
    tally = await Soak(editor, seed).run(edits)
    growth = tally.growth()
    tally.check(growth < GROWTH, f"the server has grown by {growth / 1e6:.0f} MB")
    stats = await editor.stats()
    tally.check(await within(PATIENCE_S, editor.quit()) == 0, "the server did not exit in order")
    events = ", ".join(f"{count} {kind}" for kind, count in tally.events.most_common())
    print(f"{edits} edits in {time.monotonic() - started:.0f} s, seed {seed}: {events}")
    print(
        f"server: {stats.requests} answers, {stats.offered} with a text, "
        f"{stats.cancelled} withdrawn, {stats.cache_hits} from the cache; "
        f"withheld {dict(sorted(stats.withheld.items()))}"
    )
    print(f"memory: {tally.memory[-1] / 1e6:.0f} MB, {growth / 1e6:+.1f} MB since warm-up")
    print(f"{tally.passed} passed, {len(tally.failures)} failed")
    return 1 if tally.failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--edits", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    return asyncio.run(soak(arguments.edits, arguments.seed))


if __name__ == "__main__":
    raise SystemExit(main())
