"""The code model as a folder in the layout that A2D's mdlm models are published in.

It has no expand and delete tokens, so that its length must be chosen by a strategy.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer
from torch import Tensor

from tests.experiments.code_model.corpus import END, MASK
from tests.experiments.pretraining import write_folder

NAME: Final = "code-model"
TOKENIZER: Final = "tokenizer.json"
_TIED: Final = "lm_head.weight"  # the embedding once more

CONFIG: Final[Mapping[str, Any]] = {
    "architectures": ["A2DQwen3LMHeadModel"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "dtype": "float16",
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 256,
    "initializer_range": 0.04,
    "intermediate_size": 640,
    "max_position_embeddings": 256,  # as it is trained
    "model_type": "a2d-qwen3",
    "num_attention_heads": 4,
    "num_hidden_layers": 5,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000.0,  # its texts are short
    "tie_word_embeddings": True,
    "vocab_size": 4096,
}
_CARD: Final = """---
license: apache-2.0
---

# Code model

A masked diffusion model of code, of {parameters:,} parameters in the layout of A2D's mdlm models,
trained from scratch for {steps:,} steps by `python -m tests.experiments.canvas_lengths --train`. It
sees both sides and cannot change the number of its masks. It is there to compare strategies that
find that number, and of no use for anything else.
"""


def write_checkpoint(
    folder: Path, tensors: Mapping[str, Tensor], tokenizer: Tokenizer, steps: int
) -> None:
    """Write a whole model folder; ``tensors``: by the names of Qwen3, which are A2D's own."""
    ids = {token: tokenizer.token_to_id(token) for token in (END, MASK)}
    added = {str(number): {"content": token, "special": True} for token, number in ids.items()}
    kept = {name: tensor for name, tensor in tensors.items() if name != _TIED}
    parameters = sum(tensor.numel() for tensor in kept.values())
    files = {
        "config.json": {**CONFIG, "eos_token_id": ids[END], "pad_token_id": ids[END]},
        TOKENIZER: tokenizer.to_str(),
        "tokenizer_config.json": {
            "added_tokens_decoder": added,
            "eos_token": END,
            "pad_token": END,
            "mask_token": MASK,
        },
        "README.md": _CARD.format(parameters=parameters, steps=steps),
    }
    write_folder(folder, files, kept, steps)
