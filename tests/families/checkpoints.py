"""Tiny random checkpoints, each in the published layout of its family.

Knows the files, the keys and the tensor names that a family's published folder has, with small
numbers in place of the large ones; nothing of how a model is loaded or run. A family's tokens keep
their names and their order, but their ids start behind a vocabulary of a few hundred pieces.
The weights come from a frozen stream of random numbers: golden arrays depend on them.

``python -m tests.families.checkpoints NAME FOLDER`` writes one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor

WIDTH, INNER, LAYERS, HEADS, KEY_HEADS, HEAD_WIDTH = 32, 48, 2, 4, 2, 16
_HEAD = "lm_head.weight"

_MERGES = ["Ġ Ġ", "ĠĠ ĠĠ", "i n", "e r", "Ġ =", "r e", "d e", "de f", "t u", "re tu", "retu r"]
_MERGES += ["retur n", "Ġ retur", "p r", "pr in", "prin t", "s e", "se l", "sel f", "Ċ ĠĠĠĠ"]
_WORDS = (  # how Qwen2.5 cuts text before it is merged
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_QWEN = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>"]
_QWEN += ["<|object_ref_end|>", "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>"]
_QWEN += ["<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
_PLAIN = ["<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"]
_PLAIN += ["<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"]  # added, but not special
_QWEN3 = ["<tool_response>", "</tool_response>", "<think>", "</think>"]
_LLADA = ["<|startoftext|>", "<|endoftext|>", "[CLS]", "[gMASK]", "<|reserved_token_0|>"]
_LLADA += ["<|mdm_mask|>", "<role>", "</role>", "<|arithmetic_start|>", "<|arithmetic_end|>"]
_LLADA += ["<|number_start|>", "<|number_end|>", "<|start_header_id|>", "<|end_header_id|>"]
_LLADA += ["<|eot_id|>"]
_ILLADA = ["<s>", "</s>", "<pad>", "<unk>", "<[SEP]>", "<[MASK]>"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces, added tokens and their roles; ids are given in that order."""

    added: list[str]
    roles: dict[str, str]  # "eos_token" and the like, as tokenizer_config.json names them
    first: bool = False  # added tokens stand before the pieces

    @property
    def pieces(self) -> dict[str, int]:
        """The bytes and what is merged of them, in their printable form."""
        start = len(self.added) if self.first else 0
        names = [*_printable(), *(merge.replace(" ", "") for merge in _MERGES)]
        return {name: start + index for index, name in enumerate(names)}

    @property
    def tokens(self) -> dict[str, int]:
        """The added tokens."""
        start = 0 if self.first else len(self.pieces)
        return {name: start + index for index, name in enumerate(self.added)}

    @property
    def rows(self) -> int:
        """Rows of the embedding: some more than there are ids, as published."""
        return -(-(len(self.pieces) + len(self.added) + 1) // 8) * 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """One family's folder."""

    title: str  # of its card: a published checkpoint of the family
    config: Callable[[Vocabulary], dict[str, Any]]
    shapes: Callable[[int], Iterator[tuple[str, tuple[int, ...]]]]  # of its tensors, by rows
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
    if recipe.config(recipe.vocabulary).get("tie_word_embeddings") and _HEAD in tensors:
        tensors[_HEAD] = tensors["model.embed_tokens.weight"].clone()  # stored twice
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
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *_MERGES, ""]), "utf-8")
        _write_json(folder / "added_tokens.json", dict(sorted(vocabulary.tokens.items())))
    if recipe.fast:
        _fast_tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    special = {name: {"content": name, **flags} for name in vocabulary.added}
    added = {
        str(token): {**special[name], "special": name not in _PLAIN + _QWEN3}
        for name, token in vocabulary.tokens.items()
    }
    config = {"added_tokens_decoder": added, "clean_up_tokenization_spaces": False}
    config |= {"model_max_length": 131072, "unk_token": None}
    _write_json(folder / "tokenizer_config.json", config | vocabulary.roles | recipe.tokenizer)
    roles = {role: special[name] for role, name in vocabulary.roles.items()}
    _write_json(folder / "special_tokens_map.json", roles)


def _fast_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    merges = [(left, right) for left, right in (merge.split(" ") for merge in _MERGES)]
    pieces = vocabulary.tokens | vocabulary.pieces if vocabulary.first else vocabulary.pieces
    tokenizer = Tokenizer(models.BPE(pieces, merges))
    tokenizer.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(_WORDS), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(
        [
            AddedToken(name, special=name not in _PLAIN + _QWEN3, normalized=False)
            for name in vocabulary.added
        ]
    )
    return tokenizer


def _printable() -> list[str]:
    """The 256 bytes in the printable form of byte-level BPE, in its order (GPT-2's table)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in plain] + [chr(256 + i) for i in range(256 - len(plain))]


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _llama_shapes(
    biases: bool, head_norms: bool, head: bool, head_width: int = WIDTH // HEADS
) -> Callable[[int], Iterator[tuple[str, tuple[int, ...]]]]:
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
            yield _HEAD, (rows, WIDTH)

    return shapes


def _llada_shapes(rows: int) -> Iterator[tuple[str, tuple[int, ...]]]:
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


def _qwen(vocabulary: Vocabulary, begin: str, end: str) -> dict[str, Any]:
    """The keys that every family made from Qwen2.5 or Qwen3 has."""
    return {
        "attention_dropout": 0.0,
        "bos_token_id": vocabulary.tokens[begin],
        "eos_token_id": vocabulary.tokens[end],
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "initializer_range": 0.02,
        "intermediate_size": INNER,
        "max_position_embeddings": 2048,
        "max_window_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KEY_HEADS,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 1000000.0,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": vocabulary.rows,
    }


def _dream(vocabulary: Vocabulary) -> dict[str, Any]:
    return _qwen(vocabulary, "<|endoftext|>", "<|endoftext|>") | {
        "architectures": ["DreamModel"],
        "auto_map": {
            "AutoConfig": "configuration_dream.DreamConfig",
            "AutoModel": "modeling_dream.DreamModel",
        },
        "mask_token_id": vocabulary.tokens["<|mask|>"],
        "model_type": "Dream",
        "pad_token_id": vocabulary.tokens["<|endoftext|>"],
        "transformers_version": "4.46.2",
        "use_mrope": False,
    }


def _open_dcoder(vocabulary: Vocabulary) -> dict[str, Any]:
    return _qwen(vocabulary, "<|endoftext|>", "<|endoftext|>") | {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "tie_word_embeddings": True,
        "transformers_version": "4.54.1",
    }


def _a2d(vocabulary: Vocabulary) -> dict[str, Any]:
    config = _qwen(vocabulary, "<|endoftext|>", "<|im_end|>")
    config["dtype"] = config.pop("torch_dtype")
    return config | {
        "architectures": ["A2DQwen2LMHeadModel"],
        "auto_map": {
            "AutoConfig": "modeling_qwen2.A2DQwen2Config",
            "AutoModel": "modeling_qwen2.A2DQwen2LMHeadModel",
            "AutoModelForMaskedLM": "modeling_qwen2.A2DQwen2LMHeadModel",
        },
        "layer_types": ["full_attention"] * LAYERS,
        "model_type": "a2d-qwen2",
        "tie_word_embeddings": True,
        "transformers_version": "4.57.0",
    }


def _a2d_qwen3(vocabulary: Vocabulary) -> dict[str, Any]:
    return _a2d(vocabulary) | {
        "architectures": ["A2DQwen3LMHeadModel"],
        "attention_bias": False,
        "auto_map": {
            "AutoConfig": "modeling_qwen3.A2DQwen3Config",
            "AutoModel": "modeling_qwen3.A2DQwen3LMHeadModel",
            "AutoModelForMaskedLM": "modeling_qwen3.A2DQwen3LMHeadModel",
        },
        "head_dim": HEAD_WIDTH,
        "model_type": "a2d-qwen3",
    }


def _fast_dllm(vocabulary: Vocabulary) -> dict[str, Any]:
    return _qwen(vocabulary, "<|endoftext|>", "<|im_end|>") | {
        "architectures": ["Fast_dLLM_QwenForCausalLM"],
        "auto_map": {
            "AutoConfig": "configuration.Fast_dLLM_QwenConfig",
            "AutoModel": "modeling.Fast_dLLM_QwenModel",
            "AutoModelForCausalLM": "modeling.Fast_dLLM_QwenForCausalLM",
        },
        "bd_size": 32,
        "conplemenrary_mask": True,  # published so
        "layer_types": ["full_attention"] * LAYERS,
        "model_type": "Fast_dLLM_Qwen",
        "pad_token_id": vocabulary.tokens["<|im_end|>"],
        "transformers_version": "4.53.1",
    }


def _sdar(vocabulary: Vocabulary) -> dict[str, Any]:
    return _qwen(vocabulary, "<|endoftext|>", "<|endoftext|>") | {
        "architectures": ["SDARForCausalLM"],
        "attention_bias": False,
        "attn_implementation": "flex_attention",
        "auto_map": {
            "AutoConfig": "configuration_sdar.SDARConfig",
            "AutoModel": "modeling_sdar.SDARModel",
            "AutoModelForCausalLM": "modeling_sdar.SDARForCausalLM",
        },
        "block_size": 4,
        "debug": False,
        "ep_size": 1,
        "fuse_cross_entropy": True,
        "head_dim": HEAD_WIDTH,
        "mask_token_id": vocabulary.tokens["<MASK>"],
        "micro_forward": False,
        "model_type": "sdar",
        "rope_theta": 1000000,
        "skip_checkpoint": False,
        "transformers_version": "4.52.4",
        "use_cache": False,
        "use_deepep": False,
    }


def _llada(vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "activation_type": "silu",
        "alibi": False,
        "alibi_bias_max": 8.0,
        "architectures": ["LLaDAModelLM"],
        "attention_dropout": 0.0,
        "attention_layer_norm": False,
        "attention_layer_norm_with_affine": True,
        "auto_map": {
            "AutoConfig": "configuration_llada.LLaDAConfig",
            "AutoModelForCausalLM": "modeling_llada.LLaDAModelLM",
            "AutoModel": "modeling_llada.LLaDAModelLM",
        },
        "bias_for_layer_norm": False,
        "block_group_size": 1,
        "block_type": "llama",
        "d_model": WIDTH,
        "embedding_dropout": 0.0,
        "embedding_size": vocabulary.rows,
        "eos_token_id": vocabulary.tokens["<|endoftext|>"],
        "flash_attention": False,
        "include_bias": False,
        "include_qkv_bias": False,
        "init_cutoff_factor": None,
        "init_device": "meta",
        "init_fn": "mitchell",
        "init_std": 0.02,
        "input_emb_norm": False,
        "layer_norm_type": "rms",
        "layer_norm_with_affine": True,
        "mask_token_id": vocabulary.tokens["<|mdm_mask|>"],
        "max_sequence_length": 1024,
        "mlp_hidden_size": INNER,
        "mlp_ratio": 4,
        "model_type": "llada",
        "multi_query_attention": None,
        "n_heads": HEADS,
        "n_kv_heads": HEADS,
        "n_layers": LAYERS,
        "pad_token_id": vocabulary.tokens["<|endoftext|>"],
        "precision": "amp_bf16",
        "residual_dropout": 0.0,
        "rms_norm_eps": 1e-05,
        "rope": True,
        "rope_full_precision": True,
        "rope_theta": 500000.0,
        "scale_logits": False,
        "transformers_version": "4.46.3",
        "use_cache": False,
        "vocab_size": vocabulary.rows,
        "weight_tying": False,
    }


def _illada(vocabulary: Vocabulary) -> dict[str, Any]:
    return {
        "architectures": ["ILLaDAForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "auto_map": {
            "AutoConfig": "configuration_illada.ILLaDAConfig",
            "AutoModel": "modeling_illada.ILLaDAForCausalLM",
            "AutoModelForCausalLM": "modeling_illada.ILLaDAForCausalLM",
        },
        "bos_token_id": vocabulary.tokens["<s>"],
        "dtype": "bfloat16",
        "eos_token_id": vocabulary.tokens["</s>"],
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "initializer_range": 0.02,
        "intermediate_size": INNER,
        "layer_norm_eps": None,
        "max_position_embeddings": 1024,
        "mlp_bias": False,
        "model_type": "illada",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KEY_HEADS,
        "pad_token_id": vocabulary.tokens["<pad>"],
        "resid_pdrop": 0.0,
        "rms_norm_eps": 1e-05,
        "rope_scaling": None,
        "rope_theta": 500000.0,
        "tie_word_embeddings": True,
        "transformers_version": "4.57.1",
        "vocab_size": vocabulary.rows,
    }


_END = {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
_CHAT_END = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
_DREAM = _QWEN + _PLAIN + ["<|beginoftext|>", "<|mask|>"]
_DREAM_ROLES = _END | {"bos_token": "<|beginoftext|>", "mask_token": "<|mask|>"}
_DREAM_TOKENIZER = {
    "auto_map": {"AutoTokenizer": ["tokenization_dream.DreamTokenizer", None]},
    "tokenizer_class": "DreamTokenizer",
}
_QWEN_TOKENIZER = {"tokenizer_class": "Qwen2Tokenizer"}
_FAST_TOKENIZER = {"tokenizer_class": "PreTrainedTokenizerFast"}

_QWEN2 = _llama_shapes(biases=True, head_norms=False, head=True)
_TIED_QWEN2 = _llama_shapes(biases=True, head_norms=False, head=False)
_QWEN3_SHAPES = _llama_shapes(biases=False, head_norms=True, head=True, head_width=HEAD_WIDTH)
_TIED_LLAMA = _llama_shapes(biases=False, head_norms=False, head=False)

RECIPES: dict[str, Recipe] = {
    "dream": Recipe(
        "Dream-v0-Instruct-7B",
        _dream,
        _QWEN2,
        Vocabulary(_DREAM, _DREAM_ROLES),
        slow=True,
        fast=False,
        tokenizer=_DREAM_TOKENIZER,
    ),
    "dreamon": Recipe(
        "DreamOn-v0-7B",
        _dream,
        _QWEN2,
        Vocabulary([*_DREAM, "<|expand|>"], _DREAM_ROLES),
        slow=True,
        fast=False,
        tokenizer=_DREAM_TOKENIZER,
    ),
    "open-dcoder": Recipe(
        "open-dcoder-0.5B",
        _open_dcoder,
        _TIED_QWEN2,
        Vocabulary([*_QWEN, *_PLAIN, "<M>"], _END | {"mask_token": "<M>"}),
        slow=True,
        fast=True,
        shards=1,
        tokenizer=_QWEN_TOKENIZER,
    ),
    "a2d-mdlm": Recipe(
        "Qwen2.5-Coder-0.5B-Instruct-diffusion-mdlm-v0.1",
        _a2d,
        _QWEN2,
        Vocabulary([*_QWEN, *_PLAIN, "<|mask|>"], _CHAT_END | {"mask_token": "<|mask|>"}),
        slow=True,
        fast=True,
        shards=1,
        tokenizer=_QWEN_TOKENIZER,
    ),
    "a2d-bd3lm": Recipe(
        "Qwen3-0.6B-diffusion-bd3lm-v0.1",
        _a2d_qwen3,
        _QWEN3_SHAPES,
        Vocabulary([*_QWEN, *_PLAIN, *_QWEN3, "<|mask|>"], _CHAT_END | {"mask_token": "<|mask|>"}),
        slow=True,
        fast=True,
        tokenizer=_QWEN_TOKENIZER,
    ),
    "llada": Recipe(
        "LLaDA-8B-Instruct",
        _llada,
        _llada_shapes,
        Vocabulary(_LLADA, _END | {"bos_token": "<|startoftext|>", "cls_token": "[CLS]"}),
        slow=False,
        fast=True,
        tokenizer=_FAST_TOKENIZER,
        licence="mit",
    ),
    "illada": Recipe(
        "iLLaDA-8B-Base",
        _illada,
        _TIED_LLAMA,
        Vocabulary(_ILLADA, {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}, True),
        slow=False,
        fast=True,
        tokenizer=_FAST_TOKENIZER,
    ),
    "fast-dllm-v2": Recipe(
        "Fast_dLLM_v2_7B",
        _fast_dllm,
        _QWEN2,
        Vocabulary([*_QWEN, *_PLAIN, "|<MASK>|"], _CHAT_END),
        slow=True,
        fast=False,
        tokenizer=_QWEN_TOKENIZER | {"additional_special_tokens": ["|<MASK>|"]},
    ),
    "sdar": Recipe(
        "SDAR-4B-Chat",
        _sdar,
        _QWEN3_SHAPES,
        Vocabulary([*_QWEN, *_PLAIN, *_QWEN3, "<MASK>"], _END),
        slow=True,
        fast=True,
        tokenizer=_QWEN_TOKENIZER,
    ),
}


if __name__ == "__main__":
    write(sys.argv[1], Path(sys.argv[2]))
