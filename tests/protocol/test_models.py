"""The real server and a tiny model of every family: listed, switched to, asked, withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcRequestCancelled

from lsp_server.models import registry
from lsp_server.server import messages
from tests.families.checkpoints import RECIPES, write
from tests.protocol.conftest import SERVE
from tests.protocol.editor import Editor, within

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAMILIES = sorted(RECIPES)
FIRST = "a2d-mdlm"
BROKEN = "broken"
URI = "file:///project/sums.py"
TEXT = "def add(a, b):\n    return \n\n\nprint(add(1, 2))\n"
HOLE = TEXT.index("\n\n\n")
SETTINGS = {
    "model": FIRST,
    "precision": "fp32",
    "threads": 1,
    "maxTokens": 6,
    "maxBlockTokens": 64,
    "prefixTokens": 64,
    "suffixTokens": 32,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    """An editor whose server has tiny models on its shelf, and no embedded one."""
    root = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("UNMASK_CACHE", str(root / "cache"))
        for name in [*FAMILIES, BROKEN]:
            write(FIRST if name == BROKEN else name, root / name)
            registry.add(name, str(root / name))
        cut_off(root / BROKEN)
        editor = Editor.new()
        await editor.start(*SERVE)
    await editor.initialize({"settings": SETTINGS})
    status = await settled(editor)
    assert (status.state, name_of(status)) == ("ready", FIRST)
    editor.open(URI, TEXT)
    yield editor
    assert not editor.shown, "the server showed a pop-up"
    assert await editor.quit() == 0


@pytest_asyncio.fixture(params=FAMILIES, scope="module", loop_scope="module")
async def family(editor: Editor, request: pytest.FixtureRequest) -> str:
    """A family that serves; what is asked of one is asked in a row."""
    status = await choose(editor, request.param)
    assert (status.state, status.message, name_of(status)) == ("ready", "", request.param)
    return str(request.param)


def cut_off(folder: Path) -> None:
    """Leave half of every tensor file."""
    for file in folder.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


async def settled(editor: Editor) -> messages.Status:
    """Wait until nothing is being loaded."""
    async with asyncio.timeout(120):
        while not editor.statuses or editor.statuses[-1].progress is not None:
            await asyncio.sleep(0.02)
    return editor.statuses[-1]


async def choose(editor: Editor, name: str) -> messages.Status:
    """Set the model; the status once nothing is being loaded."""
    settings = {"unmask": {**SETTINGS, "model": name}}
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    await editor.stats()  # the change is handled by now
    return await settled(editor)


def name_of(status: messages.Status) -> str | None:
    return status.model.name if status.model else None


async def listed(editor: Editor) -> dict[str, messages.ModelListing]:
    models: list[messages.ModelListing] = await editor.request(messages.MODELS, {})
    return {model.name: model for model in models}


async def infilled(editor: Editor, **options: Any) -> dict[str, Any]:
    return await within(120, editor.infill(URI, 0, HOLE, **options))


async def test_models_are_listed(editor: Editor) -> None:
    models = await listed(editor)
    assert list(models) == ["embedded", *sorted([*FAMILIES, BROKEN])]
    first = models[FIRST]
    assert (first.family, first.licence, first.suffix) == (FIRST, "apache-2.0", "seen")
    assert first.parameters > 0
    assert first.memory > 2 * first.parameters
    assert (first.fits, first.problem) == (True, None)
    assert [name for name, model in models.items() if model.in_use] == [FIRST]
    assert (
        models["embedded"].problem
        == "the model is not on this machine yet; run 'unmask model fetch'"
    )
    assert (models[BROKEN].fits, bool(models[BROKEN].problem)) == (False, True)


async def test_every_family_serves(editor: Editor, family: str) -> None:
    assert [name for name, model in (await listed(editor)).items() if model.in_use] == [family]

    await within(120, editor.complete(URI, HOLE))
    latency = editor.latencies[-1]
    assert latency.model == family
    assert latency.reason not in ("error", "loading", "timeout")
    assert latency.forwards.canvas > 0
    assert latency.forwards.verify == 0

    infill = await infilled(editor, partial_result_token=family)
    canvases = editor.reported(family)
    assert infill["reason"] not in ("error", "loading", "timeout")
    assert infill["forwards"]["canvas"] > 0
    assert sum(canvas["kind"] == "canvas" for canvas in canvases) == infill["forwards"]["canvas"]


async def test_every_family_stops_between_forwards(editor: Editor, family: str) -> None:
    before = (await editor.stats()).cancelled
    answer = editor.infill(
        URI, 0, HOLE, identity=f"stop {family}", partial_result_token=f"stop {family}"
    )
    while not editor.reported(f"stop {family}"):
        assert not answer.done()
        await asyncio.sleep(0.002)
    editor.cancel(f"stop {family}")
    with pytest.raises(JsonRpcException) as error:
        await within(120, answer)
    assert error.value.code == JsonRpcRequestCancelled.CODE
    assert (await editor.stats()).cancelled == before + 1
    assert (await infilled(editor))["reason"] not in ("error", "loading", "timeout")


@pytest.mark.parametrize("name", [BROKEN, "nobody knows it", "embedded"])
async def test_a_model_that_cannot_be_loaded_leaves_the_running_one(
    editor: Editor, name: str
) -> None:
    await choose(editor, FIRST)
    told = len(editor.statuses)
    status = await choose(editor, name)
    assert (status.state, name_of(status)) == ("ready", FIRST)
    assert status.message.endswith(f"; {FIRST} goes on serving")
    assert "\n" not in status.message
    assert all(status.state == "ready" for status in editor.statuses[told:])
    await within(120, editor.complete(URI, HOLE))
    assert editor.latencies[-1].model == FIRST
