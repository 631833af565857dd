"""Runs generated Python programs with limits, for their exit status.

Each runs in a process of its own in an empty folder: Python's isolated mode, no environment,
limits on time, memory and file size, and no network if the kernel allows that. At the end the
whole process group is killed. This protects against accidents, not against an attacker.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

Outcome = Literal["passed", "failed", "timeout"]

_FILE_SIZE = 1 << 20  # bytes that the program may write to one file
_PROGRAM = "program.py"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a program."""

    seconds: float = 6.0
    memory: int = 1 << 30  # bytes of address space


LIMITS: Final = Limits()


@cache
def network_can_be_cut() -> bool:
    """Whether this user may start a process without a network."""
    return (
        _unshare() is not None
        and not subprocess.run([*_without_network(), "true"], capture_output=True).returncode
    )


def run(program: str, limits: Limits = LIMITS) -> Outcome:
    """Run a program to its end or its limits; "passed" is exit status 0."""
    command = [sys.executable, "-I", "-B", "-c", _starter(limits)]
    if network_can_be_cut():
        command = [*_without_network(), *command]
    with tempfile.TemporaryDirectory(prefix="unmask-bench-") as folder:
        Path(folder, _PROGRAM).write_text(program, encoding="utf-8", errors="surrogatepass")
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.defpath, "TMPDIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return "failed" if process.wait(limits.seconds) else "passed"
        except subprocess.TimeoutExpired:
            return "timeout"
        finally:
            _end(process)


def run_all(programs: Sequence[str], limits: Limits = LIMITS) -> list[Outcome]:
    """Run programs in parallel, one per processor."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda program: run(program, limits), programs))


def _starter(limits: Limits) -> str:
    """What the child runs first: its limits, then the program.

    Not a preexec_fn: that can hang in a process with threads, as this one.
    """
    values = {
        "RLIMIT_CPU": int(limits.seconds) + 1,
        "RLIMIT_AS": limits.memory,
        "RLIMIT_FSIZE": _FILE_SIZE,
        "RLIMIT_CORE": 0,
    }
    return (
        "import resource, runpy\n"
        f"for name, value in {values!r}.items():\n"
        "    resource.setrlimit(getattr(resource, name), (value, value))\n"
        f"runpy.run_path({_PROGRAM!r}, run_name='__main__')"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _unshare() -> str | None:
    return shutil.which("unshare")


def _without_network() -> list[str]:
    """Enter a namespace without network, as root of a new user namespace if that is allowed."""
    return [_unshare() or "unshare", "--net", "--map-root-user"]
