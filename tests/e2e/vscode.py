"""Real VS Code for the tests: code-server with throw-away state, driven in headless Chromium.

Starts it, does what a user can do in it and reads what a user sees; expectations are in the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from playwright.sync_api import Locator, Page, sync_playwright

T = TypeVar("T")

SHOTS = Path(__file__).parent / "shots"
START_S = 90.0
ACTION_S = 60.0
QUIET: Mapping[str, Any] = {
    "chat.disableAIFeatures": True,
    "editor.minimap.enabled": False,
    "editor.stickyScroll.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.wordBasedSuggestions": "off",
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "extensions.ignoreRecommendations": True,
    "files.autoSave": "off",
    "files.exclude": {".venv": True},
    "git.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.enableExperiments": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
}
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass(frozen=True)
class Programs:
    """The installed programs and the extension."""

    node: Path
    code_server: Path  # its entry script
    browser: Path
    extension: Path  # the VSIX


def eventually(what: str, look: Callable[[], T], seconds: float = ACTION_S) -> T:
    """Poll until the result is true, and return it; fails after a timeout."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what} (seen: {seen!r})"
        time.sleep(0.1)


def plain(text: str) -> str:
    """Text as it is in the document: VS Code draws spaces as no-break spaces."""
    return text.replace("\xa0", " ")


class VSCode:
    """An open VS Code window and its workspace folder."""

    def __init__(self, page: Page, folder: Path, user: Path) -> None:
        self.page = page
        self.folder = folder
        self._user = user

    # What a user does.

    def open(self, name: str, text: str) -> Path:
        """Write a file into the workspace and open it; returns its path."""
        path = self.folder / name
        path.write_bytes(text.encode())
        self.page.locator(".explorer-folders-view .monaco-list-row", has_text=name).dblclick()
        self.editor.hover()  # else the file's tooltip would cover the next entry
        self.page.locator(".tab.active", has_text=name).wait_for()
        self.editor.locator(".view-line").first.wait_for()
        return path

    def go_to(self, line: int, column: int) -> None:
        """Put the cursor at a line and column, counting from 1."""
        self._choose("Control+G", f":{line}:{column}")

    def type(self, text: str) -> None:
        """Type as a person does, key by key."""
        self.page.keyboard.type(text, delay=60)

    def press(self, keys: str) -> None:
        self.page.keyboard.press(keys)

    def command(self, title: str) -> None:
        """Run a command from the command palette."""
        self._choose("F1", f">{title}", wait_for=title)

    def choose(self, label: str) -> None:
        """Choose an entry of the open menu."""
        box = self.page.locator(".quick-input-widget:visible")
        box.locator(".monaco-list-row", has_text=label).click()
        box.wait_for(state="hidden")

    def save(self, path: Path) -> str:
        """Save the open, modified file; returns its text on disk."""
        before = path.stat().st_mtime_ns
        self.press("Control+S")
        eventually(f"{path.name} saved", lambda: path.stat().st_mtime_ns != before)
        self.page.locator(".tab.active:not(.dirty)").wait_for()
        return path.read_bytes().decode()

    def _choose(self, keys: str, text: str, wait_for: str | None = None) -> None:
        box = self.page.locator(".quick-input-widget:visible")
        self.press(keys)
        box.locator("input[type=text]").fill(text)
        if wait_for:
            box.locator(".monaco-list-row.focused", has_text=wait_for).wait_for()
        self.press("Enter")
        box.wait_for(state="hidden")

    # What a user sees.

    @property
    def editor(self) -> Locator:
        return self.page.locator(".editor-instance .monaco-editor").first

    @property
    def status(self) -> Locator:
        """Unmask's item in the status bar."""
        return self.page.locator(".statusbar-item[id='unmask.unmask.unmask.status']")

    def shown(self) -> str:
        """The visible text of the editor."""
        return plain(self.editor.locator(".view-lines").inner_text())

    def status_text(self) -> str:
        return self.status.inner_text().strip()

    def ghost_text(self) -> str:
        """The ghost text that is shown, or ""."""
        parts = self.page.locator(".ghost-text-decoration, .ghost-text").all_inner_texts()
        return plain("".join(parts))

    def tooltip(self) -> str:
        """The tooltip of Unmask's status bar item."""
        self.status.hover()
        hover = self.page.locator(".monaco-hover:visible", has_text="Unmask")
        hover.wait_for()
        text = hover.inner_text()
        self.editor.hover(position={"x": 5, "y": 5})
        hover.wait_for(state="hidden")
        return text

    def log(self) -> str:
        """The extension's log."""
        return "".join(path.read_text() for path in sorted(self._user.rglob("Unmask.log")))

    def settings(self) -> dict[str, Any]:
        """The user's settings on disk."""
        values: dict[str, Any] = json.loads((self._user / "User" / "settings.json").read_text())
        return values

    def notification(self, text: str) -> Locator:
        return self.page.locator(".notification-toast", has_text=text)

    def problems(self) -> list[str]:
        """Every notification that is shown."""
        return self.page.locator(".notification-toast").all_inner_texts()

    def wait_for_ghost_text(self, seconds: float = ACTION_S) -> str:
        return eventually("ghost text", self.ghost_text, seconds)

    def photograph(self, name: str) -> Path:
        """Take a screenshot of the window."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path, animations="disabled")
        return path


@contextmanager
def running(
    programs: Programs,
    settings: Mapping[str, Any] | None = None,
    server: str | None = None,
    trusted: bool = True,
) -> Iterator[VSCode]:
    """VS Code with the extension installed from its VSIX and a folder open.

    ``server`` becomes ``.venv/bin/unmask`` in that folder; it is a shell script. Everything is
    stopped and deleted at the end.
    """
    with ExitStack() as stack:
        root = Path(tempfile.mkdtemp(prefix="unmask-e2e-"))
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        folder = root / "workspace"
        folder.mkdir()
        if server:
            program = folder / ".venv" / "bin" / "unmask"
            program.parent.mkdir(parents=True)
            program.write_text(server)
            program.chmod(0o755)
        (root / "user" / "User").mkdir(parents=True)
        (root / "user" / "User" / "settings.json").write_text(
            json.dumps({**QUIET, **(settings or {})})
        )
        (root / "config.yaml").touch()
        url = stack.enter_context(_code_server(programs, root, trusted))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch_persistent_context(
            root / "profile",
            executable_path=programs.browser,
            headless=True,
            viewport={"width": 1100, "height": 640},
            device_scale_factor=2,
            args=BROWSER_ARGUMENTS,
        )
        stack.callback(browser.close)
        browser.set_default_timeout(ACTION_S * 1000)
        page = browser.pages[0] if browser.pages else browser.new_page()
        page.goto(f"{url}/?folder={quote(str(folder))}")
        page.locator(".monaco-workbench").wait_for(timeout=START_S * 1000)
        window = VSCode(page, folder, root / "user")
        try:
            yield window
        except BaseException:
            window.photograph("failure")
            raise


@contextmanager
def _code_server(programs: Programs, root: Path, trusted: bool) -> Iterator[str]:
    """A running code-server; yields its address."""
    command = [
        str(programs.node),
        str(programs.code_server),
        f"--config={root / 'config.yaml'}",
        f"--user-data-dir={root / 'user'}",
        f"--extensions-dir={root / 'extensions'}",
    ]
    own = {
        **{name: value for name, value in os.environ.items() if name not in {"PORT", "PASSWORD"}},
        "PATH": os.pathsep.join(
            folder
            for folder in os.environ.get("PATH", "").split(os.pathsep)
            if not Path(folder, "unmask").exists()  # the tests choose which one is used
        ),
        "VSCODE_CLI": "1",  # take this environment as it is, instead of a login shell's
        "XDG_CONFIG_HOME": str(root),
        "XDG_DATA_HOME": str(root),
    }
    install = [*command, f"--install-extension={programs.extension}"]
    subprocess.run(install, env=own, check=True, capture_output=True, timeout=START_S)
    port = _free_port()
    flags = [
        f"--bind-addr=127.0.0.1:{port}",
        "--auth=none",
        "--disable-getting-started-override",
        "--disable-proxy",
        "--disable-telemetry",
        "--disable-update-check",
        *(["--disable-workspace-trust"] if trusted else []),
    ]
    log = root / "code-server.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *flags], env=own, stdout=output, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            assert process.poll() is None, f"code-server ended: {log.read_text()}"
            try:
                with urllib.request.urlopen(f"{address}/healthz", timeout=5):
                    return True
            except OSError:
                return False

        eventually("code-server answers", answers, START_S)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
