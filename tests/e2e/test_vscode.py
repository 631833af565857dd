"""Real VS Code, the packaged extension, the real server and the shipped weights.

Every test opens a file of its own; what it types, sees and saves is compared with the command
line, with the disk, and with what the server said.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import command_line
from tests.e2e.session import LOADING_MS, Session
from tests.e2e.traffic import Message
from tests.e2e.vscode import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.model]

SAMPLES = Path(__file__).parent / "samples"
HOLE = "raise NotImplementedError"  # the body of a function that is still to be written …
BODY = (28, 5)  # … and where it is, line and column counting from 1
TYPED = "return "
READING_MS = 2000  # a person looks before typing; the server reads the file meanwhile
UNFINISHED = (SAMPLES / "orders.py").read_text()
ORDERS = UNFINISHED.replace(HOLE, "")


def with_typed(text: str, place: tuple[int, int], typed: str) -> str:
    """``text`` with ``typed`` at a line and column that count from 1."""
    lines = text.split("\n")
    line, column = place
    lines[line - 1] = lines[line - 1][: column - 1] + typed + lines[line - 1][column - 1 :]
    return "\n".join(lines)


def open_with_hole_selected(session: Session, name: str) -> Path:
    """Open the unfinished sample under a name of its own, with the hole selected."""
    path = session.window.open(name, UNFINISHED)
    session.window.go_to(*BODY)
    session.window.press("Shift+End")
    return path


def duration(ms: float) -> str:
    """Milliseconds as the status bar writes them."""
    return f"{int(ms + 0.5)} ms" if ms < 9999.5 else f"{ms / 1000:.1f} s"


def assert_same(item: Message, answer: dict[str, Any]) -> None:
    """An item of the editor is the answer of the command line."""
    assert answer["reason"] == "offered"
    assert item["insertText"] == answer["text"]
    assert item["range"] == answer["range"]


def test_typing_brings_the_ghost_text_of_the_command_line(session: Session, tmp_path: Path) -> None:
    window = session.window
    path = window.open("orders.py", ORDERS)
    window.go_to(*BODY)
    window.page.wait_for_timeout(READING_MS)
    window.type(TYPED)
    ghost = window.wait_for_ghost_text()
    window.photograph("ghost-text")  # the one in the README is from here

    before = with_typed(ORDERS, BODY, TYPED)
    copy = tmp_path / path.name
    copy.write_text(before)
    place = BODY[0], BODY[1] + len(TYPED)
    answer = command_line.complete(copy, *place)
    assert_same(session.items()[-1], answer)
    assert ghost == answer["text"]

    window.press("Tab")
    assert window.save(path) == with_typed(before, place, ghost)


def test_accepting_a_word_takes_a_part_and_leaves_the_rest(session: Session) -> None:
    window = session.window
    path = window.open("words.py", ORDERS)
    window.go_to(*BODY)
    window.type(TYPED)
    ghost = window.wait_for_ghost_text()
    window.press("Control+ArrowRight")
    eventually("a shorter ghost text", lambda: 0 < len(window.ghost_text()) < len(ghost))
    rest = window.ghost_text()
    window.photograph("accepted-word")
    assert ghost.endswith(rest)
    word = ghost.removesuffix(rest)
    window.press("Escape")
    assert window.save(path) == with_typed(ORDERS, BODY, TYPED + word)


def test_asking_for_a_completion_brings_that_of_the_command_line(session: Session) -> None:
    window = session.window
    text = (SAMPLES / "basket.js").read_text().replace("throw new Error();", "")
    path = window.open("basket.js", text)
    window.go_to(8, 3)
    window.command("Unmask: Trigger Inline Completion")
    ghost = window.wait_for_ghost_text()
    window.photograph("asked")

    answer = command_line.complete(path, 8, 3)
    assert_same(session.items()[-1], answer)
    assert ghost.split() == answer["text"].split()  # lines are drawn apart, and padded

    window.press("Tab")
    assert window.save(path) == with_typed(text, (8, 3), answer["text"])


def test_a_bracket_that_the_editor_closed_is_not_closed_twice(session: Session) -> None:
    window = session.window
    path = window.open("brackets.py", UNFINISHED)
    end = len(ORDERS.split("\n"))
    window.go_to(end, 1)
    window.type("\n\ndef names(orders: list[Order]) -> list[str]:\nreturn sorted(")
    window.wait_for_ghost_text()
    window.photograph("bracket")
    window.press("Tab")
    saved = window.save(path)
    ast.parse(saved)
    assert saved.split("return sorted(")[1].strip() != ")"


def test_infilling_a_selection_is_one_undo_step(session: Session, tmp_path: Path) -> None:
    window = session.window
    path = open_with_hole_selected(session, "infill.py")
    window.command("Unmask: Infill Selection")
    eventually("the selection replaced", lambda: HOLE not in window.shown())
    window.photograph("infilled")

    copy = tmp_path / path.name
    copy.write_text(UNFINISHED)
    end = BODY[0], BODY[1] + len(HOLE)
    answer = command_line.infill(copy, BODY, end)
    _, result = session.traffic.exchanges("unmask/infill")[-1]
    assert {key: result[key] for key in ("text", "range", "reason")} == {
        key: answer[key] for key in ("text", "range", "reason")
    }
    assert window.save(path) == UNFINISHED.replace(HOLE, answer["text"])

    window.press("Control+Z")
    assert window.save(path) == UNFINISHED


def test_an_infill_replaces_nothing_when_the_document_changed_meanwhile(session: Session) -> None:
    window = session.window
    path = open_with_hole_selected(session, "meanwhile.py")
    with session.held():
        window.command("Unmask: Infill Selection")
        window.notification("infilling the selection").wait_for()
        window.go_to(1, 1)
        window.type("#")
    window.notification("changed while its selection was being filled").wait_for()
    window.photograph("changed-meanwhile")
    window.command("Notifications: Clear All Notifications")
    assert window.save(path) == "#" + UNFINISHED


def test_an_infill_that_is_cancelled_replaces_nothing(session: Session) -> None:
    window = session.window
    path = open_with_hole_selected(session, "cancelled.py")
    with session.held():
        window.command("Unmask: Infill Selection")
        progress = window.notification("infilling the selection")
        progress.wait_for()
        window.photograph("infilling")
        progress.get_by_role("button", name="Cancel").click()
    progress.wait_for(state="hidden")
    window.press("End")
    window.type("  # kept")
    assert window.save(path) == UNFINISHED.replace(HOLE, f"{HOLE}  # kept")


def test_the_status_bar_shows_what_the_last_completion_cost(session: Session) -> None:
    window = session.window
    before = ORDERS.replace("small", "large")  # not an answer that is cached
    window.open("status.py", with_typed(before, BODY, TYPED))
    window.go_to(BODY[0], BODY[1] + len(TYPED))
    window.command("Unmask: Trigger Inline Completion")
    window.wait_for_ghost_text()
    cost = session.last_cost()
    eventually("the latency", lambda: window.status_text() == duration(cost["ms"]))
    tooltip = window.tooltip()
    forwards = cost["forwards"]
    for part in (
        f"{duration(cost['ms'])}, {cost['tokens']} token",
        f"{forwards['prefill']} prefill, {forwards['verify']} verify, {forwards['canvas']} canvas",
        f"{cost['tokensPerForward']:.2f}",
        f"{duration(cost['p50'])} / {duration(cost['p95'])}",
        cost["model"],
        f"{cost['device']}, {cost['precision']}",
    ):
        assert part in tooltip
    window.status.hover()
    window.page.locator(".monaco-hover:visible", has_text="Unmask").wait_for()
    window.photograph("status-bar")
    window.press("Escape")


def test_the_log_says_how_the_server_was_found_and_what_each_answer_cost(
    session: Session,
) -> None:
    window = session.window
    window.command("Unmask: Show Log")
    window.page.locator(".panel .view-line", has_text="[info]").first.wait_for()
    window.photograph("log")
    log = window.log()
    assert f"starting {window.folder}/.venv/bin/unmask serve" in log
    costs = re.findall(r"inlineCompletion: ([0-9.]+) ms, offered", log)
    cost = session.last_cost()["ms"]
    assert costs[-1] == f"{cost:.1f}"
    assert window.status_text() == duration(cost)
    window.command("View: Toggle Panel Visibility")


def test_pausing_stops_completions_until_resumed(session: Session) -> None:
    window = session.window
    window.open("paused.py", ORDERS)
    window.status.click()
    window.photograph("menu")
    window.choose("Pause")
    window.status.locator(".codicon-debug-pause").wait_for()
    window.go_to(*BODY)
    offered = len(session.items())
    asked = len(session.asked_about())
    window.type(TYPED)
    eventually("requests answered", lambda: len(session.asked_about()) > asked)
    assert window.ghost_text() == ""
    assert len(session.items()) == offered
    window.command("Unmask: Resume")
    window.status.locator(".codicon-zap").wait_for()
    window.type("s")
    assert window.wait_for_ghost_text()


def test_a_language_that_is_off_is_not_asked_about(session: Session) -> None:
    window = session.window
    path = window.open("notes.md", "# Notes\n\n")
    window.status.locator(".codicon-circle-slash").wait_for()
    window.go_to(3, 1)
    window.type("The shop opens at ")
    window.command("Unmask: Trigger Inline Completion")
    window.page.locator(".statusbar-item", has_text="Unmask is off for markdown").wait_for()
    window.photograph("off")
    assert window.save(path) == "# Notes\n\nThe shop opens at "
    assert not any(uri.endswith("notes.md") for uri in session.asked_about())


def test_where_ghost_text_is_off_the_server_is_not_made_to_read(session: Session) -> None:
    window = session.window
    window.open("quiet.html", "<p>\n\n</p>\n")
    window.go_to(2, 1)
    window.type("one")
    window.page.wait_for_timeout(READING_MS)
    window.open("read.py", ORDERS)
    window.go_to(*BODY)

    def read() -> list[str]:
        cursors = session.traffic.notifications("unmask/cursor")
        return [Path(cursor["textDocument"]["uri"]).name for cursor in cursors]

    eventually("the server told to read", lambda: "read.py" in read())
    assert "quiet.html" not in read()
    assert not any(uri.endswith("quiet.html") for uri in session.asked_about())


def test_a_file_of_secrets_gets_none_and_the_user_is_told_why(session: Session) -> None:
    window = session.window
    window.open(".env", "PASSWORD=swordfish\nCONFIRM_PASSWORD=\n")
    window.go_to(2, 18)
    window.command("Unmask: Trigger Inline Completion")
    told = window.page.locator(".statusbar-item", has_text="nothing to offer here")
    told.wait_for()
    assert "secrets" in told.inner_text()
    assert window.ghost_text() == ""


def test_restarting_brings_the_server_back(session: Session) -> None:
    window = session.window
    window.open("restarted.py", ORDERS)
    started = len(session.traffic.notifications("initialize"))
    window.command("Unmask: Restart Server")
    eventually("another server", lambda: len(session.traffic.notifications("initialize")) > started)
    window.status.locator(".codicon-zap").wait_for(timeout=LOADING_MS)
    window.go_to(*BODY)
    window.type(TYPED)
    assert window.wait_for_ghost_text()


def test_a_server_that_dies_is_started_again(session: Session) -> None:
    window = session.window
    started = len(session.traffic.notifications("initialize"))
    session.server.kill()
    eventually("another server", lambda: len(session.traffic.notifications("initialize")) > started)
    window.status.locator(".codicon-zap").wait_for(timeout=LOADING_MS)
    window.open("revived.py", ORDERS)
    window.go_to(*BODY)
    window.type(TYPED)
    assert window.wait_for_ghost_text()
    assert "the server ended by itself" in window.log()


def test_nothing_went_wrong(session: Session) -> None:
    """After all of the above: no error answers, no pop-ups, nothing sent elsewhere."""
    assert session.traffic.errors() == []
    assert session.window.problems() == []
