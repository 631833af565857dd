"""The cost of one verifying forward by its number of rows: the drafts that are verified at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from lsp_server.bench.variants import clear_cache, rotated
from lsp_server.models.interfaces import Model, PromptTokens, never

ROWS: Final = (1, 2, 3, 5, 8, 12, 16, 24)
CONTEXT: Final = 512
"""Tokens in the cache."""

_REPEATS: Final = 12


def measure(model: Model, text: str) -> dict[int, list[float]]:
    """Milliseconds of repeated forwards by rows, interleaved; empty for a model without verifier.

    ``text`` is long enough for a context of CONTEXT tokens and the rows.
    """
    verifier = model.verifier
    if verifier is None:
        return {}
    ids = model.tokenizer.encode(text)[: CONTEXT + max(ROWS)]
    context, following = ids[:CONTEXT], ids[CONTEXT:]
    clear_cache(model)
    verifier.prefill(PromptTokens.around(context, []), never)

    def forward(tokens: Sequence[int]) -> float:
        started = time.perf_counter()
        verifier.extend(tokens)
        ms = (time.perf_counter() - started) * 1000
        verifier.truncate(len(tokens))
        return ms

    for rows in ROWS:
        forward(following[:rows])
    taken: dict[int, list[float]] = {rows: [] for rows in ROWS}
    for repeat in range(_REPEATS):
        for rows in rotated(ROWS, repeat):
            taken[rows].append(forward(following[:rows]))
    clear_cache(model)
    return taken
