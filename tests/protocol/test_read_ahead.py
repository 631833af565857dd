"""Where the server reads ahead: where typing pauses, or only where the client says so."""

from __future__ import annotations

import asyncio

from lsprotocol import types

from lsp_server.server import messages
from lsp_server.server.server import PAUSE_S
from tests.protocol.conftest import Stage
from tests.protocol.editor import Editor, becomes
from tests.protocol.puppet import TEXT, URI


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
