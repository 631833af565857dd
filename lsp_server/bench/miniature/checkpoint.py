"""The miniature as a model folder, in DreamOn's published layout.

Knows the files, keys and tensor names of such a folder, and the sizes of the miniature. Does not
know how it is trained or run: it is loaded like any other model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from lsp_server.models.storage import replacing
from lsp_server.models.tokens import printable_bytes

NAME = "miniature"
END, START, MASK, EXPAND = range(256, 260)  # behind the 256 bytes, whose ids are their values

_ADDED = {"<|endoftext|>": END, "<|beginoftext|>": START, "<|mask|>": MASK, "<|expand|>": EXPAND}
_ROLES = {"eos": "<|endoftext|>", "pad": "<|endoftext|>", "bos": "<|beginoftext|>"}
_ROLES |= {"mask": "<|mask|>"}
CONFIG: Mapping[str, Any] = {
    "architectures": ["DreamModel"],
    "attention_dropout": 0.0,
    "bos_token_id": START,
    "eos_token_id": END,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.08,
    "intermediate_size": 192,
    "mask_token_id": MASK,
    "max_position_embeddings": 512,
    "model_type": "Dream",
    "num_attention_heads": 2,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "pad_token_id": END,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000.0,  # its texts are short
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
    "vocab_size": 264,
}
_CARD = """---
license: apache-2.0
---

# Miniature

A masked diffusion model of {parameters:,} parameters in DreamOn's layout, trained from scratch by
`unmask bench miniature --train` for {steps:,} steps on nothing but the small language of
`lsp_server/bench/miniature/language.py`, in which every hole has exactly one right answer. It is
of no use for anything else.
"""


def write_checkpoint(folder: Path, tensors: Mapping[str, Tensor], steps: int) -> None:
    """Write a whole model folder; each of its files is there whole or not at all.

    ``tensors``: by the names of ``transformers``' Qwen2, which are Dream's own. The weights come
    last, so that a folder that has them has everything.
    """
    folder.mkdir(parents=True, exist_ok=True)
    special = {token: {"content": token, "special": True, "normalized": False} for token in _ADDED}
    for entry in special.values():
        entry |= {"lstrip": False, "rstrip": False, "single_word": False}
    roles = {f"{role}_token": token for role, token in _ROLES.items()}
    _write_json(folder / "config.json", CONFIG)
    by_value = sorted(printable_bytes().items(), key=lambda piece: piece[1])
    _write_json(folder / "vocab.json", dict(by_value))
    _write(folder / "merges.txt", "#version: 0.2\n")
    _write_json(folder / "added_tokens.json", _ADDED)
    added = {str(number): special[token] for token, number in _ADDED.items()}
    described = {"added_tokens_decoder": added, "tokenizer_class": "DreamTokenizer"}
    _write_json(folder / "tokenizer_config.json", described | roles)
    parameters = sum(tensor.numel() for tensor in tensors.values())
    _write(folder / "README.md", _CARD.format(parameters=parameters, steps=steps))
    halves = {name: tensor.detach().to(torch.float16) for name, tensor in tensors.items()}
    with replacing(folder / "model.safetensors") as temporary:
        save_file(halves, temporary, {"format": "pt", "steps": str(steps)})


def _write_json(file: Path, value: Any) -> None:
    _write(file, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _write(file: Path, text: str) -> None:
    with replacing(file) as temporary:
        temporary.write_text(text, "utf-8")
