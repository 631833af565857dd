"""Where the server reads ahead: where typing pauses, or only where the client says so."""

from __future__ import annotations

import asyncio

import pytest
from lsprotocol import types

from lsp_server.server import messages
from lsp_server.server.server import PAUSE_S
from tests.protocol.conftest import Stage
from tests.protocol.editor import AUTOMATIC, Editor, becomes, configure, within
from tests.protocol.puppet import TEXT, URI


async def test_what_follows_an_offered_text_is_written_when_the_user_rests(
    editor: Editor, stage: Stage
) -> None:
    editor.open(URI, TEXT)
    assert await editor.complete(URI, trigger=AUTOMATIC) is not None
    await becomes(lambda: len(stage.puppet.holes) == 2)
    assert stage.puppet.holes[1].prompt.prefix == TEXT + "a + b"
    editor.insert(URI, len(TEXT), "a + b")
    assert await editor.complete(URI, trigger=AUTOMATIC) is not None
    assert editor.latencies[-1].cached
    assert (await editor.stats()).accepted == 1


async def test_nothing_is_read_ahead_before_the_user_rests(editor: Editor, stage: Stage) -> None:
    editor.open(URI, TEXT)
    await becomes(lambda: len(stage.puppet.prefilled) == 1)
    for at, letter in enumerate("return"):
        editor.insert(URI, len(TEXT) + at, letter)
        await asyncio.sleep(PAUSE_S / 5)
    assert len(stage.puppet.prefilled) == 1
    await becomes(lambda: len(stage.puppet.prefilled) == 2)
    assert stage.puppet.prefilled[1].prompt.prefix == TEXT + "return"


@pytest.mark.parametrize("way", ["change", "request", "close", "secret", "pause"])
async def test_reading_ahead_gives_way(editor: Editor, stage: Stage, way: str) -> None:
    stage.puppet.holding = True
    editor.open(URI, TEXT)
    await becomes(lambda: len(stage.puppet.prefilled) == 1)
    if way == "change":
        editor.insert(URI, len(TEXT), "a")
    elif way == "request":
        editor.ask(URI)
    elif way == "close":
        editor.close(URI)
    elif way == "secret":
        await configure(editor, {"secretGlobs": ["sums.py"]})
    else:
        await editor.request(messages.PAUSE, {})
    await becomes(lambda: stage.puppet.stopped >= 1)
    stage.puppet.holding = False


async def test_it_waits_for_the_request_that_is_computed(editor: Editor, stage: Stage) -> None:
    stage.puppet.holding = True
    editor.open(URI, TEXT)
    asked = editor.ask(URI, trigger=AUTOMATIC)
    await becomes(lambda: len(stage.puppet.holes) == 1)
    await asyncio.sleep(3 * PAUSE_S)
    assert (len(stage.puppet.holes), stage.puppet.prefilled) == (1, [])
    stage.puppet.holding = False
    assert await within(60, asked) is not None
    await becomes(lambda: len(stage.puppet.holes) == 2)


async def test_it_begins_when_the_model_is_loaded(stage: Stage) -> None:
    stage.puppet.loaded.clear()
    editor = Editor.new()
    await stage.connect(editor)
    await editor.initialize()
    editor.open(URI, TEXT)
    await asyncio.sleep(2 * PAUSE_S)
    stage.puppet.loaded.set()
    await becomes(lambda: bool(stage.puppet.prefilled))
    await editor.quit()


async def test_the_document_switched_to_is_read_where_it_was_changed_last(
    editor: Editor, stage: Stage
) -> None:
    other = "file:///project/other.py"
    editor.open(URI, TEXT)
    editor.insert(URI, len(TEXT), "area")
    editor.open(other, TEXT)
    editor.insert(other, 0, "#")
    await becomes(lambda: bool(stage.puppet.prefilled))
    assert stage.puppet.prefilled[-1].document == other
    focused = {"textDocument": {"uri": URI}}
    editor.client.protocol.notify(messages.DID_FOCUS, focused)
    await becomes(lambda: stage.puppet.prefilled[-1].document == URI)
    assert stage.puppet.prefilled[-1].prompt.prefix == TEXT + "area"


async def test_a_client_that_tells_the_cursor_says_alone_where_to_read(stage: Stage) -> None:
    editor = Editor.new()
    await stage.connect(editor)
    await editor.initialize({"cursor": True})
    await editor.until("ready", 10)
    editor.open(URI, TEXT)
    editor.insert(URI, len(TEXT), "area")
    await asyncio.sleep(3 * PAUSE_S)
    assert not stage.puppet.prefilled
    cursor = messages.CursorParams(types.TextDocumentIdentifier(URI), types.Position(0, 4))
    editor.client.protocol.notify(messages.CURSOR, cursor)
    await becomes(lambda: bool(stage.puppet.prefilled))
    assert stage.puppet.prefilled[-1].prompt.prefix == "def "
    await editor.quit()
