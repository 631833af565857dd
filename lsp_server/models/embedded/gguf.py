"""What is in the weight files: matrices of the base, of the canvas layers, and the tokenizer.

Reads the base's GGUF file and our adapter and hands out named matrices. The adapter's low-rank
deltas are merged here, into copies of the layers that the canvas pass uses, so that nothing
low-rank is left at run time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from lsp_server.models.embedded.spec import SPEC, Shape

COUPLING = ("state", "token", "out")  # matrices of what a token changes in the mask behind it
DELTA_SCALE = 2.0  # of the adapter's low-rank products
_NAMES = {"qkv": "qkv", "output": "o", "gate_up": "gu", "down": "d"}


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight (outputs, inputs) in fp32, with its bias where it has one."""

    name: str
    weight: Tensor
    bias: Tensor | None = None


class Checkpoint:
    """The base's GGUF file and the denoiser adapter, as named tensors."""

    def __init__(self, base: Path, adapter: Path, shape: Shape = SPEC.shape) -> None:
        from gguf import GGUFReader

        self.shape = shape
        self._tensors = {tensor.name: tensor for tensor in GGUFReader(base).tensors}
        self._adapter = load_file(adapter)

    def matrices(self) -> Iterator[Matrix]:
        """Every linear layer: ``blocks.N.*``, ``head``, ``canvas.N.*``, ``canvas.head``."""
        first_canvas = self.shape.layers - SPEC.canvas_layers
        for layer in range(self.shape.layers):
            for matrix in self._block(layer):
                yield Matrix(f"blocks.{layer}.{matrix.name}", matrix.weight, matrix.bias)
                if layer >= first_canvas:
                    merged = matrix.weight + self._delta(layer - first_canvas, matrix.name)
                    name = f"canvas.{layer - first_canvas}.{matrix.name}"
                    yield Matrix(name, merged, matrix.bias)
        head = self._read("output.weight")
        yield Matrix("head", head)
        yield Matrix("canvas.head", head[self._adapter["vocab"].long()])

    def vectors(self) -> dict[str, Tensor]:
        """Everything else: norms and the denoiser's small tensors in fp32, embedding in fp16."""
        norm = self._read("output_norm.weight")
        found = {
            "embedding": self._read("token_embd.weight").half(),
            "norm": norm,
            "canvas.norm": norm * self._adapter["norm"].float(),
            "canvas.vocabulary": self._adapter["vocab"].long(),
            "canvas.masks": self._adapter["mask"].float(),
            "canvas.features": self._adapter["feat.weight"].float(),
            "canvas.pending": self._adapter["tok.weight"].float(),
            "canvas.pending_to_masks": self._adapter["tokm.weight"].float(),
        }
        for name in COUPLING:
            found[f"canvas.coupling.{name}"] = self._adapter[f"coupling.{name}.weight"].float()
        for layer in range(self.shape.layers):
            found[f"blocks.{layer}.attention_norm"] = self._read(f"blk.{layer}.attn_norm.weight")
            found[f"blocks.{layer}.mlp_norm"] = self._read(f"blk.{layer}.ffn_norm.weight")
        return found

    def _block(self, layer: int) -> Iterator[Matrix]:
        name = f"blk.{layer}."
        fused = [torch.cat([self._read(f"{name}attn_{part}.{kind}") for part in "qkv"])
                 for kind in ("weight", "bias")]  # fmt: skip
        yield Matrix("qkv", *fused)
        yield Matrix("output", self._read(f"{name}attn_output.weight"))
        gated = [self._read(f"{name}ffn_{part}.weight") for part in ("gate", "up")]
        yield Matrix("gate_up", torch.cat(gated))
        yield Matrix("down", self._read(f"{name}ffn_down.weight"))

    def _delta(self, layer: int, matrix: str) -> Tensor:
        name = f"layers.{layer}.{_NAMES[matrix]}"
        up, down = self._adapter[f"{name}.B"].float(), self._adapter[f"{name}.A"].float()
        return DELTA_SCALE * up @ down

    def _read(self, name: str) -> Tensor:
        from gguf import dequantize

        tensor = self._tensors[name]
        values = np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type))
        return torch.from_numpy(values.astype(np.float32)).reshape(
            [int(size) for size in reversed(tensor.shape)]
        )


def write_tokenizer(base: Path, target: Path) -> None:
    """Rebuild the tokenizer from the GGUF file and save it in the ``tokenizers`` format."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base.parent, gguf_file=base.name)
    tokenizer.backend_tokenizer.save(str(target))
