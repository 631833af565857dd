"""The families of masked diffusion models, one row each: how to read a checkpoint's folder.

To add a family, add a row, with a key map if its tensors have other names than ``transformers``'
(see models/README.md).

Sources: the published configurations and modelling code of each family, and for ``starts`` and
``finishes`` the code of its published infilling evaluation (DreamOn, arXiv 2602.01326; CAL,
arXiv 2602.00476, for LLaDA; Open-dLLM).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Backbone = Literal["qwen2", "qwen3", "llama"]
Attention = Literal["bidirectional", "block-causal"]


@dataclass(frozen=True, slots=True)
class Family:
    """The properties that all checkpoints of a family share."""

    name: str
    classes: Mapping[str, Backbone]  # config.json's architecture or model_type: whose layers
    attention: Attention
    shift: bool  # logits at a position are those of the next one, as in a causal model
    masks: tuple[str, ...] = ()  # how a tokenizer may name the mask, else as its own mask_token
    mask: int | None = None  # its id, where neither configuration nor tokenizer names it
    block: int = 0  # tokens per block, unless config.json or the user says otherwise
    block_key: str = "block_size"  # config.json's name for it
    declared: bool = False  # of this family only if config.json or the user gives a block
    stride: int = 0  # masks settled together inside a block; 0: the whole block
    expand: str = ""  # the token that makes two masks of one; of this family only with it
    starts: bool = False  # the sequence begins with the beginning-of-text token
    finishes: bool = False  # and ends with the end-of-text token
    keys: tuple[tuple[str, str], ...] = ()  # (pattern, replacement) on tensor names, in order
    fields: Mapping[str, str] = field(default_factory=dict)  # config.json's name, transformers'

    def rename(self, tensor: str) -> str:
        """``transformers``' name of a tensor."""
        for pattern, replacement in self.keys:
            tensor = re.sub(pattern, replacement, tensor)
        return tensor


_DREAM: Final[Mapping[str, Backbone]] = {"DreamModel": "qwen2", "Dream": "qwen2"}
_A2D: Final[Mapping[str, Backbone]] = {
    "A2DQwen2LMHeadModel": "qwen2",
    "A2DQwen3LMHeadModel": "qwen3",
    "a2d-qwen2": "qwen2",
    "a2d-qwen3": "qwen3",
}


FAMILIES: tuple[Family, ...] = (  # the first one that fits is taken
    Family(
        name="dreamon",
        classes=_DREAM,
        attention="bidirectional",
        shift=True,
        masks=("<|mask|>",),
        mask=151666,
        expand="<|expand|>",
        starts=True,
        finishes=True,
    ),
    Family(
        name="dream",
        classes=_DREAM,
        attention="bidirectional",
        shift=True,
        masks=("<|mask|>",),
        mask=151666,
        starts=True,
        finishes=True,
    ),
    Family(
        name="a2d-bd3lm",
        classes=_A2D,
        attention="block-causal",
        shift=False,
        masks=("<|mask|>",),
        block=32,
        declared=True,
    ),
    Family(
        name="a2d-mdlm",
        classes=_A2D,
        attention="bidirectional",
        shift=False,
        masks=("<|mask|>",),
    ),
    Family(
        name="llada",  # and 1.5, and iLLaDA, which has transformers' names and its own mask
        classes={
            "LLaDAModelLM": "llama",
            "ILLaDAForCausalLM": "llama",
            "llada": "llama",
            "illada": "llama",
        },
        attention="bidirectional",
        shift=False,
        masks=("<|mdm_mask|>", "<[MASK]>"),
        mask=126336,
        keys=(
            (r"^model\.transformer\.wte\.", "model.embed_tokens."),
            (r"^model\.transformer\.ln_f\.", "model.norm."),
            (r"^model\.transformer\.ff_out\.", "lm_head."),
            (r"^model\.transformer\.blocks\.", "model.layers."),
            (r"(layers\.\d+)\.([qkv])_proj\.", r"\1.self_attn.\2_proj."),
            (r"(layers\.\d+)\.attn_out\.", r"\1.self_attn.o_proj."),
            (r"(layers\.\d+)\.ff_proj\.", r"\1.mlp.gate_proj."),
            (r"(layers\.\d+)\.up_proj\.", r"\1.mlp.up_proj."),
            (r"(layers\.\d+)\.ff_out\.", r"\1.mlp.down_proj."),
            (r"(layers\.\d+)\.attn_norm\.", r"\1.input_layernorm."),
            (r"(layers\.\d+)\.ff_norm\.", r"\1.post_attention_layernorm."),
        ),
        fields={
            "d_model": "hidden_size",
            "n_layers": "num_hidden_layers",
            "n_heads": "num_attention_heads",
            "n_kv_heads": "num_key_value_heads",
            "mlp_hidden_size": "intermediate_size",
            "embedding_size": "vocab_size",  # of the matrix; the vocabulary may be smaller
            "max_sequence_length": "max_position_embeddings",
            "activation_type": "hidden_act",
            "weight_tying": "tie_word_embeddings",
        },
    ),
    Family(
        name="fast-dllm-v2",
        classes={"Fast_dLLM_QwenForCausalLM": "qwen2", "Fast_dLLM_Qwen": "qwen2"},
        attention="block-causal",
        shift=True,
        masks=("|<MASK>|",),
        mask=151665,
        block=32,
        block_key="bd_size",
        stride=8,
    ),
    Family(
        name="sdar",
        classes={"SDARForCausalLM": "qwen3", "sdar": "qwen3"},
        attention="block-causal",
        shift=False,
        masks=("<|MASK|>", "<MASK>"),
        mask=151669,
        block=4,
    ),
    Family(
        name="open-dcoder",  # told from a causal Qwen2 by the mask that its tokenizer has
        classes={"Qwen2ForCausalLM": "qwen2"},
        attention="bidirectional",
        shift=True,
        masks=("<M>", "[MASK]", "<|mask|>", "<mask>"),
    ),
)
