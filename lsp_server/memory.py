"""How much memory this process holds, now and at its peak, and how much is free.

Knows the operating systems' units.
"""

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


def free_bytes(device: str = "cpu") -> int:
    """What a program may still take: of the machine's memory, or of a graphics card's own."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)
