"""Opens real VS Code with the extension installed and a sample to type in.

The user's own ``code`` where there is one; else a local code-server with its state in ``.tools/``,
whose address it prints and which runs until Ctrl+C. Does not start the language server: the
extension finds the repository's ``.venv``.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import toolchain

ROOT = toolchain.EXTENSION.parent
SAMPLE = toolchain.SCRIPTS / "sample" / "basket.py"
STATE = toolchain.TOOLS / "vscode"
PORT = 8080
SETTINGS = {
    "chat.disableAIFeatures": True,  # its side bar would cover the sample
    "telemetry.telemetryLevel": "off",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.startupEditor": "none",
}


def open_own(code: str, extension: Path, sample: Path) -> int:
    """Install into the user's VS Code and open a new window; returns the exit status."""
    installed = subprocess.run([code, "--install-extension", str(extension), "--force"])
    if installed.returncode:
        return installed.returncode
    return subprocess.call([code, "--new-window", str(ROOT), str(sample)])


def serve(extension: Path, sample: Path) -> int:
    """Run code-server until it is interrupted; returns the exit status."""
    node, code_server = toolchain.install("node", "workbench")
    STATE.mkdir(parents=True, exist_ok=True)
    configuration = STATE / "config.yaml"  # keeps it from reading the user's own
    configuration.touch()
    settings = STATE / "user" / "User" / "settings.json"
    if not settings.exists():
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps(SETTINGS, indent=2))
    command = [
        str(node / "node"),
        str(code_server),
        f"--config={configuration}",
        f"--user-data-dir={STATE / 'user'}",
        f"--extensions-dir={STATE / 'extensions'}",
    ]
    password = secrets.token_urlsafe(9)
    environment = {key: value for key, value in os.environ.items() if key != "PORT"}
    environment["PASSWORD"] = password
    install = [*command, f"--install-extension={extension}", "--force"]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    port = _free_port()
    print(f"\nOpen {_address(port, sample)}\nPassword: {password}\nCtrl+C ends it.\n", flush=True)
    flags = [
        f"--bind-addr=127.0.0.1:{port}",
        "--auth=password",
        "--disable-telemetry",
        "--disable-update-check",
        "--disable-workspace-trust",  # it is this very repository, and its make was run
    ]
    with (STATE / "code-server.log").open("wb") as log:
        try:
            return subprocess.call([*command, *flags], env=environment, stdout=log, stderr=log)
        except KeyboardInterrupt:
            return 0


def _address(port: int, sample: Path) -> str:
    payload = json.dumps([["openFile", f"vscode-remote://127.0.0.1:{port}{sample}"]])
    return f"http://127.0.0.1:{port}/?folder={quote(str(ROOT))}&payload={quote(payload)}"


def _free_port() -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> int:
    """Build, install, open; the exit status is 1 when a tool cannot be had."""
    try:
        extension = toolchain.package()
        # A copy, so that what is typed leaves the repository as it is.
        sample = STATE / SAMPLE.name
        STATE.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLE, sample)
        code = shutil.which("code")
        return open_own(code, extension, sample) if code else serve(extension, sample)
    except toolchain.ToolError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
