"""The synthetic language's model as a folder in DreamOn's published layout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lsp_server.models.tokenizers import printable_bytes
from tests.experiments.pretraining import write_folder

NAME = "synthetic"
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

# Synthetic language

A masked diffusion model of {parameters:,} parameters in DreamOn's layout, trained from scratch by
`python -m tests.experiments.synthetic --train` for {steps:,} steps on nothing but the language of
`tests/experiments/synthetic/language.py`, in which every hole has exactly one right answer. It is
of no use for anything else.
"""


def write_checkpoint(folder: Path, tensors: Mapping[str, Tensor], steps: int) -> None:
    """Write a whole model folder; ``tensors``: by the names of Qwen2, which are Dream's own."""
    special = {token: {"content": token, "special": True, "normalized": False} for token in _ADDED}
    for entry in special.values():
        entry |= {"lstrip": False, "rstrip": False, "single_word": False}
    roles = {f"{role}_token": token for role, token in _ROLES.items()}
    added = {str(number): special[token] for token, number in _ADDED.items()}
    parameters = sum(tensor.numel() for tensor in tensors.values())
    files = {
        "config.json": CONFIG,
        "vocab.json": dict(sorted(printable_bytes().items(), key=lambda piece: piece[1])),
        "merges.txt": "#version: 0.2\n",
        "added_tokens.json": _ADDED,
        "tokenizer_config.json": {
            "added_tokens_decoder": added,
            "tokenizer_class": "DreamTokenizer",
            **roles,
        },
        "README.md": _CARD.format(parameters=parameters, steps=steps),
    }
    write_folder(folder, files, tensors, steps)
