"""The order of the server's work: cancelling, newer requests, deadlines, reading ahead."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcRequestCancelled

from lsp_server.server import messages
from lsp_server.server import server as server_module
from lsp_server.server.succession import GRACE_S
from lsp_server.syntax import tree
from tests.protocol.conftest import Stage
from tests.protocol.editor import AUTOMATIC, Editor, becomes, configure, within
from tests.protocol.puppet import TEXT, URI


async def test_cancelled_request_stops_between_forwards(editor: Editor, stage: Stage) -> None:
    stage.puppet.holding = True
    editor.open(URI, TEXT)
    answer = editor.ask(URI, identity="withdrawn")
    await becomes(stage.puppet.begun.is_set)
    editor.cancel("withdrawn")
    with pytest.raises(JsonRpcException) as error:
        await within(120, answer)
    assert error.value.code == JsonRpcRequestCancelled.CODE
    await becomes(lambda: stage.puppet.stopped == 1)
    stage.puppet.holding = False
    assert await editor.complete(URI) is not None
    assert (await editor.stats()).cancelled == 1


async def test_latest_request_wins(editor: Editor, stage: Stage) -> None:
    stage.puppet.holding = True
    editor.open(URI, TEXT)
    older = [editor.ask(URI) for _ in range(3)]
    await becomes(stage.puppet.begun.is_set)
    newest = editor.ask(URI)
    assert await within(120, asyncio.gather(*older)) == [None, None, None]
    stage.puppet.holding = False
    assert (await within(120, newest)) is not None
    stats = await editor.stats()
    assert (stats.cancelled, stats.offered) == (3, 1)


async def type_on(editor: Editor, stage: Stage, typed: str) -> asyncio.Future[Any]:
    """Ask, and type while the puppet writes: the first request is withdrawn, a second one sent."""
    stage.puppet.holding = True
    editor.open(URI, TEXT)
    editor.ask(URI, trigger=AUTOMATIC, identity="first").add_done_callback(asyncio.Future.exception)
    await becomes(stage.puppet.begun.is_set)
    editor.insert(URI, len(TEXT), typed)
    editor.cancel("first")
    newer = editor.ask(URI, trigger=AUTOMATIC)
    await editor.stats()  # it has been handled
    return newer


@pytest.mark.parametrize("written", ["", "a", "a +", "a + b"])
async def test_decoding_goes_on_while_the_user_types_what_it_writes(
    editor: Editor, stage: Stage, written: str
) -> None:
    newer = await type_on(editor, stage, "a ")
    stage.puppet.written = written
    await asyncio.sleep(2 * GRACE_S)
    stage.puppet.holding = False
    answer = await within(60, newer)
    assert answer.items[0].insert_text == "+ b"
    assert (len(stage.puppet.holes), stage.puppet.stopped) == (1, 0)
    stats = await editor.stats()
    assert (stats.cancelled, stats.offered, stats.cache_hits) == (1, 1, 1)


async def test_it_goes_on_from_one_request_to_the_next(editor: Editor, stage: Stage) -> None:
    overtaken = await type_on(editor, stage, "a")
    editor.insert(URI, len(TEXT) + 1, " +")
    newest = editor.ask(URI, trigger=AUTOMATIC)
    assert await within(60, overtaken) is None
    stage.puppet.written = "a + b"
    await asyncio.sleep(2 * GRACE_S)
    stage.puppet.holding = False
    assert (await within(60, newest)).items[0].insert_text == " b"
    assert len(stage.puppet.holes) == 1


async def test_it_stops_once_it_writes_something_else(editor: Editor, stage: Stage) -> None:
    newer = await type_on(editor, stage, "bc")
    stage.puppet.written = "b"
    await asyncio.sleep(2 * GRACE_S)
    assert stage.puppet.stopped == 0, "not known yet"
    stage.puppet.written = "bd"
    await becomes(lambda: len(stage.puppet.holes) == 2)
    assert stage.puppet.stopped == 1
    stage.puppet.holding = False
    assert await within(60, newer) is not None


async def test_it_stops_when_the_newest_request_is_withdrawn(editor: Editor, stage: Stage) -> None:
    newer = await type_on(editor, stage, "a")
    newer.add_done_callback(asyncio.Future.exception)
    editor.ask(URI, trigger=AUTOMATIC, identity="last").add_done_callback(asyncio.Future.exception)
    editor.cancel("last")
    await becomes(lambda: stage.puppet.stopped == 1)
    assert len(stage.puppet.holes) == 1


@pytest.mark.parametrize("change", ["delete", "move", "below", "other"])
async def test_it_stops_for_a_request_that_does_not_continue_it(
    editor: Editor, stage: Stage, change: str
) -> None:
    newer = await type_on(editor, stage, "a")
    newer.add_done_callback(asyncio.Future.exception)
    other, offset = URI, len(TEXT) + 1
    if change == "delete":
        editor.replace(URI, len(TEXT), len(TEXT) + 1, "")
        offset = len(TEXT)
    elif change == "move":
        offset = 4
    elif change == "below":
        editor.insert(URI, len(TEXT) + 1, "\nb")
    else:
        other, offset = "file:///project/other.py", len(TEXT)
        editor.open(other, TEXT)
    asked = editor.ask(other, offset, AUTOMATIC)
    await becomes(lambda: stage.puppet.stopped == 1)
    stage.puppet.holding = False
    await within(60, asked)


async def test_an_overtaken_request_has_no_answer_though_it_costs_nothing(
    editor: Editor, stage: Stage
) -> None:
    """Its answer is the rest of an earlier one."""
    editor.open(URI, TEXT + "\n0\n")
    assert await editor.complete(URI, len(TEXT)) is not None
    stage.puppet.holding = True
    infill = editor.infill(URI, len(TEXT) + 1, len(TEXT) + 2)
    await becomes(lambda: len(stage.puppet.holes) == 2)
    older, newer = editor.ask(URI, len(TEXT)), editor.ask(URI, len(TEXT))
    await editor.stats()  # both have been handled
    stage.puppet.holding = False
    await within(60, infill)
    assert await within(60, older) is None
    assert await within(60, newer) is not None
    stats = await editor.stats()
    assert (stats.cancelled, stats.offered, stats.cache_hits) == (1, 3, 1)


@pytest.mark.parametrize("method", [messages.INLINE_COMPLETION, messages.INFILL])
async def test_an_overtaken_request_has_no_answer_though_there_is_a_text(
    editor: Editor, stage: Stage, method: str
) -> None:
    """It was overtaken in the last forward, behind which nothing looks whether to stop."""
    stage.puppet.holding = stage.puppet.deaf = True
    editor.open(URI, TEXT + "0\n")

    def ask() -> asyncio.Future[Any]:
        if method == messages.INFILL:
            return editor.infill(URI, len(TEXT), len(TEXT) + 1)
        return editor.ask(URI, len(TEXT))

    older = ask()
    await becomes(stage.puppet.begun.is_set)
    newer = ask()
    await editor.stats()  # it has been handled
    stage.puppet.holding = False
    answer = await within(60, older)
    assert (answer["reason"] if answer else None) == (
        "cancelled" if method == messages.INFILL else None
    )
    assert await within(60, newer)
    stats = await editor.stats()
    assert (stats.cancelled, stats.offered) == (1, 1)
    assert len(editor.latencies) == 1


async def test_an_automatic_completion_does_not_outwait_its_deadline(
    editor: Editor, stage: Stage
) -> None:
    await configure(editor, {"timeoutMs": 50})
    await becomes(lambda: stage.server.engine.settings.timeout_ms == 50)
    editor.open(URI, TEXT + "\n0\n")
    stage.puppet.holding = True
    infill = editor.infill(URI, len(TEXT) + 1, len(TEXT) + 2)
    await becomes(lambda: len(stage.puppet.holes) == 1)
    assert await within(60, editor.complete(URI, len(TEXT), AUTOMATIC)) is None
    assert editor.latencies[-1].reason == "timeout"
    assert not infill.done(), "who waits for an infill goes on waiting"
    stage.puppet.holding = False
    assert (await within(60, infill))["text"] == "a + b"
    assert len(stage.puppet.holes) == 1, "what was withdrawn is not begun"


async def test_the_deadline_counts_from_the_arrival(editor: Editor, stage: Stage) -> None:
    editor.open(URI, TEXT + "\n0\n")
    stage.puppet.holding = True
    infill = editor.infill(URI, len(TEXT) + 1, len(TEXT) + 2)
    await becomes(lambda: len(stage.puppet.holes) == 1)
    before = time.perf_counter()
    asked = editor.ask(URI, len(TEXT), AUTOMATIC)
    await editor.stats()  # it has been handled
    after = time.perf_counter()
    stage.puppet.holding = False
    assert (await within(60, infill))["text"] == "a + b"
    await within(60, asked)
    timeout = stage.server.engine.settings.timeout_ms / 1000
    assert before <= stage.puppet.holes[-1].deadline - timeout <= after


async def test_nothing_is_parsed_on_the_event_loop(
    editor: Editor, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing at all that the gate refuses."""
    parsed: list[tuple[str, str]] = []
    parse_bytes = tree._parse

    def watched(data: bytes, *rest: Any) -> Any:
        parsed.append((threading.current_thread().name, data.decode()))
        return parse_bytes(data, *rest)

    monkeypatch.setattr(tree, "_parse", watched)
    monkeypatch.setattr(server_module, "PAUSE_S", 3600)  # nothing is read ahead
    await configure(editor, {"languages": {"*": True, "javascript": False}})
    editor.open("file:///project/off.js", "let sum = ", "javascript")
    assert await within(60, editor.complete("file:///project/off.js")) is None
    editor.open(URI, TEXT)
    below = TEXT.index("\n") + 1
    editor.replace_all(URI, [(below, below, "#\n"), (0, 0, "#\n")])
    assert await within(60, editor.complete(URI, trigger=AUTOMATIC)) is None  # several places
    assert parsed == []
    assert await within(60, editor.complete(URI)) is not None
    assert parsed[0] == ("model", editor.text(URI))
    assert {thread for thread, _ in parsed} == {"model"}


async def test_completion_does_not_stop_an_infill(editor: Editor, stage: Stage) -> None:
    stage.puppet.holding = True
    editor.open(URI, TEXT + "0\n")
    infill = editor.infill(URI, len(TEXT), len(TEXT) + 1)
    await becomes(stage.puppet.begun.is_set)
    completion = editor.ask(URI)
    stage.puppet.holding = False
    assert (await within(120, infill))["text"] == "a + b"
    await within(120, completion)


async def test_what_the_gate_refuses_does_not_wait_for_the_model(
    editor: Editor, stage: Stage
) -> None:
    stage.puppet.holding = True
    editor.open(URI, TEXT + "0\n")
    editor.open("file:///project/.env", "PASSWORD=", "dotenv")
    infill = editor.infill(URI, len(TEXT), len(TEXT) + 1)
    await becomes(stage.puppet.begun.is_set)
    assert await within(120, editor.complete("file:///project/.env")) is None
    assert editor.latencies[-1].reason == "secret-file"
    stage.puppet.holding = False
    assert (await within(120, infill))["text"] == "a + b"


async def test_text_is_that_of_the_request(editor: Editor, stage: Stage) -> None:
    """A change right behind a request does not reach into it."""
    editor.open(URI, TEXT)
    answer = editor.ask(URI)
    editor.insert(URI, 0, "# later\n")
    await within(120, answer)
    assert stage.puppet.holes[-1].prompt.prefix == TEXT
    assert editor.latencies[-1].version == 1


async def test_reads_ahead_where_typing_pauses_and_gives_way(editor: Editor, stage: Stage) -> None:
    editor.open(URI, TEXT)
    await becomes(lambda: bool(stage.puppet.prefilled))
    assert stage.puppet.prefilled[-1].prompt.prefix == TEXT
    stage.puppet.holding = True
    stage.puppet.begun.clear()
    editor.insert(URI, len(TEXT), "a")
    await becomes(stage.puppet.begun.is_set)
    assert stage.puppet.prefilled[-1].prompt.prefix == TEXT + "a"
    stopped = stage.puppet.stopped
    answer = editor.ask(URI)
    await becomes(lambda: stage.puppet.stopped == stopped + 1)
    stage.puppet.holding = False
    await within(120, answer)


async def test_reads_ahead_where_the_cursor_rests(editor: Editor, stage: Stage) -> None:
    editor.open("file:///project/other.py", "x = 1\n")
    editor.open(URI, TEXT)
    cursor = messages.CursorParams(types.TextDocumentIdentifier(URI), types.Position(0, 4))
    editor.client.protocol.notify(messages.CURSOR, cursor)
    await becomes(lambda: any(hole.prompt.prefix == "def " for hole in stage.puppet.prefilled))
