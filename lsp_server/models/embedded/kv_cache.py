"""The key-value cache of one sequence: append, truncate, never copy.

Knows shapes and positions; nothing of tokens or attention.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SHORTEST_REACH, _REACH_STEP = 512, 64  # rows


class KeyValueCache:
    """Keys and values of every layer for one sequence, in one growing buffer.

    The buffer has shape (layers, 2, heads, capacity, head width). Rows beyond ``length`` are
    scratch: a canvas pass may write them, the next append overwrites them.

    Attention reads a rounded number of rows (``reach``), of which a mask hides the surplus: matrix
    kernels sum in another order when sizes are small or odd, and a row's result must not depend on
    how many rows were run with it (tested bit for bit).
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        width: int,
        capacity: int = 1024,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self._buffer = torch.zeros(layers, 2, heads, capacity, width, dtype=dtype, device=device)
        self.length = 0

    @property
    def bytes(self) -> int:
        """The size of the buffer."""
        return self._buffer.nbytes

    def reserve(self, rows: int) -> None:
        """Make room for ``rows`` more rows, keeping what is there."""
        capacity = self._buffer.shape[3]
        needed = self.reach(rows)
        if needed <= capacity:
            return
        shape = list(self._buffer.shape)
        shape[3] = max(needed, capacity * 2)
        grown = self._buffer.new_zeros(shape)
        grown[:, :, :, : self.length] = self._buffer[:, :, :, : self.length]
        self._buffer = grown

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put rows (rows, heads, width) after the cached ones of a layer.

        Returns the layer's keys and values, (heads, reach, width). ``length`` does not move: call
        ``advance`` once every layer has been written.
        """
        rows = keys.shape[0]
        end, reach = self.length + rows, self.reach(rows)
        store = self._buffer[layer]
        store[0, :, self.length : end] = keys.transpose(0, 1)
        store[1, :, self.length : end] = values.transpose(0, 1)
        return store[0, :, :reach], store[1, :, :reach]

    def rows(self, layer: int) -> tuple[Tensor, Tensor]:
        """The keys and values kept of a layer, (heads, length, width) each."""
        keys, values = self._buffer[layer, :, :, : self.length]
        return keys, values

    def reach(self, rows: int) -> int:
        """How many rows attention reads when ``rows`` follow the cached ones."""
        return max(_SHORTEST_REACH, -(-(self.length + rows) // _REACH_STEP) * _REACH_STEP)

    def advance(self, rows: int) -> None:
        """Keep the ``rows`` rows written last."""
        self.length += rows

    def truncate(self, length: int) -> None:
        """Cut the sequence back to ``length`` rows."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate {self.length} rows to {length}")
        self.length = length
