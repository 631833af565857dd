"""``transformers``' own Qwen2 with the weights of ours."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import Qwen2Config, Qwen2ForCausalLM

from lsp_server.models.embedded.transformer import Qwen2
from lsp_server.models.quantization import DenseLinear, Linear


def transformers_model(model: Qwen2) -> Qwen2ForCausalLM:
    """The same weights, not copied, in ``transformers``' class; ``model`` is a dense one."""
    shape = model.shape
    config = Qwen2Config(  # type: ignore[call-arg]  # it takes every config's options
        vocab_size=shape.vocabulary, hidden_size=shape.width, intermediate_size=shape.inner,
        num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads, rms_norm_eps=shape.epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_base},
        tie_word_embeddings=False, attn_implementation="eager",
    )  # fmt: skip
    state = {
        "model.embed_tokens.weight": model.embedding,
        "model.norm.weight": model.norm,
        "lm_head.weight": _dense(model.head).weight,
    }
    sizes = [shape.heads * shape.head_width] + 2 * [shape.key_heads * shape.head_width]
    for index, block in enumerate(model.blocks):
        name = f"model.layers.{index}."
        state[name + "input_layernorm.weight"] = block.attention_norm
        state[name + "post_attention_layernorm.weight"] = block.mlp_norm
        qkv = _dense(block.qkv)
        for part, weight, bias in zip(
            "qkv", qkv.weight.split(sizes), _bias(qkv).split(sizes), strict=True
        ):
            state[f"{name}self_attn.{part}_proj.weight"] = weight
            state[f"{name}self_attn.{part}_proj.bias"] = bias
        state[name + "self_attn.o_proj.weight"] = _dense(block.output).weight
        gate, up = _dense(block.gate_up).weight.chunk(2)
        state[name + "mlp.gate_proj.weight"], state[name + "mlp.up_proj.weight"] = gate, up
        state[name + "mlp.down_proj.weight"] = _dense(block.down).weight
    with torch.device("meta"):
        theirs = Qwen2ForCausalLM(config)
    theirs.load_state_dict(state, assign=True, strict=True)
    theirs.model.rotary_emb = type(theirs.model.rotary_emb)(config)  # has no weights to load
    return theirs.eval()


def _dense(linear: Linear) -> DenseLinear:
    assert isinstance(linear, DenseLinear)
    return linear


def _bias(linear: DenseLinear) -> Tensor:
    assert linear.bias is not None
    return linear.bias
