"""What the server does when, with the puppet in the model's place."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcRequestCancelled

from lsp_server.models.interfaces import ModelError
from lsp_server.server import messages
from lsp_server.server import server as server_module
from lsp_server.syntax import tree
from tests.protocol.conftest import Stage
from tests.protocol.editor import AUTOMATIC, INVOKED, Editor, within

URI = "file:///project/sums.py"
TEXT = "def add(a, b):\n    return "


async def becomes(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


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
    monkeypatch.setattr(server_module, "PAUSE_S", 3600)  # nothing is warmed
    await configure(editor, {"languages": {"*": True, "javascript": False}})
    editor.open("file:///project/off.js", "let sum = ", "javascript")
    assert await within(60, editor.complete("file:///project/off.js")) is None
    editor.open(URI, TEXT)
    editor.replace_all(URI, [(0, 0, "#\n"), (0, 0, "#\n"), (0, 0, "#\n")])
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


async def test_warms_where_typing_pauses_and_gives_way(editor: Editor, stage: Stage) -> None:
    editor.open(URI, TEXT)
    await becomes(lambda: bool(stage.puppet.warmed))
    assert stage.puppet.warmed[-1].prompt.prefix == TEXT
    stage.puppet.holding = True
    stage.puppet.begun.clear()
    editor.insert(URI, len(TEXT), "a")
    await becomes(stage.puppet.begun.is_set)
    assert stage.puppet.warmed[-1].prompt.prefix == TEXT + "a"
    stopped = stage.puppet.stopped
    answer = editor.ask(URI)
    await becomes(lambda: stage.puppet.stopped == stopped + 1)
    stage.puppet.holding = False
    await within(120, answer)


async def test_warms_where_the_cursor_rests(editor: Editor, stage: Stage) -> None:
    editor.open("file:///project/other.py", "x = 1\n")
    editor.open(URI, TEXT)
    cursor = messages.CursorParams(types.TextDocumentIdentifier(URI), types.Position(0, 4))
    editor.client.protocol.notify(messages.CURSOR, cursor)
    await becomes(lambda: any(hole.prompt.prefix == "def " for hole in stage.puppet.warmed))


async def test_requests_while_loading(stage: Stage) -> None:
    editor = Editor.new()
    stage.puppet.loaded.clear()
    await stage.connect(editor)
    await editor.initialize()
    await becomes(lambda: any(status.progress == 0.5 for status in editor.statuses))
    status = editor.statuses[-1]
    assert (status.state, status.message) == ("loading", "waking the puppet")
    editor.open(URI, TEXT)
    assert await within(120, editor.complete(URI)) is None
    infill = await within(120, editor.infill(URI, 0, 3))
    assert (infill["text"], infill["reason"]) == (None, "loading")
    stage.puppet.loaded.set()
    ready = await editor.until("ready", 10)
    assert ready.model is not None
    assert (ready.model.name, ready.progress) == ("puppet", None)
    assert await editor.complete(URI) is not None
    await editor.quit()


async def test_model_that_cannot_be_loaded(stage: Stage) -> None:
    editor = Editor.new()
    stage.puppet.load_error = ModelError("the model is not on this machine yet; run it")
    await stage.connect(editor)
    await editor.initialize()
    status = await editor.until("error", 10)
    assert status.message == "the model is not on this machine yet; run it"
    editor.open(URI, TEXT)
    assert await editor.complete(URI) is None
    stage.puppet.load_error = None
    editor.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"unmask": {"maxTokens": 9}})
    )
    await editor.until("ready", 10)
    assert not editor.shown
    await editor.quit()


async def test_settings_at_the_start_are_those_of_the_first_load(stage: Stage) -> None:
    editor = Editor.new()
    editor.configuration = {"threads": 1}
    await stage.connect(editor)
    await editor.initialize({"settings": {"maxTokens": 7, "threads": 2}})
    await editor.until("ready", 10)
    (settings,) = stage.puppet.loads
    assert (settings.max_tokens, settings.threads) == (7, 1)
    await editor.quit()


async def configure(editor: Editor, settings: object) -> None:
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    await editor.stats()  # handled by now


@pytest.mark.parametrize("nested", [True, False])
async def test_settings_change(editor: Editor, stage: Stage, nested: bool) -> None:
    settings = {"maxTokens": 5, "languages": {"*": True, "markdown": False}}
    await configure(editor, {"unmask": settings} if nested else settings)
    editor.open(URI, TEXT)
    await becomes(lambda: stage.server.engine.settings.max_tokens == 5)
    assert await editor.complete(URI) is not None
    assert len(stage.puppet.loads) == 1, "nothing that needs another model has changed"
    editor.open("file:///project/notes.md", "# Notes about addition\n", "markdown")
    assert await editor.complete("file:///project/notes.md") is None
    assert editor.latencies[-1].reason == "language-off"


async def test_settings_that_need_another_model(editor: Editor, stage: Stage) -> None:
    await configure(editor, {"unmask": {"precision": "fp32"}})
    await becomes(lambda: len(stage.puppet.loads) == 2)
    await editor.until("ready", 10)
    assert stage.puppet.loads[-1].precision == "fp32"


@pytest.mark.parametrize("settings", [{"maxTokens": 0}, {"languages": 3}, {"unmask": 3}])
async def test_invalid_settings_change_nothing(
    editor: Editor, stage: Stage, settings: object
) -> None:
    before = stage.server.engine.settings
    await configure(editor, settings)
    assert stage.server.engine.settings == before

    async def told() -> None:  # the log travels on its own
        while not any("settings ignored" in line for line in editor.logged):
            await asyncio.sleep(0.02)

    await within(30, told())


async def test_one_wrong_setting_costs_no_other(editor: Editor, stage: Stage) -> None:
    settings = {"threads": "many", "maxTokens": 5, "secretGlobs": ["private/**"]}
    await configure(editor, {"unmask": settings})
    await becomes(lambda: stage.server.engine.settings.max_tokens == 5)
    editor.open("file:///project/private/notes.py", TEXT)
    assert await editor.complete("file:///project/private/notes.py") is None
    assert editor.latencies[-1].reason == "secret-file"

    async def told() -> None:
        while not any("threads must be" in line for line in editor.logged):
            await asyncio.sleep(0.02)

    await within(30, told())


async def test_a_wrong_setting_is_logged_once(editor: Editor) -> None:
    """Editors send all settings whenever one changes."""
    for tokens in (9, 8, 7):
        await configure(editor, {"timeoutMs": "soon", "maxTokens": tokens})
    await configure(editor, {"timeoutMs": "soon", "minConfidence": 7})

    def told() -> list[str]:
        return [line for line in editor.logged if "settings ignored" in line]

    await becomes(lambda: len(told()) >= 2)
    assert ["timeoutMs" in line for line in told()] == [True, False]


async def test_models_are_listed_as_the_settings_would_load_them(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path))
    for precision in ("fp32", "bf16", "auto"):
        await configure(editor, {"precision": precision, "device": "cpu"})
        await editor.until("ready", 10)
        (embedded,) = await editor.request(messages.MODELS, {})
        if precision != "auto":
            assert embedded.precision == precision
    assert not (tmp_path / "machine.json").exists(), "nothing was timed beside a model at work"


async def test_pause_and_resume(editor: Editor) -> None:
    editor.open(URI, TEXT)
    status = await editor.request(messages.PAUSE, {})
    assert status.state == "paused"
    await editor.until("paused", 5)
    assert await editor.complete(URI) is None
    infill = await editor.infill(URI, 0, 3)
    assert (infill["text"], infill["reason"]) == (None, "paused")
    assert infill["message"] == "completions are paused"
    assert (await editor.request(messages.RESUME, {})).state == "ready"
    assert await editor.complete(URI) is not None


async def test_off_for_every_language(editor: Editor) -> None:
    await configure(editor, {"languages": {"*": False}})
    await editor.until("off", 5)
    editor.open(URI, TEXT)
    assert await editor.complete(URI) is None


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
