"""The number of threads that torch computes with."""

from __future__ import annotations

from functools import cache


def use_threads(count: int) -> None:
    """Let torch compute with ``count`` threads, or its default number for 0.

    torch keeps this number per calling thread.
    """
    import torch

    best = _best_threads()
    wanted = count or best
    if wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)


@cache
def _best_threads() -> int:
    """The default number of threads of torch; call it before any other number is set."""
    import torch

    return torch.get_num_threads()
