"""A small bidirectional Llama in numpy, fp64: the reference for families without golden arrays.

Independent of ``transformers`` and of the code under test: only the tensors come from torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file

Array = NDArray[np.float64]


def compute_logits(folder: Path, ids: Sequence[int]) -> Array:
    """Logits (positions, vocabulary) of a checkpoint with Llama's tensor names and a tied head."""
    config = json.loads((folder / "config.json").read_text())
    weights = {
        name: tensor.double().numpy()
        for shard in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(shard).items()
    }
    embedding = weights["model.embed_tokens.weight"]
    state = embedding[list(ids)]
    for index in range(config["num_hidden_layers"]):
        layer = {
            name.split(".", 3)[3]: tensor
            for name, tensor in weights.items()
            if name.startswith(f"model.layers.{index}.")
        }
        state = state + _attend(
            _normalise(state, layer["input_layernorm.weight"], config), layer, config
        )
        inner = _normalise(state, layer["post_attention_layernorm.weight"], config)
        gate = inner @ layer["mlp.gate_proj.weight"].T
        up = inner @ layer["mlp.up_proj.weight"].T
        state = state + (gate / (1 + np.exp(-gate)) * up) @ layer["mlp.down_proj.weight"].T
    logits: Array = _normalise(state, weights["model.norm.weight"], config) @ embedding.T
    return logits


def _normalise(state: Array, weight: Array, config: Mapping[str, Any]) -> Array:
    scaled: Array = state / np.sqrt((state**2).mean(-1, keepdims=True) + config["rms_norm_eps"])
    return weight * scaled


def _attend(state: Array, layer: Mapping[str, Array], config: Mapping[str, Any]) -> Array:
    width = config["hidden_size"] // config["num_attention_heads"]
    query, key, value = (
        (state @ layer[f"self_attn.{part}_proj.weight"].T).reshape(len(state), -1, width)
        for part in "qkv"
    )
    query, key = _rotate(query, config), _rotate(key, config)
    group = config["num_attention_heads"] // config["num_key_value_heads"]
    key, value = np.repeat(key, group, 1), np.repeat(value, group, 1)
    scores = np.einsum("ihd,jhd->hij", query, key) / np.sqrt(width)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    shares = scores / scores.sum(-1, keepdims=True)
    mixed: Array = np.einsum("hij,jhd->ihd", shares, value).reshape(len(state), -1)
    output: Array = mixed @ layer["self_attn.o_proj.weight"].T
    return output


def _rotate(heads: Array, config: Mapping[str, Any]) -> Array:
    """Rotary positions: the first half of a head's numbers against the second."""
    half = heads.shape[-1] // 2
    frequencies = config["rope_theta"] ** -(np.arange(half) / half)
    angles = np.arange(len(heads))[:, None, None] * frequencies
    left, right = heads[..., :half], heads[..., half:]
    return np.concatenate(
        [
            left * np.cos(angles) - right * np.sin(angles),
            right * np.cos(angles) + left * np.sin(angles),
        ],
        -1,
    )
