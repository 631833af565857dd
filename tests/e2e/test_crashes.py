"""Servers that die, in real VS Code: what becomes of the typing, the status and the processes.

The model is tiny and random: what it writes is not looked at, only that something comes.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from lsp_server.models import registry
from tests.e2e.conftest import RECORDER, SETTINGS
from tests.e2e.session import LOADING_MS, Session
from tests.e2e.vscode import Programs, eventually, running
from tests.families.checkpoints import write

pytestmark = pytest.mark.e2e

MODEL = "a2d-mdlm"
ANSWER_MS = 1000  # in which the model writes a line
CRASHES = 20
EARLY = 3  # crashes in a row of a server that is not ready yet, which are forgiven
PROVEN_S = 5 + 3  # from ready to a server that is started again at once, and some leeway


@dataclass(frozen=True)
class CrashSession(Session):
    """A session whose servers can be found, whoever their parent is, and made to fail."""

    cache: Path  # the servers have it in their environment, and nobody else has
    broken: Path  # while there is such a file, no server starts
    starts: Path  # has a line for every start

    def servers(self) -> list[psutil.Process]:
        """The language servers that are alive."""
        return [process for process in psutil.process_iter() if self._is_server(process)]

    def started(self) -> int:
        return len(self.starts.read_text().splitlines())

    def ready(self) -> int:
        """How often a server has said that it is ready."""
        statuses = self.traffic.notifications("unmask/status")
        return sum(status["state"] == "ready" for status in statuses)

    def offered(self) -> int:
        """How often a completion was offered."""
        return sum(cost["offered"] for cost in self.traffic.notifications("unmask/latency"))

    def _is_server(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get("UNMASK_CACHE") == str(self.cache)
            return ours and process.cmdline()[1:3] == ["-m", "lsp_server"]
        except psutil.Error:
            return False  # ended meanwhile, or a zombie


@pytest.fixture(scope="module")
def session(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashSession]:
    """VS Code with a tiny model; when it is closed, no server is left."""
    root = tmp_path_factory.mktemp("crashes")
    record, cache, broken, starts = (
        root / name for name in ("record", "cache", "broken", "starts")
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("UNMASK_CACHE", str(cache))
        write(MODEL, root / MODEL)
        registry.add(MODEL, str(root / MODEL))
        registry.use(MODEL)
    settings = {**SETTINGS, "unmask.minConfidence": 0}
    command = [sys.executable, str(RECORDER), str(record), sys.executable, "-m", "lsp_server"]
    server = f"""#!/bin/sh
    echo start >> {shlex.quote(str(starts))}
    if [ -e {shlex.quote(str(broken))} ]; then echo broken on purpose >&2; exit 1; fi
    UNMASK_CACHE={shlex.quote(str(cache))} exec {shlex.join(command)} "$@"
    """
    with running(programs, settings, server) as window:
        session = CrashSession(window, record, cache, broken, starts)
        at_work(session)
        yield session
    eventually("no server left", lambda: not session.servers())


def at_work(session: CrashSession) -> None:
    """Wait until the status is that of a server which can serve."""
    session.window.status.locator(".codicon-zap").wait_for(timeout=LOADING_MS)


def a_completion_comes(session: CrashSession) -> None:
    """In prose: the model's weights are random, and code that breaks the syntax is not offered."""
    before, window = session.offered(), session.window
    window.open("note.txt", "")

    def type_and_ask() -> bool:
        window.type("another word ")
        window.command("Unmask: Trigger Inline Completion")
        window.page.wait_for_timeout(ANSWER_MS)
        return session.offered() > before

    eventually("a completion", type_and_ask)
    window.press("Escape")


def type_line(session: CrashSession, line: str) -> str:
    """Type a line, see that it is there, return it."""
    session.window.type(f"{line}\n")
    eventually("what was typed", lambda: line in session.window.shown())
    return f"{line}\n"


def test_typing_goes_on_while_the_server_dies_twenty_times(session: CrashSession) -> None:
    window = session.window
    path = window.open("crashes.txt", "")
    typed = ""
    killed: set[psutil.Process] = set()
    for crash in range(CRASHES):
        if crash % (1 + EARLY) == 0:
            at_work(session)
            end = time.monotonic() + PROVEN_S
            while time.monotonic() < end:
                typed += type_line(session, f"line {len(typed)} is typed while a server works")
        (server,) = eventually("another server", lambda: set(session.servers()) - killed)
        killed.add(server)
        server.kill()
        typed += type_line(session, f"crash {crash} came before this line was typed")

    at_work(session)
    (server,) = session.servers()
    assert server == session.server
    assert server not in killed
    assert window.save(path) == typed
    a_completion_comes(session)
    assert window.log().count("the server ended by itself") == CRASHES
    assert session.started() == 1 + CRASHES
    assert window.problems() == []


def test_a_server_that_keeps_failing_is_left_alone_until_somebody_restarts_it(
    session: CrashSession,
) -> None:
    window = session.window
    at_work(session)
    window.page.wait_for_timeout(PROVEN_S * 1000)  # or the kill is one crash more of the last test
    session.broken.touch()
    session.server.kill()
    window.status.locator(".codicon-error").wait_for()
    window.photograph("gave-up")
    assert f"failed {1 + EARLY} times in a row" in window.tooltip()
    assert "broken on purpose" in window.log()
    assert session.servers() == []
    started = session.started()
    window.page.wait_for_timeout(5000)
    assert session.started() == started
    assert window.problems() == []

    session.broken.unlink()
    window.status.click()
    window.photograph("gave-up-menu")
    window.choose("Restart Server")
    at_work(session)
    a_completion_comes(session)
    assert len(session.servers()) == 1


def test_restarts_in_quick_succession_leave_one_server(session: CrashSession) -> None:
    window = session.window
    started, ready = session.started(), session.ready()
    for _ in range(3):
        window.command("Unmask: Restart Server")
    for server in session.servers():
        with suppress(psutil.NoSuchProcess):  # a restart was faster
            server.kill()
    window.command("Unmask: Restart Server")
    eventually("another start", lambda: session.started() > started)
    eventually("a server that is ready", lambda: session.ready() > ready)
    at_work(session)
    a_completion_comes(session)
    assert session.servers() == [session.server]


def test_a_server_that_does_not_obey_is_gone_with_its_window(session: CrashSession) -> None:
    window = session.window
    (former,) = session.servers()
    former.suspend()
    window.page.reload()
    eventually("another server", lambda: set(session.servers()) - {former})
    eventually("the former server gone", lambda: former not in session.servers())
    at_work(session)
    eventually("one server", lambda: len(session.servers()) == 1)
