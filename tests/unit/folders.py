"""Tiny model folders, written by hand: right configuration and headers, weights of no meaning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

ADDED = {"<|endoftext|>": 256, "<|mask|>": 257}
QWEN2: dict[str, Any] = {
    "vocab_size": 272,
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
}
DREAM = QWEN2 | {"architectures": ["DreamModel"], "model_type": "Dream", "mask_token_id": 257}


def characters() -> list[str]:
    """GPT-2's printable character for every byte, by byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def tensors(config: dict[str, Any] = QWEN2) -> dict[str, torch.Tensor]:
    """An embedding and a head are enough for what is read from headers."""
    shape = config["vocab_size"], config["hidden_size"]
    return {"model.embed_tokens.weight": torch.zeros(shape), "lm_head.weight": torch.zeros(shape)}


def write_folder(
    folder: Path,
    config: dict[str, Any] = DREAM,
    added: dict[str, int] = ADDED,
    weights: dict[str, torch.Tensor] | None = None,
    roles: dict[str, Any] | None = None,
) -> Path:
    """A folder in the layout of Dream: vocab.json and merges.txt, one file of weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    vocabulary = {character: byte for byte, character in enumerate(characters())}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "added_tokens.json").write_text(json.dumps(added))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": "<|endoftext|>"} | (roles or {}))
    )
    save_file(weights or tensors(), folder / "model.safetensors")
    return folder
