"""What the server answers, tells and counts, with the puppet in the model's place."""

from __future__ import annotations

import pytest
from lsprotocol import types

from lsp_server.server import messages
from tests.protocol.conftest import Stage
from tests.protocol.editor import AUTOMATIC, INVOKED, Editor, becomes, within
from tests.protocol.puppet import TEXT, URI

BODY = TEXT.index("return")  # where the puppet's text is a statement


async def test_announces_what_it_does(editor: Editor) -> None:
    capabilities = editor.capabilities
    assert isinstance(capabilities.inline_completion_provider, types.InlineCompletionOptions)
    assert capabilities.position_encoding == types.PositionEncodingKind.Utf16
    sync = capabilities.text_document_sync
    assert isinstance(sync, types.TextDocumentSyncOptions)
    assert sync.change == types.TextDocumentSyncKind.Incremental


async def test_completes(editor: Editor, stage: Stage) -> None:
    editor.open(URI, TEXT)
    item = await editor.complete(URI)
    assert item is not None
    assert item.insert_text == "a + b"
    assert editor.apply(URI, item) == TEXT + "a + b"
    assert item.command is None
    assert stage.puppet.holes[-1].prompt.prefix == TEXT


async def test_latency_is_told(editor: Editor) -> None:
    editor.open(URI, TEXT)
    await editor.complete(URI)
    (latency,) = editor.latencies
    assert (latency.method, latency.offered, latency.reason) == (
        "textDocument/inlineCompletion",
        True,
        "offered",
    )
    assert latency.ms > 0
    assert latency.p50 == latency.p95 == latency.ms
    assert latency.forwards == messages.ForwardCounts(prefill=1, verify=1, canvas=0)
    assert (latency.tokens, latency.tokens_per_forward, latency.cached) == (3, 3.0, False)
    assert (latency.model, latency.device, latency.version) == ("puppet", "cpu", 1)
    where = types.Position(1, len("    return "))
    assert (latency.uri, latency.position, latency.trigger) == (URI, where, "invoked")


async def test_latency_says_what_was_asked(editor: Editor) -> None:
    editor.open(URI, TEXT + "0\n")
    editor.insert(URI, 0, "#")
    await editor.complete(URI, 1, AUTOMATIC)
    await editor.infill(URI, len(TEXT) + 2, len(TEXT) + 1)
    automatic, infill = editor.latencies
    assert (automatic.position, automatic.trigger) == (types.Position(0, 1), "automatic")
    assert (infill.method, infill.trigger) == ("unmask/infill", "invoked")


async def test_broken_decoder(editor: Editor, stage: Stage) -> None:
    stage.puppet.error = RuntimeError(f"cannot fill {TEXT}")
    editor.open(URI, TEXT)
    assert await editor.complete(URI) is None
    infill = await editor.infill(URI, 0, 3)
    assert (infill["text"], infill["reason"]) == (None, "error")
    stage.puppet.error = None
    assert await editor.complete(URI) is not None
    assert not any("return" in line for line in editor.logged)


async def test_infill_with_progress(editor: Editor, stage: Stage) -> None:
    editor.open(URI, TEXT + "0\n")
    infill = await editor.infill(
        URI, len(TEXT), len(TEXT) + 1, work_done_token="work", partial_result_token="canvas"
    )
    assert (infill["text"], infill["reason"], infill["version"]) == ("a + b", "offered", 1)
    assert infill["range"] == {
        "start": {"line": 1, "character": 11},
        "end": {"line": 1, "character": 12},
    }
    assert (infill["forwards"], infill["accepted"]) == (
        {"prefill": 1, "verify": 1, "canvas": 0},
        {"syntax": 0, "file": 0, "denoiser": 2},
    )
    work = editor.reported("work")
    assert [value["kind"] for value in work] == ["begin", "report", "report", "end"]
    assert work[2]["message"] == "a + b░"
    canvases = editor.reported("canvas")
    assert [canvas["kind"] for canvas in canvases] == ["prefill", "verify"]
    assert canvases[-1]["cells"] == [
        {"text": "a + b", "origin": "base", "state": "committed"},
        {"text": "", "origin": "mask", "state": "mask"},
    ]


async def test_infill_cancelled_by_its_progress(editor: Editor, stage: Stage) -> None:
    stage.puppet.holding = True
    editor.open(URI, TEXT)
    answer = editor.infill(URI, 0, 3, work_done_token="work")
    await becomes(stage.puppet.begun.is_set)
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams("work"))
    infill = await within(120, answer)
    assert (infill["text"], infill["reason"]) == (None, "cancelled")
    assert editor.reported("work")[-1]["kind"] == "end"


async def test_cancelling_a_replaced_infill_leaves_the_newest_alone(
    editor: Editor, stage: Stage
) -> None:
    stage.puppet.holding = stage.puppet.deaf = True
    editor.open(URI, TEXT)
    replaced = editor.infill(URI, BODY, len(TEXT), work_done_token="replaced")
    await becomes(stage.puppet.begun.is_set)
    newest = editor.infill(URI, BODY, len(TEXT))
    editor.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams("replaced"))
    await editor.client.protocol.send_request_async("unmask/stats", {})  # the server has read both
    stage.puppet.holding = stage.puppet.deaf = False
    assert (await within(120, replaced))["reason"] == "cancelled"
    assert (await within(120, newest))["reason"] == "offered"


async def test_accepted_is_counted_once(stage: Stage) -> None:
    editor = Editor.new()
    await stage.connect(editor)
    await editor.initialize({"acceptedCommand": True})
    await editor.until("ready", 10)
    editor.open(URI, TEXT)
    item = await editor.complete(URI)
    assert item is not None
    assert item.command is not None
    editor.insert(URI, len(TEXT), str(item.insert_text))
    await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams(item.command.command, item.command.arguments)
    )
    assert (await editor.stats()).accepted == 1
    await editor.quit()


async def test_accepting_is_seen_in_the_text(editor: Editor) -> None:
    editor.open(URI, TEXT)
    await editor.complete(URI)
    end = editor.insert(URI, len(TEXT), "a")  # typed through
    assert (await editor.stats()).accepted == 0
    editor.insert(URI, end, " + b")
    assert (await editor.stats()).accepted == 1


async def test_closed_document_is_forgotten(editor: Editor, stage: Stage) -> None:
    editor.open(URI, TEXT)
    assert await editor.complete(URI) is not None
    editor.close(URI)
    assert await editor.complete(URI) is None
    stage.puppet.text = "b + a"
    editor.open(URI, TEXT)
    item = await editor.complete(URI)
    assert item is not None
    assert item.insert_text == "b + a"


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("trigger", [INVOKED, AUTOMATIC])
async def test_closing_a_document_ends_what_is_asked_about_it(
    editor: Editor, stage: Stage, deaf: bool, trigger: types.InlineCompletionTriggerKind
) -> None:
    """Also when the text was found before anything could look whether it is still wanted."""
    stage.puppet.holding, stage.puppet.deaf = True, deaf
    editor.open(URI, TEXT)
    asked = editor.ask(URI, trigger=trigger)
    await becomes(stage.puppet.begun.is_set)
    editor.close(URI)
    await editor.stats()  # so that closing has been handled
    stage.puppet.holding = False
    assert await within(60, asked) is None
    assert (await editor.stats()).withheld == {"closed": 1}
    assert list(stage.server.offers.texts(URI)) == []
    await becomes(lambda: stage.puppet.forgotten == [URI])
    stage.puppet.text = "b + a"
    editor.open(URI, TEXT)
    item = await within(60, editor.complete(URI))
    assert item is not None
    assert item.insert_text == "b + a", "nothing is left of the answer from before"


async def test_closing_a_document_leaves_the_others(editor: Editor, stage: Stage) -> None:
    stage.puppet.holding = True
    editor.open("file:///project/other.py", TEXT)
    editor.open(URI, TEXT)
    asked = editor.ask(URI)
    await becomes(stage.puppet.begun.is_set)
    editor.close("file:///project/other.py")
    await editor.stats()
    stage.puppet.holding = False
    assert await within(60, asked) is not None


async def test_copilot_dialect(stage: Stage) -> None:
    editor = Editor.new()
    await stage.connect(editor)
    await editor.initialize({"editorPluginInfo": {"name": "other", "version": "1"}})
    await editor.until("ready", 10)
    assert editor.others[-1] == "Normal"
    editor.open(URI, TEXT)
    item = await editor.complete(URI)
    assert item is not None
    notify = editor.client.protocol.notify
    notify(messages.DID_FOCUS, {"textDocument": {"uri": URI}})
    notify(messages.DID_SHOW, messages.ShownParams(item))
    notify(messages.DID_PARTIALLY_ACCEPT, messages.PartialAcceptParams(item, 1))
    stats = await editor.stats()
    assert (stats.shown, stats.partially_accepted) == (1, 1)
    await editor.request(messages.PAUSE, {})
    assert editor.others[-1] == "Inactive"
    await editor.quit()


async def test_automatic_completion_asks_for_manners(editor: Editor, stage: Stage) -> None:
    """The kind of the last change reaches the gate."""
    editor.open(URI, TEXT + "ab")
    editor.replace(URI, len(TEXT), len(TEXT) + 2, "")
    assert await editor.complete(URI, trigger=AUTOMATIC) is None
    assert editor.latencies[-1].reason == "not-typed"
    editor.insert(URI, len(TEXT) - 1, " ")
    assert await editor.complete(URI, trigger=AUTOMATIC) is not None
