"""The table of families: rows that can be told apart, and names that transformers knows."""

from __future__ import annotations

import re

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from lsp_server.models.pretrained.families import FAMILIES, Family

CONFIGS = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig}
MODELS = {"qwen2": Qwen2ForCausalLM, "qwen3": Qwen3ForCausalLM, "llama": LlamaForCausalLM}
LLADA = {  # the tensors of a block and around them, as published
    "model.transformer.wte.weight": "model.embed_tokens.weight",
    "model.transformer.ln_f.weight": "model.norm.weight",
    "model.transformer.ff_out.weight": "lm_head.weight",
    "model.transformer.blocks.0.q_proj.weight": "model.layers.0.self_attn.q_proj.weight",
    "model.transformer.blocks.0.k_proj.weight": "model.layers.0.self_attn.k_proj.weight",
    "model.transformer.blocks.0.v_proj.weight": "model.layers.0.self_attn.v_proj.weight",
    "model.transformer.blocks.0.attn_out.weight": "model.layers.0.self_attn.o_proj.weight",
    "model.transformer.blocks.0.ff_proj.weight": "model.layers.0.mlp.gate_proj.weight",
    "model.transformer.blocks.0.up_proj.weight": "model.layers.0.mlp.up_proj.weight",
    "model.transformer.blocks.0.ff_out.weight": "model.layers.0.mlp.down_proj.weight",
    "model.transformer.blocks.0.attn_norm.weight": "model.layers.0.input_layernorm.weight",
    "model.transformer.blocks.0.ff_norm.weight": "model.layers.0.post_attention_layernorm.weight",
}


def rename(family: Family, name: str) -> str:
    for pattern, replacement in family.keys:
        name = re.sub(pattern, replacement, name)
    return name


def test_names_are_its_own() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_row_is_whole(family: Family) -> None:
    assert (family.block > 0) == (family.attention == "block-causal")
    assert family.masks or family.mask is not None
    assert family.stride == 0 or family.block % family.stride == 0
    assert set(family.classes.values()) <= set(MODELS)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_row_is_hidden_behind_another(family: Family) -> None:
    """Of rows with the same classes, those come first that ask for more."""
    for earlier in FAMILIES[: FAMILIES.index(family)]:
        if earlier.classes.keys() & family.classes.keys():
            assert earlier.expand or earlier.declared


@pytest.mark.parametrize("backbone", MODELS)
def test_names_that_are_transformers_own_stay(backbone: str) -> None:
    shape = {"num_hidden_layers": 1, "hidden_size": 8, "intermediate_size": 8, "vocab_size": 8}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    with torch.device("meta"):
        model = MODELS[backbone](CONFIGS[backbone](**shape, **heads))
    names = [name for name, _ in model.named_parameters()]
    for family in FAMILIES:
        if backbone in family.classes.values():
            assert [rename(family, name) for name in names] == names


def test_llada_has_every_name_of_a_llama() -> None:
    family = next(family for family in FAMILIES if family.name == "llada")
    assert {name: rename(family, name) for name in LLADA} == LLADA
    config = LlamaConfig(
        num_hidden_layers=1,
        hidden_size=8,
        intermediate_size=8,
        vocab_size=8,
        num_attention_heads=2,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    assert {name for name, _ in model.named_parameters()} == set(LLADA.values())


def test_fields_are_those_of_transformers() -> None:
    for family in FAMILIES:
        for backbone in set(family.classes.values()):
            known = CONFIGS[backbone]().to_dict()
            assert set(family.fields.values()) <= set(known)
