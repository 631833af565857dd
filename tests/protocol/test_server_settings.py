"""When the server serves and by which settings: loading, changes, pausing; with the puppet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types

from lsp_server.models.interfaces import ModelError
from lsp_server.server import messages
from tests.protocol.conftest import Stage
from tests.protocol.editor import Editor, becomes, configure, within
from tests.protocol.puppet import TEXT, URI


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


async def test_a_wrong_setting_at_the_start_is_named_to_the_editor(stage: Stage) -> None:
    editor = Editor.new()
    editor.configuration = wrong = {"threads": "many", "maxTokens": 7}
    await stage.connect(editor)
    await editor.initialize({"settings": wrong})
    await editor.until("ready", 10)
    assert [settings.max_tokens for settings in stage.puppet.loads] == [7]

    def told() -> list[str]:
        return [line for line in editor.logged if "threads must be" in line]

    await becomes(lambda: len(told()) == 1)
    await editor.quit()


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


async def test_a_document_that_becomes_secret_is_forgotten(editor: Editor, stage: Stage) -> None:
    editor.open(URI, TEXT)
    assert await editor.complete(URI) is not None
    assert stage.puppet.forgotten == []
    await configure(editor, {"secretGlobs": ["**/sums.py"]})
    await becomes(lambda: stage.puppet.forgotten == [URI])
    assert await editor.complete(URI) is None
