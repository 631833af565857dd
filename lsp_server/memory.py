"""How much memory this process holds, now and at its peak. Knows the operating systems' units."""

from __future__ import annotations

import sys

import psutil


def resident_bytes() -> int:
    """Resident memory now."""
    return int(psutil.Process().memory_info().rss)


def peak_bytes() -> int:
    """The most resident memory since the process started."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
