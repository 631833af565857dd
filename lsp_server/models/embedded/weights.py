"""The embedded model's matrices by name: dense from the checkpoint, or int8 from a file of its own.

Matrices are brought into memory one at a time, so that the peak stays near what is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from lsp_server.models.embedded.gguf import Checkpoint
from lsp_server.models.quantization import DenseLinear, Int8Linear, Linear, Quantized, quantize
from lsp_server.models.storage import Progress, replacing


class Weights(Protocol):
    """Named matrices and vectors in one precision."""

    @property
    def dtype(self) -> torch.dtype:
        """The precision that activations are computed in."""

    @property
    def device(self) -> torch.device:
        """Where they live."""

    def linear(self, name: str) -> Linear:
        """A linear layer by its name."""

    def vector(self, name: str) -> Tensor:
        """Anything else by its name."""


class DenseWeights:
    """Every matrix in fp32, fp16 or bf16, on any device."""

    def __init__(self, checkpoint: Checkpoint, dtype: torch.dtype, device: torch.device) -> None:
        self.dtype, self.device = dtype, device
        self._linears = {
            matrix.name: DenseLinear(
                matrix.weight.to(device, dtype),
                None if matrix.bias is None else matrix.bias.to(device, dtype),
            )
            for matrix in checkpoint.matrices()
        }
        self._vectors = {
            name: vector.to(device, dtype if vector.is_floating_point() else vector.dtype)
            for name, vector in checkpoint.vectors().items()
        }

    def linear(self, name: str) -> Linear:
        """A linear layer by its name."""
        return self._linears[name]

    def vector(self, name: str) -> Tensor:
        """Anything else by its name."""
        return self._vectors[name]


class Int8Weights:
    """Every matrix in int8 on the CPU, packed as it is asked for; the embedding stays on disk.

    A mapped file counts as resident memory while it is open, so matrices are read through short
    openings; the embedding's own opening touches only the rows that a text uses.
    """

    dtype = torch.float32
    device = torch.device("cpu")

    def __init__(self, file: Path) -> None:
        self._file = file
        with safe_open(file, "pt") as tensors:
            self._names = frozenset(tensors.keys())
        self._embedding = self._read("embedding")

    def linear(self, name: str) -> Linear:
        """A linear layer by its name."""
        matrix = Quantized(self._read(f"{name}.values"), self._read(f"{name}.scales"))
        bias = f"{name}.bias"
        return Int8Linear(matrix, self._read(bias).clone() if bias in self._names else None)

    def vector(self, name: str) -> Tensor:
        """Anything else by its name."""
        return self._embedding if name == "embedding" else self._read(name).clone()

    def _read(self, name: str) -> Tensor:
        with safe_open(self._file, "pt") as tensors:
            return cast(Tensor, tensors.get_tensor(name))


def write_int8(file: Path, open_checkpoint: Callable[[], Checkpoint], progress: Progress) -> None:
    """Quantise a checkpoint into ``file``, once per machine."""
    checkpoint = open_checkpoint()
    tensors = dict(checkpoint.vectors())
    total = checkpoint.shape.layers * 4
    for index, matrix in enumerate(checkpoint.matrices()):
        progress("quantising", min(1.0, index / total))
        quantized = quantize(matrix.weight)
        tensors[f"{matrix.name}.values"] = quantized.values
        tensors[f"{matrix.name}.scales"] = quantized.scales
        if matrix.bias is not None:
            tensors[f"{matrix.name}.bias"] = matrix.bias.clone()
    with replacing(file) as temporary:
        save_file(tensors, temporary)
