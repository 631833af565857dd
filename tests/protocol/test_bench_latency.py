"""``bench latency`` at the server with the puppet, whose model is scripted: no times are tested."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lsp_server.bench import forward_rows, latency, latency_report, targets
from lsp_server.bench.holes import open_files, samples_folder
from lsp_server.bench.keystrokes import Passage, TypedDocument
from lsp_server.bench.latency import Measured, Session
from lsp_server.bench.situations import COLD, NEW, THROUGH, WARM, WITHHELD, Plan, Score, plan
from lsp_server.bench.typist import Keystroke, Typist, pauses_after
from lsp_server.bench.variants import AS_SET, ONE_AT_A_TIME
from lsp_server.models.interfaces import ModelError
from lsp_server.server.messages import ForwardCounts, Latency
from lsp_server.settings import Settings
from tests.protocol.conftest import Stage
from tests.protocol.editor import Editor

PHASES = {"total": 8.0, "prefill": 4, "verify": 1, "canvas": 1, "gate": 0, "span": 1, "polish": 0.5}


def key(
    forwards: int = 1, cached: bool = False, reason: str = "offered", ms: float = 10.0
) -> Keystroke:
    values: dict[str, Any] = dict.fromkeys(
        ("method", "uri", "position", "trigger", "message", "model", "device", "precision"), ""
    )
    values |= dict.fromkeys(("tokens", "cached_tokens", "version"), 1)
    answer = Latency(
        ms=ms - 1, offered=reason == "offered", reason=reason, cached=cached, phases=PHASES,
        forwards=ForwardCounts(0, forwards, 0), **values,
    )  # fmt: skip
    return Keystroke(ms, answer, True)


WITHHELD_KEY = key(0, reason="text-after-cursor")
CACHED_KEY = key(0, cached=True)


def plans() -> list[Plan]:
    return plan(open_files(sorted(samples_folder().iterdir())), 2, 4, seed=0)


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typist who does not rest, and short documents."""
    for name in ("KEY_S", "PAUSE_S", "_CURSOR_S"):
        monkeypatch.setattr(f"lsp_server.bench.typist.{name}", 0.0)
    monkeypatch.setattr(latency, "REST_S", 0.0)
    monkeypatch.setattr(latency, "LENGTHS", (1_000, 10_000, 20_000, 1_000_000))
    monkeypatch.setattr(latency, "BUSY", (0, 1))


def test_a_typist_pauses_between_words() -> None:
    pausing = [key for key in ("a", "_", "7", "é", " ", "(", "\n    ") if pauses_after(key)]
    assert pausing == [" ", "(", "\n    "]


def test_answers_are_told_apart() -> None:
    assert key().kind == key(0, reason="timeout").kind == "computed"
    assert CACHED_KEY.kind == "cached"
    assert WITHHELD_KEY.kind == "withheld"
    assert key(2, reason="not-confident").kind == "computed"


def test_the_first_computed_answer_at_a_place_is_its_own_situation() -> None:
    score = Score("x")
    score.add([WITHHELD_KEY, key(), key(), CACHED_KEY], COLD)
    score.add([CACHED_KEY, CACHED_KEY, key()], NEW)
    counts: Mapping[str, int] = {name: len(keys) for name, keys in score.keys.items() if keys}
    assert counts == {WITHHELD: 1, COLD: 1, WARM: 1, THROUGH: 3, NEW: 1}


def test_phases_are_all_of_the_time() -> None:
    parts = {name: phase(key()) for name, phase in latency_report.PHASES.items()}
    assert sum(parts.values()) == key().ms
    assert parts["waiting for the model's thread"] == 1.0  # 9 at the server, 8 on the thread
    assert parts["prefill"] == 4.0


async def test_the_server_holds_what_is_typed(stage: Stage, editor: Editor) -> None:
    stage.puppet.text = "return 1"
    typist, chosen = Typist(editor), plans()[0]
    document = TypedDocument.of("file:///a.py", chosen.passages)
    await typist.open(document)
    for place in document.places:
        pressed = await typist.type(document, place, 6)
        assert len(pressed) == 6
        assert pressed[-1].latency.position == place.position
        await typist.rest(document, place, 0)
    assert await editor.in_step("file:///a.py")
    assert editor.text("file:///a.py") == document.text
    typist.close(document)
    assert not editor.documents


async def test_a_text_that_is_typed_then_is_seen(stage: Stage, editor: Editor) -> None:
    file = plans()[0].file
    start = file.text.index("return reservation")
    passage = Passage(file, start, start + len("return reservation"))
    document, typist = TypedDocument.of("file:///b.py", [passage]), Typist(editor)
    await typist.open(document)
    stage.puppet.text = "eturn reservation"
    first = await typist.press(document, document.places[0])
    assert (first.kind, first.followed) == ("computed", True)
    second = await typist.press(document, document.places[0])
    assert (second.kind, second.followed) == ("cached", True)
    typist.close(document)


async def test_a_server_that_is_paused_is_told(editor: Editor) -> None:
    await editor.request("unmask/pause", {})
    document, typist = TypedDocument.of("file:///c.py", plans()[0].passages), Typist(editor)
    await typist.open(document)
    with pytest.raises(ModelError, match="does not serve"):
        await typist.press(document, document.places[0])


async def test_every_situation_is_met_and_reported(stage: Stage, editor: Editor) -> None:
    stage.puppet.text = "zzz"  # nothing that is typed then
    chosen = plans()
    session = Session(editor, Settings(), 4, lambda _: None)
    await session.warm_up(chosen[0])
    measured = Measured(
        start_ms=1.0,
        first_ms=2.0,
        variants=await session.visit_all(chosen),
        lengths=await session.type_in_lengths(chosen, "x = 1\n"),
        windows=await session.type_with_windows(chosen, "x = 1\n"),
        busy=await session.type_beside(chosen),
    )
    assert not editor.documents
    assert [score.name for score in measured.variants] == [AS_SET, ONE_AT_A_TIME]
    for score in measured.variants:
        missing = {name for name, keys in score.keys.items() if not keys}
        assert missing <= {THROUGH, WITHHELD}
        assert len(score.keys[COLD]) == 2 * len(chosen)
    assert stage.puppet.loads, "the model is loaded once"
    assert len(stage.puppet.loads) == 1

    rows = {count: [20.0, 40.0] for count in forward_rows.ROWS}
    shown = "\n".join(map(str, latency_report.tables(measured, rows)))
    for words in ("back to an earlier place", "1000 kB", "2048 tokens before", "1 busy beside"):
        assert words in shown
    aims = latency_report.targets(measured, rows)
    assert "not measured" not in {aim.verdict for aim in aims if "typed through" not in aim.name}
    assert json.dumps(latency_report.to_json(measured, rows) | {"t": targets.to_json(aims)})
    assert latency_report.caption(measured)
