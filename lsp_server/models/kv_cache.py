"""The KV cache: rows are appended, truncated and overwritten in place, never copied."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_SHORTEST_REACH, _REACH_STEP = 512, 64  # rows


class KeyValueCache:
    """Keys and values of every layer, one row per position, in one growing buffer.

    The buffer has shape (layers, 2, *batch, heads, capacity, head width); a cache of one sequence
    has no batch. New rows are written at ``length`` over existing ones; rows after them are left
    unchanged, so that a canvas can be run without being kept, or run again between cached rows
    before and after it.

    Attention reads a rounded number of rows (``reach``); a mask hides the surplus. This is because
    matrix kernels sum in another order for small or odd sizes, and a row's result must not depend
    on how many rows are run with it (tested bit for bit).
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        width: int,
        capacity: int = 1024,
        batch: Sequence[int] = (),
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (layers, 2, *batch, heads, capacity, width)
        self._buffer = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0

    @property
    def bytes(self) -> int:
        """The size of the buffer."""
        return self._buffer.nbytes

    def reserve(self, rows: int) -> None:
        """Make room for ``rows`` more rows, keeping what is there."""
        *outer, capacity, width = self._buffer.shape
        needed = self.reach(rows)
        if needed <= capacity:
            return
        grown = self._buffer.new_zeros(*outer, max(needed, capacity * 2), width)
        grown[..., :capacity, :] = self._buffer
        self._buffer = grown

    def write(
        self, layer: int, keys: Tensor, values: Tensor, reach: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Put rows (*batch, rows, heads, width) at ``length`` of a layer.

        Returns the layer's keys and values, (*batch, heads, reach, width) each; ``reach`` is
        rounded unless it is given. ``length`` does not move: call ``advance`` once every layer has
        been written.
        """
        rows = keys.shape[-3]
        end = self.length + rows
        reach = self.reach(rows) if reach is None else reach
        kept_keys, kept_values = self._buffer[layer]
        kept_keys[..., self.length : end, :] = keys.transpose(-3, -2)
        kept_values[..., self.length : end, :] = values.transpose(-3, -2)
        return kept_keys[..., :reach, :], kept_values[..., :reach, :]

    def rows(self, layer: int) -> tuple[Tensor, Tensor]:
        """The keys and values kept of a layer, (*batch, heads, length, width) each."""
        keys, values = self._buffer[layer, ..., : self.length, :]
        return keys, values

    def reach(self, rows: int) -> int:
        """How many rows attention reads when ``rows`` follow the cached ones."""
        return max(_SHORTEST_REACH, -(-(self.length + rows) // _REACH_STEP) * _REACH_STEP)

    def advance(self, rows: int) -> None:
        """Keep the ``rows`` rows behind ``length``."""
        self.length += rows

    def truncate(self, length: int) -> None:
        """Cut the sequence back to ``length`` rows."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate {self.length} rows to {length}")
        self.length = length
