"""The embedded model's forwards on torch: the reference, for every precision and device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lsp_server.models.arrays import Array, Floats
from lsp_server.models.embedded.network import CanvasStates
from lsp_server.models.embedded.spec import SPEC, Shape
from lsp_server.models.embedded.transformer import (
    Block,
    Qwen2,
    attention_mask,
    rms_norm,
    run_block,
)
from lsp_server.models.embedded.weights import Weights
from lsp_server.models.kv_cache import KeyValueCache


class TorchNetwork:
    """The base as ``Qwen2``, and the denoiser's layers on top of it."""

    runtime = "torch"

    def __init__(self, weights: Weights, shape: Shape = SPEC.shape) -> None:
        self.base = read_base(weights, shape)
        self.device = str(weights.device)
        self._weights, self._shape = weights, shape
        self._first = shape.layers - SPEC.canvas_layers
        self._blocks = _blocks(weights, "canvas", self._first, SPEC.canvas_layers)
        self._norm = weights.vector("canvas.norm")
        self._canvas_head = weights.linear("canvas.head")
        self._masks = weights.vector("canvas.masks")
        self._features = weights.vector("canvas.features")
        self._pending = weights.vector("canvas.pending")
        self._pending_to_masks = weights.vector("canvas.pending_to_masks")
        self._of_state = weights.vector("canvas.coupling.state")

    def new_cache(self) -> KeyValueCache:
        """An empty cache for one sequence."""
        return self.base.new_cache()

    def embed(self, tokens: Sequence[int] | Array) -> Floats:
        """Embeddings (tokens, width)."""
        return _array(self.base.embed(torch.as_tensor(tokens)))

    def vector(self, name: str) -> Array:
        """A tensor by its name."""
        vector = self._weights.vector(name)
        return _array(vector) if vector.is_floating_point() else vector.cpu().numpy()

    @torch.inference_mode()
    def forward(self, tokens: Sequence[int], cache: KeyValueCache) -> Floats:
        """See ``Network``."""
        states, tapped = self.base.forward(tokens, cache)
        return _array(torch.stack([*tapped, states], 1))

    @torch.inference_mode()
    def head(self, states: Floats) -> Floats:
        """Logits (rows, vocabulary) of states (rows, width)."""
        return _array(self.base.head(self._tensor(states)))

    @torch.inference_mode()
    def denoise(
        self, feature: Floats, pending: int, masks: int, cache: KeyValueCache
    ) -> CanvasStates:
        """See ``Network``."""
        embedded = self.base.embed([pending])
        rows = self._masks[:masks] + functional.linear(self._tensor(feature)[None], self._features)
        rows = rows + functional.linear(embedded, self._pending_to_masks)
        first = rows[:1] + functional.linear(embedded, self._pending)
        rows = torch.cat([first, rows[1:]])
        cache.reserve(masks)
        rotary = self.base.rotary.at(cache.length, masks)
        mask = attention_mask(masks, cache, False, rows)
        for index, block in enumerate(self._blocks):
            rows = run_block(self._shape, block, self._first + index, rows, rotary, mask, cache)
        states = rms_norm(rows, self._norm, self._shape.epsilon)
        of_state = functional.linear(
            functional.layer_norm(states, states.shape[-1:]), self._of_state
        )
        return CanvasStates(_array(self._canvas_head(states)), _array(of_state))

    def _tensor(self, array: Floats) -> Tensor:
        return torch.from_numpy(array).to(self.base.device, self.base.dtype)


def read_base(weights: Weights, shape: Shape = SPEC.shape) -> Qwen2:
    """The base model alone."""
    return Qwen2(
        shape,
        weights.vector("embedding"),
        _blocks(weights, "blocks", 0, shape.layers),
        weights.vector("norm"),
        weights.linear("head"),
        taps=SPEC.taps,
    )


def _array(tensor: Tensor) -> Floats:
    return np.asarray(tensor.float().cpu().numpy())


def _blocks(weights: Weights, kind: str, first: int, count: int) -> list[Block]:
    """``count`` blocks named ``kind``; their norms are those of the base's layers."""
    return [
        Block(
            attention_norm=weights.vector(f"blocks.{first + index}.attention_norm"),
            qkv=weights.linear(f"{kind}.{index}.qkv"),
            output=weights.linear(f"{kind}.{index}.output"),
            mlp_norm=weights.vector(f"blocks.{first + index}.mlp_norm"),
            gate_up=weights.linear(f"{kind}.{index}.gate_up"),
            down=weights.linear(f"{kind}.{index}.down"),
        )
        for index in range(count)
    ]
