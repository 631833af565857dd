"""Builds the extension and starts real VS Code with the real language server and model."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "vscode-extension" / "scripts"))

import toolchain  # noqa: E402  # from the folder that the line above names

from tests.e2e.session import LOADING_MS, Session  # noqa: E402
from tests.e2e.vscode import Programs, running  # noqa: E402

RECORDER = Path(__file__).parent / "recorder.py"
SETTINGS = {
    "unmask.timeoutMs": 60_000,  # tests check what is offered, not how fast
    "unmask.languages": {"*": True, "markdown": False},
    "[html]": {"editor.inlineSuggest.enabled": False},
}


@pytest.fixture(scope="session")
def programs() -> Programs:
    """Node, VS Code, Chromium and the extension, installed and built."""
    try:
        node, _, code_server, browser = toolchain.install(
            "node", "extension", "workbench", "browser"
        )
        toolchain.package()
    except toolchain.ToolError as error:
        pytest.fail(str(error), pytrace=False)
    return Programs(node / "node", code_server, browser, toolchain.VSIX)


@pytest.fixture(scope="module")
def session(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """VS Code that finds ``unmask`` in the workspace's ``.venv``, with a model that is ready."""
    record = tmp_path_factory.mktemp("record") / "traffic.jsonl"
    command = [sys.executable, str(RECORDER), str(record), sys.executable, "-m", "lsp_server"]
    server = f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'
    with running(programs, SETTINGS, server) as window:
        window.status.locator(".codicon-zap").wait_for(timeout=LOADING_MS)
        yield Session(window, record)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take a screenshot of the window when a test fails."""
    report = yield
    session = getattr(item, "funcargs", {}).get("session")
    if report.failed and isinstance(session, Session):
        picture = session.window.photograph(f"failure-{item.name}")
        report.sections.append(("photograph", str(picture)))
    return report
