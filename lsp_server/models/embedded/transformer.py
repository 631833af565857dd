"""The Qwen2 transformer block, written for short forwards over a long cached sequence.

Embeddings, rotary positions, grouped-query attention and the gated MLP, for one sequence or a
batch; differentiable. Equal to ``transformers``' Qwen2 on the same weights (tested).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from lsp_server.models.embedded.rotary import rotary_tables
from lsp_server.models.embedded.spec import Shape
from lsp_server.models.kv_cache import KeyValueCache
from lsp_server.models.quantization import Linear


@dataclass(frozen=True, slots=True)
class Block:
    """The weights of one layer; query, key and value are one matrix, gate and up another."""

    attention_norm: Tensor
    qkv: Linear
    output: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear


class Rotary:
    """Rotary position tables as tensors; the sign of the rotation is folded into the sine."""

    def __init__(self, shape: Shape, device: torch.device | str, dtype: torch.dtype) -> None:
        self._shape, self._device, self._dtype = shape, device, dtype
        self._cos = self._sin = torch.empty(0)

    def at(self, start: int, rows: int) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine for positions start..start+rows-1: (rows, 1, head width)."""
        end = start + rows
        if end > len(self._cos):
            tables = map(torch.from_numpy, rotary_tables(self._shape, max(1024, 2 * end)))
            self._cos, self._sin = (table.to(self._device, self._dtype) for table in tables)
            self._sin[..., : self._shape.head_width // 2].neg_()
        return self._cos[start:end], self._sin[start:end]


def rms_norm(rows: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Root-mean-square normalisation of every row."""
    return functional.rms_norm(rows, (rows.shape[-1],), weight, epsilon)


def attention_mask(rows: int, cache: KeyValueCache, causal: bool, like: Tensor) -> Tensor:
    """Additive mask (rows, reach) for rows that follow the cached ones.

    Hides what lies beyond them, and from each row the rows after it when ``causal``.
    """
    places = torch.arange(cache.reach(rows), device=like.device)
    last = places[:rows] if causal else places[rows - 1 : rows]
    hidden = places > cache.length + last[:, None]
    return torch.zeros_like(hidden, dtype=like.dtype).masked_fill_(hidden, float("-inf"))


class Memory(Protocol):
    """What rows attend to: those before them, and themselves once they are written."""

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Take a layer's new rows, (*batch, rows, key heads, head width) each.

        Returns all keys and values, (*batch, key heads, keys, head width).
        """


def run_block(
    shape: Shape,
    block: Block,
    layer: int,
    rows: Tensor,
    rotary: tuple[Tensor, Tensor],
    mask: Tensor,
    memory: Memory,
) -> Tensor:
    """One layer over ``rows`` (*batch, rows, width), which are written to ``memory``.

    ``mask`` is added to the scores: (*batch, rows, keys), or the same for all of the batch.
    """
    heads, keys = shape.heads, shape.key_heads
    fused = block.qkv(rms_norm(rows, block.attention_norm, shape.epsilon))
    fused = fused.view(*rows.shape[:-1], heads + 2 * keys, shape.head_width)
    turned = rotate(fused[..., : heads + keys, :], *rotary)
    key, value = memory.write(layer, turned[..., heads:, :], fused[..., heads + keys :, :])
    mixed = attend(turned[..., :heads, :], key, value, mask)
    rows = rows + block.output(mixed.flatten(-2))
    gate, up = block.gate_up(rms_norm(rows, block.mlp_norm, shape.epsilon)).chunk(2, -1)
    return rows + block.down(functional.silu(gate) * up)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Grouped-query attention: what each head of each row reads.

    ``query`` (*batch, rows, heads, head width), ``key`` and ``value`` (*batch, key heads, keys,
    head width), ``mask`` as in ``run_block``. Returns (*batch, rows, heads, head width).
    """
    *batch, count, heads, width = query.shape
    keys = key.shape[-3]
    query = query.reshape(*batch, count, keys, heads // keys, width).transpose(-4, -3)
    query = query.reshape(*batch, keys, -1, width) * width**-0.5
    scores = query @ key.transpose(-2, -1)
    scores.view(*batch, keys, count, heads // keys, -1).add_(mask[..., None, :, None, :])
    mixed = scores.softmax(-1) @ value
    mixed = mixed.view(*batch, keys, count, heads // keys, width).transpose(-4, -3)
    return mixed.reshape(*batch, count, heads, width)


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn heads (*batch, rows, heads, head width) to their positions; see ``Rotary.at``."""
    half = heads.shape[-1] // 2
    swapped = torch.cat([heads[..., half:], heads[..., :half]], -1)
    return torch.addcmul(heads * cos, swapped, sin)


class Qwen2:
    """A causal Qwen2 over one cached sequence, or over a batch of them that are equally long."""

    def __init__(
        self,
        shape: Shape,
        embedding: Tensor,
        blocks: Sequence[Block],
        norm: Tensor,
        head: Linear,
        taps: Sequence[int] = (),
    ) -> None:
        """``taps`` names the layers whose inputs ``forward`` hands out beside its result."""
        self.shape, self.blocks, self.norm, self.head = shape, blocks, norm, head
        self.embedding = embedding
        self.dtype, self.device = norm.dtype, norm.device
        self.rotary = Rotary(shape, self.device, self.dtype)
        self.taps = tuple(taps)

    def new_cache(self, batch: Sequence[int] = ()) -> KeyValueCache:
        """An empty cache for one sequence of this model, or for a batch."""
        shape = self.shape
        return KeyValueCache(
            shape.layers,
            shape.key_heads,
            shape.head_width,
            batch=batch,
            dtype=self.dtype,
            device=self.device,
        )

    def embed(self, tokens: Sequence[int] | Tensor) -> Tensor:
        """Embeddings (*tokens, width) in the model's working precision."""
        ids = torch.as_tensor(tokens, device=self.embedding.device)
        return self.embedding[ids].to(device=self.device, dtype=self.dtype)

    def forward(
        self, tokens: Sequence[int] | Tensor, cache: KeyValueCache
    ) -> tuple[Tensor, list[Tensor]]:
        """Run tokens (*batch, tokens) after the cached ones and keep them.

        Returns the final normed states (*batch, tokens, width) and the tapped layers' inputs.
        """
        rows = self.embed(tokens)
        count = rows.shape[-2]
        cache.reserve(count)
        rotary = self.rotary.at(cache.length, count)
        mask = attention_mask(count, cache, True, rows)
        tapped = []
        for layer, block in enumerate(self.blocks):
            if layer in self.taps:
                tapped.append(rows)
            rows = run_block(self.shape, block, layer, rows, rotary, mask, cache)
        cache.advance(count)
        return rms_norm(rows, self.norm, self.shape.epsilon), tapped
