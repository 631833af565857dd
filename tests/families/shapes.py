"""Names and shapes of the families' tensors, as published, for the sizes in ``configs``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.families.configs import HEADS, INNER, KEY_HEADS, LAYERS, WIDTH

HEAD = "lm_head.weight"

Shapes = Callable[[int], Iterator[tuple[str, tuple[int, ...]]]]
"""A checkpoint's tensors, in order, by the rows of its embedding."""


def llama_shapes(
    biases: bool, head_norms: bool, head: bool, head_width: int = WIDTH // HEADS
) -> Shapes:
    """Tensors by the names that Llama, Qwen2 and Qwen3 share."""

    def shapes(rows: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield "model.embed_tokens.weight", (rows, WIDTH)
        for index in range(LAYERS):
            layer = f"model.layers.{index}"
            yield f"{layer}.input_layernorm.weight", (WIDTH,)
            for part, heads in (("q", HEADS), ("k", KEY_HEADS), ("v", KEY_HEADS)):
                yield f"{layer}.self_attn.{part}_proj.weight", (heads * head_width, WIDTH)
                if biases:
                    yield f"{layer}.self_attn.{part}_proj.bias", (heads * head_width,)
            if head_norms:
                yield f"{layer}.self_attn.q_norm.weight", (head_width,)
                yield f"{layer}.self_attn.k_norm.weight", (head_width,)
            yield f"{layer}.self_attn.o_proj.weight", (WIDTH, HEADS * head_width)
            yield f"{layer}.post_attention_layernorm.weight", (WIDTH,)
            yield f"{layer}.mlp.gate_proj.weight", (INNER, WIDTH)
            yield f"{layer}.mlp.up_proj.weight", (INNER, WIDTH)
            yield f"{layer}.mlp.down_proj.weight", (WIDTH, INNER)
        yield "model.norm.weight", (WIDTH,)
        if head:
            yield HEAD, (rows, WIDTH)

    return shapes


def llada_shapes(rows: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Tensors by LLaDA's own names."""
    yield "model.transformer.wte.weight", (rows, WIDTH)
    for index in range(LAYERS):
        block = f"model.transformer.blocks.{index}"
        yield f"{block}.attn_norm.weight", (WIDTH,)
        for part in ("q_proj", "k_proj", "v_proj", "attn_out"):
            yield f"{block}.{part}.weight", (WIDTH, WIDTH)
        yield f"{block}.ff_norm.weight", (WIDTH,)
        yield f"{block}.ff_proj.weight", (INNER, WIDTH)
        yield f"{block}.up_proj.weight", (INNER, WIDTH)
        yield f"{block}.ff_out.weight", (WIDTH, INNER)
    yield "model.transformer.ln_f.weight", (WIDTH,)
    yield "model.transformer.ff_out.weight", (rows, WIDTH)
