"""Code that the base writes itself, many texts at once.

A denoiser's canvases follow what the base has written, which is plainer than what people write, so
that is what it is trained on for the most part (as draft heads are: Medusa's self-distillation,
arXiv 2401.10774). Knows token ids and tensors; not what is learnt from them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from lsp_server.models.embedded.transformer import Block, Qwen2, Shape, rms_norm, rotate

Cached = tuple[Tensor, Tensor]
"""Keys and values of one layer, (texts, key heads, tokens, head width) each."""


@torch.no_grad()
def write(
    model: Qwen2, prompts: Sequence[Sequence[int]], count: int, ends: Collection[int]
) -> list[list[int]]:
    """Each prompt with what the base writes behind it, greedily: ``count`` tokens or up to an end.

    The prompts are equally long. One forward writes one token of every text.
    """
    caches = []
    states = []
    for prompt in prompts:
        cache = model.new_cache()
        states.append(model.forward(prompt, cache)[0][-1])
        caches.append([cache.rows(layer) for layer in range(model.shape.layers)])
    known: list[Cached] = [
        (
            _extended([each[0] for each in layer], count),
            _extended([each[1] for each in layer], count),
        )
        for layer in zip(*caches, strict=True)
    ]
    rows, length = torch.stack(states), len(prompts[0])
    written = []
    for place in range(length, length + count):
        tokens = model.head(rows).argmax(-1)
        written.append(tokens)
        rows = model.embed(tokens)
        rotary = model.rotary.at(place, 1)
        for block, layer in zip(model.blocks, known, strict=True):
            rows = _run(model.shape, block, rows, rotary, layer, place)
        rows = rms_norm(rows, model.norm, model.shape.epsilon)
    texts = torch.stack(written, 1).tolist()
    return [[*prompt, *_cut(text, ends)] for prompt, text in zip(prompts, texts, strict=True)]


def _extended(rows: Sequence[Tensor], count: int) -> Tensor:
    """The rows of all texts, with room for ``count`` more of each."""
    return functional.pad(torch.stack(list(rows)), (0, 0, 0, count))


def _run(
    shape: Shape,
    block: Block,
    rows: Tensor,
    rotary: tuple[Tensor, Tensor],
    known: Cached,
    place: int,
) -> Tensor:
    """One layer over one row of every text, at the same place in each."""
    texts = len(rows)
    heads, keys, size = shape.heads, shape.key_heads, shape.head_width
    fused = block.qkv(rms_norm(rows, block.attention_norm, shape.epsilon))
    fused = fused.view(texts, heads + 2 * keys, size)
    turned = rotate(fused[:, : heads + keys], *rotary)
    known[0][:, :, place] = turned[:, heads:]
    known[1][:, :, place] = fused[:, heads + keys :]
    key, value = (each[:, :, : place + 1] for each in known)
    query = turned[:, :heads].view(texts, keys, shape.group, size) * size**-0.5
    mixed = (query @ key.transpose(-1, -2)).softmax(-1) @ value
    rows = rows + block.output(mixed.reshape(texts, heads * size))
    gate, up = block.gate_up(rms_norm(rows, block.mlp_norm, shape.epsilon)).chunk(2, -1)
    return rows + block.down(functional.silu(gate) * up)


def _cut(tokens: list[int], ends: Collection[int]) -> list[int]:
    """The tokens up to the first that ends a text, and that one."""
    end = next((place for place, token in enumerate(tokens) if token in ends), len(tokens))
    return tokens[: end + 1]
