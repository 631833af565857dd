"""Floors: what a forward takes at least, from what this machine reads and multiplies at best.

Writing a token reads every weight once; a prefill multiplies every weight with every token. Both
rates are measured here, with torch's own kernels and as many threads as the decoders get. The keys
and values that attention reads are left out, so that a floor stays a floor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from lsp_server.models.embedded.spec import Shape

BYTES: Final = {"fp32": 4, "bf16": 2, "int8": 1}
"""Of one weight, by precision."""

_READ: Final = 1 << 29  # bytes; far more than any cache holds
_ROWS: Final = 512  # of the matrices that are multiplied, as in a prefill
_INNER, _OUTER = 2048, 4864
_REPEATS: Final = 5


@dataclass(frozen=True, slots=True)
class Rates:
    """What this machine does at best."""

    read: float  # bytes per second
    int8: float  # operations per second, two for each product of a matrix product
    fp32: float

    @classmethod
    def measure(cls, threads: int) -> Rates:
        """Measure with ``threads`` threads; takes about a second and 0.5 GB."""
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return cls(_read_rate(), _product_rate(torch.int8), _product_rate(torch.float32))
        finally:
            torch.set_num_threads(before)

    def best(self, other: Rates) -> Rates:
        """The best of two measurements, of which the machine may have disturbed one."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Rates(*(max(pair) for pair in pairs))

    def read_ms(self, size: int) -> float:
        """Milliseconds to read ``size`` bytes."""
        return 1000 * size / self.read

    def product_ms(self, operations: int, precision: str) -> float:
        """Milliseconds for the operations of matrix products, in int8 or else in fp32."""
        return 1000 * operations / (self.int8 if precision == "int8" else self.fp32)

    def to_json(self) -> dict[str, Any]:
        """Rates per second."""
        return {name: round(rate) for name, rate in asdict(self).items()}


def weights_read(shape: Shape) -> int:
    """The weights that a forward multiplies with: those of the layers, and the head."""
    return shape.layers * _layer(shape) + shape.vocabulary * shape.width


def prefill_operations(shape: Shape, tokens: int) -> int:
    """The operations of a prefill: all layers, causal attention, the head for the last token."""
    attention = shape.layers * shape.heads * shape.head_width * tokens * (tokens + 1)
    products = tokens * shape.layers * _layer(shape) + attention
    return 2 * (products + shape.vocabulary * shape.width)


def file_read(path: Path) -> int:
    """The bytes of a GGUF file that writing one token reads.

    Of the embedding only one row is read, unless it is the head, too.
    """
    from gguf import GGUFReader

    sizes = {tensor.name: int(tensor.n_bytes) for tensor in GGUFReader(path).tensors}
    embedding = sizes.get("token_embd.weight", 0) if "output.weight" in sizes else 0
    return sum(sizes.values()) - embedding


def _layer(shape: Shape) -> int:
    queries, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
    attention = shape.width * (queries + 2 * keys) + queries * shape.width
    return attention + 3 * shape.width * shape.inner


def _read_rate() -> float:
    data = torch.ones(_READ // 4)
    return _READ / _fastest(lambda: data.sum())


def _product_rate(dtype: torch.dtype) -> float:
    left = torch.ones(_ROWS, _INNER, dtype=dtype)
    right = torch.ones(_INNER, _OUTER, dtype=dtype)
    multiply = torch._int_mm if dtype == torch.int8 else torch.mm
    return 2 * _ROWS * _INNER * _OUTER / _fastest(lambda: multiply(left, right))


def _fastest(work: Callable[[], object]) -> float:
    """The least seconds that ``work`` takes; its first run warms up."""
    work()
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
