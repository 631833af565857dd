"""Choosing another model in real VS Code: what is offered, what serves meanwhile and afterwards.

The models are tiny and random: what they write is not looked at, only which one wrote it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from lsp_server.models import registry
from tests.e2e.conftest import RECORDER, SETTINGS
from tests.e2e.session import LOADING_MS, Session
from tests.e2e.traffic import Message
from tests.e2e.vscode import Programs, eventually, running
from tests.families.checkpoints import write

pytestmark = pytest.mark.e2e

FIRST, SECOND, BROKEN = "a2d-mdlm", "dream", "broken"
TEXT = "def add(a, b):\n    return \n"


@pytest.fixture(scope="module")
def session(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """VS Code whose server knows two tiny models and a broken one; the first is in use."""
    root = tmp_path_factory.mktemp("models")
    record, cache = root / "traffic.jsonl", root / "cache"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("UNMASK_CACHE", str(cache))
        for name in (FIRST, SECOND, BROKEN):
            write(FIRST if name == BROKEN else name, root / name)
            registry.add(name, str(root / name))
        registry.use(FIRST)
    empty_tensors(root / BROKEN)
    command = ["env", f"UNMASK_CACHE={cache}", sys.executable, str(RECORDER), str(record)]
    server = f'#!/bin/sh\nexec {shlex.join([*command, sys.executable, "-m", "lsp_server"])} "$@"\n'
    with running(programs, SETTINGS, server) as window:
        window.status.locator(".codicon-zap").wait_for(timeout=LOADING_MS)
        window.open("sums.py", TEXT)
        window.go_to(2, 12)
        yield Session(window, record)


def empty_tensors(folder: Path) -> None:
    for file in folder.glob("*.safetensors"):
        file.write_bytes(b"")


def models_offered(session: Session) -> Locator:
    """Run the command; the entries of its list."""
    window = session.window
    window.press("F1")
    box = window.page.locator(".quick-input-widget:visible")
    box.locator("input[type=text]").fill(">Unmask: Choose Model")
    box.locator(".monaco-list-row.focused", has_text="Choose Model").wait_for()
    window.press("Enter")
    entries = box.locator(".monaco-list-row")
    entries.filter(has_text="in use").wait_for()
    return entries


def latest(session: Session) -> Message:
    """What the server said last of its state."""
    return session.traffic.notifications("unmask/status")[-1]


def model_that_answers(session: Session) -> str:
    """The model behind a completion that is asked for now."""
    asked = len(session.traffic.notifications("unmask/latency"))
    session.window.command("Unmask: Trigger Inline Completion")
    costs = eventually("an answer", lambda: session.traffic.notifications("unmask/latency")[asked:])
    session.window.press("Escape")
    return str(costs[0]["model"])


def test_every_model_is_offered_with_what_there_is_to_know(session: Session) -> None:
    entries = models_offered(session)
    session.window.photograph("choose-model")
    said = {name: entries.filter(has_text=name).inner_text() for name in (SECOND, BROKEN)}
    for part in ("parameters", "GB of memory", "apache-2.0", "sees what follows", "runs here"):
        assert part in said[SECOND]
    assert "cannot run here" in said[BROKEN]
    assert FIRST in entries.filter(has_text="in use").inner_text()
    session.window.press("Escape")


def test_choosing_a_model_switches_to_it(session: Session) -> None:
    window = session.window
    assert f"{FIRST}: {FIRST}" in window.tooltip()
    assert model_that_answers(session) == FIRST
    models_offered(session)
    window.choose(SECOND)
    eventually("the second model", lambda: latest(session)["model"]["name"] == SECOND)
    eventually("nothing loads", lambda: "progress" not in latest(session))
    states = {status["state"] for status in session.traffic.notifications("unmask/status")[-3:]}
    assert states == {"ready"}, "the first model served until then"
    window.status.locator(".codicon-zap").wait_for()
    assert f"{SECOND}: {SECOND}" in window.tooltip()
    window.photograph("other-model")
    assert model_that_answers(session) == SECOND


def test_choosing_one_that_cannot_run_explains_and_changes_nothing(session: Session) -> None:
    window = session.window
    serving, told = latest(session), len(session.traffic.notifications("unmask/status"))
    models_offered(session)
    window.choose(BROKEN)
    window.notification(f"cannot switch to {BROKEN}").wait_for()
    window.photograph("cannot-run")
    window.command("Notifications: Clear All Notifications")
    assert model_that_answers(session) == serving["model"]["name"]
    assert len(session.traffic.notifications("unmask/status")) == told


def test_nothing_went_wrong(session: Session) -> None:
    assert session.traffic.errors() == []
    assert session.window.problems() == []
