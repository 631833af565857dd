"""What meets a user who has not set everything up: real VS Code without Unmask's server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.vscode import Programs, eventually, running

pytestmark = pytest.mark.e2e


def test_without_a_server_the_user_is_told_what_to_do(programs: Programs) -> None:
    with running(programs) as window:
        window.status.locator(".codicon-error").wait_for()
        message = window.notification("found no language server")
        message.wait_for()
        window.photograph("no-server")
        message.get_by_role("button", name="Choose Program").click()
        window.page.locator(".settings-editor", has_text="Interpreter").wait_for()


def test_the_program_of_a_workspace_is_run_only_if_the_workspace_is_trusted(
    programs: Programs, tmp_path: Path
) -> None:
    trace = tmp_path / "was-run"
    with running(programs, server=f"#!/bin/sh\ntouch '{trace}'\n", trusted=False) as window:
        window.status.locator(".codicon-error").wait_for()
        window.photograph("untrusted")
        assert not trace.exists()
        window.page.get_by_role("button", name="Restricted Mode").click()
        window.page.get_by_role("button", name="Trust", exact=True).click()
        eventually("the program run", trace.exists)


def test_ghost_text_that_is_switched_off_is_pointed_out_once(programs: Programs) -> None:
    with running(programs, {"editor.inlineSuggest.enabled": False}) as window:
        hint = window.notification("editor.inlineSuggest.enabled")
        hint.get_by_role("button", name="Turn On").click()
        eventually(
            "the setting changed", lambda: window.settings()["editor.inlineSuggest.enabled"] is True
        )
        window.page.reload()
        window.status.locator(".codicon-error").wait_for()
        assert not any("inlineSuggest" in problem for problem in window.problems())
