"""The machine and the versions that a benchmark ran with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import psutil

_FLAGS = (
    "avx",
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_int8",
    "amx_bf16",
)
_PACKAGES = (
    "unmask",
    "openvino",
    "torch",
    "transformers",
    "tokenizers",
    "tree-sitter",
    "pygls",
    "numpy",
)


def machine() -> dict[str, Any]:
    """The properties of processor and memory that affect speed."""
    described = _processor()
    flags = described.get("flags", "").split()
    return {
        "processor": described.get("model name", platform.processor() or platform.machine()),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count(),
        "threads": os.cpu_count(),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "memory_bytes": psutil.virtual_memory().total,
        "load": [round(value, 2) for value in psutil.getloadavg()],
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Python and the packages whose version changes speed or text."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> dict[str, str]:
    """The first processor as Linux describes it; empty elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text("utf-8").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}
