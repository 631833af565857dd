"""Tiny random checkpoints, each in the published layout of its family.

They have the files, keys and tensor names of the family's published folder, with small sizes. The
code under test is not used to write them. The weights come from a fixed stream of random numbers,
on which the golden arrays depend.

``python -m tests.families.checkpoints NAME FOLDER`` writes one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.families import configs
from tests.families.shapes import HEAD, Shapes, llada_shapes, llama_shapes
from tests.families.vocabularies import (
    DREAM,
    ILLADA,
    LLADA,
    MERGES,
    PLAIN,
    QWEN,
    QWEN3,
    Vocabulary,
    fast_tokenizer,
    is_special,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """One family's folder."""

    title: str  # of its card: a published checkpoint of the family
    config: Callable[[Vocabulary], dict[str, Any]]
    shapes: Shapes
    vocabulary: Vocabulary
    slow: bool  # vocab.json and merges.txt
    fast: bool  # tokenizer.json
    shards: int = 2
    tokenizer: dict[str, Any] = field(default_factory=dict)  # more of tokenizer_config.json
    licence: str = "apache-2.0"


def write(name: str, folder: Path, seed: int = 0) -> None:
    """Write the tiny checkpoint of a family into ``folder``, which is made.

    The same ``name`` and ``seed`` always give the same weights.
    """
    recipe = RECIPES[name]
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = recipe.vocabulary
    _write_json(folder / "config.json", recipe.config(vocabulary))
    card = f"---\nlicense: {recipe.licence}\nlibrary_name: transformers\n---\n\n# {recipe.title}\n"
    (folder / "README.md").write_text(card, "utf-8")
    generation = {"_from_model_config": True, "transformers_version": "4.46.2"}
    _write_json(folder / "generation_config.json", generation)
    _write_tokenizer(folder, recipe)
    _write_weights(folder, recipe, seed)


def _write_weights(folder: Path, recipe: Recipe, seed: int) -> None:
    """bf16 tensors, over as many files as published, with their index."""
    entropy = [seed, *recipe.title.encode()]
    stream = np.random.RandomState(np.random.PCG64(entropy))  # a stream that numpy keeps as it is
    shapes = dict(recipe.shapes(recipe.vocabulary.rows))
    tensors = {name: _draw(name, shape, stream) for name, shape in shapes.items()}
    if recipe.config(recipe.vocabulary).get("tie_word_embeddings") and HEAD in tensors:
        tensors[HEAD] = tensors["model.embed_tokens.weight"].clone()  # stored twice
    if recipe.shards == 1:
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        return
    files = [f"model-{i:05}-of-{recipe.shards:05}.safetensors" for i in range(1, recipe.shards + 1)]
    places = {name: files[i * recipe.shards // len(tensors)] for i, name in enumerate(tensors)}
    for file in files:
        part = {name: tensor for name, tensor in tensors.items() if places[name] == file}
        save_file(part, folder / file, {"format": "pt"})
    size = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(places.items()))}
    _write_json(folder / "model.safetensors.index.json", index)


def _draw(name: str, shape: tuple[int, ...], stream: np.random.RandomState) -> Tensor:
    """Even random numbers of a size that makes logits differ clearly, cut to bf16."""
    values = 2 * stream.random_sample(shape) - 1
    if "norm" in name or "ln_f" in name:
        values = 1 + 0.2 * values
    elif len(shape) == 1:
        values = 0.5 * values
    elif "embed" not in name and "wte" not in name:
        values = 3 * values / np.sqrt(shape[1])
    halves = (values.astype("<f4").view("<u4") >> 16).astype(np.uint16)
    return torch.from_numpy(halves).view(torch.bfloat16)


def _write_tokenizer(folder: Path, recipe: Recipe) -> None:
    vocabulary = recipe.vocabulary
    if recipe.slow:
        _write_json(folder / "vocab.json", vocabulary.pieces)
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]), "utf-8")
        _write_json(folder / "added_tokens.json", dict(sorted(vocabulary.tokens.items())))
    if recipe.fast:
        fast_tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    special = {name: {"content": name, **flags} for name in vocabulary.added}
    added = {
        str(token): {**special[name], "special": is_special(name)}
        for name, token in vocabulary.tokens.items()
    }
    config = {"added_tokens_decoder": added, "clean_up_tokenization_spaces": False}
    config |= {"model_max_length": 131072, "unk_token": None}
    _write_json(folder / "tokenizer_config.json", config | vocabulary.roles | recipe.tokenizer)
    roles = {role: special[name] for role, name in vocabulary.roles.items()}
    _write_json(folder / "special_tokens_map.json", roles)


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


_END = {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
_CHAT_END = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
_DREAM_ROLES = _END | {"bos_token": "<|beginoftext|>", "mask_token": "<|mask|>"}
_DREAM_TOKENIZER = {
    "auto_map": {"AutoTokenizer": ["tokenization_dream.DreamTokenizer", None]},
    "tokenizer_class": "DreamTokenizer",
}
_QWEN_TOKENIZER = {"tokenizer_class": "Qwen2Tokenizer"}
_FAST_TOKENIZER = {"tokenizer_class": "PreTrainedTokenizerFast"}

_QWEN2 = llama_shapes(biases=True, head_norms=False, head=True)
_TIED_QWEN2 = llama_shapes(biases=True, head_norms=False, head=False)
_QWEN3_SHAPES = llama_shapes(
    biases=False, head_norms=True, head=True, head_width=configs.HEAD_WIDTH
)
_TIED_LLAMA = llama_shapes(biases=False, head_norms=False, head=False)

RECIPES: dict[str, Recipe] = {
    "dream": Recipe(
        "Dream-v0-Instruct-7B",
        configs.dream,
        _QWEN2,
        Vocabulary(DREAM, _DREAM_ROLES),
        slow=True,
        fast=False,
        tokenizer=_DREAM_TOKENIZER,
    ),
    "dreamon": Recipe(
        "DreamOn-v0-7B",
        configs.dream,
        _QWEN2,
        Vocabulary([*DREAM, "<|expand|>"], _DREAM_ROLES),
        slow=True,
        fast=False,
        tokenizer=_DREAM_TOKENIZER,
    ),
    "open-dcoder": Recipe(
        "open-dcoder-0.5B",
        configs.open_dcoder,
        _TIED_QWEN2,
        Vocabulary([*QWEN, *PLAIN, "<M>"], _END | {"mask_token": "<M>"}),
        slow=True,
        fast=True,
        shards=1,
        tokenizer=_QWEN_TOKENIZER,
    ),
    "a2d-mdlm": Recipe(
        "Qwen2.5-Coder-0.5B-Instruct-diffusion-mdlm-v0.1",
        configs.a2d,
        _QWEN2,
        Vocabulary([*QWEN, *PLAIN, "<|mask|>"], _CHAT_END | {"mask_token": "<|mask|>"}),
        slow=True,
        fast=True,
        shards=1,
        tokenizer=_QWEN_TOKENIZER,
    ),
    "a2d-bd3lm": Recipe(
        "Qwen3-0.6B-diffusion-bd3lm-v0.1",
        configs.a2d_qwen3,
        _QWEN3_SHAPES,
        Vocabulary([*QWEN, *PLAIN, *QWEN3, "<|mask|>"], _CHAT_END | {"mask_token": "<|mask|>"}),
        slow=True,
        fast=True,
        tokenizer=_QWEN_TOKENIZER,
    ),
    "llada": Recipe(
        "LLaDA-8B-Instruct",
        configs.llada,
        llada_shapes,
        Vocabulary(LLADA, _END | {"bos_token": "<|startoftext|>", "cls_token": "[CLS]"}),
        slow=False,
        fast=True,
        tokenizer=_FAST_TOKENIZER,
        licence="mit",
    ),
    "illada": Recipe(
        "iLLaDA-8B-Base",
        configs.illada,
        _TIED_LLAMA,
        Vocabulary(ILLADA, {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}, True),
        slow=False,
        fast=True,
        tokenizer=_FAST_TOKENIZER,
    ),
    "fast-dllm-v2": Recipe(
        "Fast_dLLM_v2_7B",
        configs.fast_dllm,
        _QWEN2,
        Vocabulary([*QWEN, *PLAIN, "|<MASK>|"], _CHAT_END),
        slow=True,
        fast=False,
        tokenizer=_QWEN_TOKENIZER | {"additional_special_tokens": ["|<MASK>|"]},
    ),
    "sdar": Recipe(
        "SDAR-4B-Chat",
        configs.sdar,
        _QWEN3_SHAPES,
        Vocabulary([*QWEN, *PLAIN, *QWEN3, "<MASK>"], _END),
        slow=True,
        fast=True,
        tokenizer=_QWEN_TOKENIZER,
    ),
}


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
