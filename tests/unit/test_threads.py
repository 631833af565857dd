"""The number of threads that torch computes with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch

from lsp_server.models.threads import use_threads


def test_no_number_of_threads_gives_back_what_torch_found_best() -> None:
    best = torch.get_num_threads()
    with ThreadPoolExecutor(1) as thread:
        counted = []
        for count in (best + 1, best + 2, 0):
            thread.submit(use_threads, count).result()
            counted.append(thread.submit(torch.get_num_threads).result())
    use_threads(0)
    assert counted == [best + 1, best + 2, best]
    assert torch.get_num_threads() == best
