"""Runs the console script ``unmask``, to compare its results with what VS Code shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def complete(path: Path, line: int, column: int) -> dict[str, Any]:
    """``unmask complete`` at a place, counting from 1."""
    return _ask("complete", f"{path}:{line}:{column}")


def infill(path: Path, start: tuple[int, int], end: tuple[int, int]) -> dict[str, Any]:
    """``unmask infill`` of a region, counting from 1, its end exclusive."""
    return _ask("infill", f"{path}:{start[0]}:{start[1]}-{end[0]}:{end[1]}")


def _ask(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "lsp_server", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
