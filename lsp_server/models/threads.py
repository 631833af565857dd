"""The number of threads that a forward computes with."""

from __future__ import annotations

import sys

import psutil


def count_threads(wanted: int) -> int:
    """``wanted``, or for 0 one per physical core; where there are more than two, one is left free.

    An editor is never alone: language servers and builds run beside it.
    """
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return wanted or (cores if cores <= 2 else cores - 1)


def use_threads(wanted: int) -> None:
    """Let torch compute with ``count_threads(wanted)`` threads, once it has been imported.

    torch keeps this number per calling thread.
    """
    if "torch" in sys.modules:
        import torch

        count = count_threads(wanted)
        if count != torch.get_num_threads():
            torch.set_num_threads(count)
