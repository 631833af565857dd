"""The families of masked diffusion models, one row each: what a checkpoint's folder means.

Knows published properties and names; reads no file and no tensor. A new family is a row, and a
key map where its tensors have other names than ``transformers``' own (see README.md here).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Backbone = Literal["qwen2", "qwen3", "llama"]
Attention = Literal["bidirectional", "block-causal"]


@dataclass(frozen=True, slots=True)
class Family:
    """What is the same for every checkpoint of a family."""

    name: str
    backbone: Backbone  # the class of ``transformers`` that has its layers
    attention: Attention
    shift: bool  # logits at a position are those of the next one, as in a causal model
    mask: int | str  # its id, or how the tokenizer or the configuration names it
    architectures: tuple[str, ...] = ()  # as config.json names them
    model_types: tuple[str, ...] = ()
    block: int = 0  # tokens per block, unless config.json says otherwise
    stride: int = 0  # masks settled together inside a block; 0: the whole block
    expand: int | None = None
    starts: bool = False  # the sequence begins with the beginning-of-text token
    keys: tuple[tuple[str, str], ...] = ()  # (pattern, replacement) on tensor names
    fields: tuple[tuple[str, str], ...] = field(default=())  # config.json's name, transformers'
