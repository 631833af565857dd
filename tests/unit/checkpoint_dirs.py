"""Tiny random checkpoints as layouts made by hand, each with ``transformers``' own model of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from lsp_server.models.pretrained.checkpoint_dir import CheckpointDir
from lsp_server.models.pretrained.families import Backbone, Family

ROWS, ENTRIES, MASK_ID = 48, 44, 43  # of the head, of the tokenizer; the mask is its last token
CPU = torch.device("cpu")
_CLASSES: dict[str, tuple[Any, Any]] = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}
KEYS = (("^inner\\.", "model."), ("^out", "lm_head"))  # what Llama's tensors are called on disk


def make(folder: Path, backbone: Backbone = "qwen2", **config: Any) -> tuple[CheckpointDir, Any]:
    """A bidirectional layout without shift in two shards, and its model in fp32.

    Llama's tensors have other names on disk, which the family's keys bring back.
    """
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "vocab_size": ROWS,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
        **({"head_dim": 16} if backbone == "qwen3" else {}),
        **config,
    }
    configuration, model_class = _CLASSES[backbone]
    model = model_class(configuration(**settings, attn_implementation="eager")).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:  # biases and norms would else be all alike
                parameter.add_(0.2 * torch.randn_like(parameter))
    tensors = dict(model.state_dict())
    if settings.get("tie_word_embeddings"):
        del tensors["lm_head.weight"]
    if backbone == "llama":
        tensors = {
            name.replace("model.", "inner.", 1).replace("lm_head", "out"): tensor
            for name, tensor in tensors.items()
        }
    layout = CheckpointDir(
        folder=folder,
        family=Family(
            name="tiny",
            classes={"Tiny": backbone},
            attention="bidirectional",
            shift=False,
            keys=KEYS if backbone == "llama" else (),
        ),
        backbone=backbone,
        config=settings,
        shards=(folder / "1.safetensors", folder / "2.safetensors"),
        block=None,
        stride=None,
        mask=MASK_ID,
        growth=None,
        ends=frozenset({0}),
        start=None,
        context=256,
        parameters=0,
        licence="none",
        suffix="seen",
    )
    store(layout, tensors)
    return layout, model


def store(layout: CheckpointDir, tensors: dict[str, Tensor]) -> None:
    """Write tensors over the layout's two shards."""
    names = list(tensors)
    for shard, part in zip(layout.shards, (names[::2], names[1::2]), strict=True):
        save_file({name: tensors[name].contiguous() for name in part}, shard)


def shifted(layout: CheckpointDir, **changes: Any) -> CheckpointDir:
    """The same layout of a family whose logits are shifted."""
    return replace(layout, family=replace(layout.family, shift=True), **changes)


@torch.inference_mode()
def compute(model: Any, tokens: list[int], block: int | None = None) -> Tensor:
    """Logits of a plain forward over a whole sequence, block by block or all seeing all."""
    places = torch.arange(len(tokens)) // (block or len(tokens))
    hidden = torch.zeros(len(tokens), len(tokens))
    hidden[places[:, None] < places] = float("-inf")
    return model(torch.tensor([tokens]), attention_mask=hidden[None, None]).logits[0]
