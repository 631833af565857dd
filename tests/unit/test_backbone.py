from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lsp_server.models.interfaces import ModelError
from lsp_server.models.precision import Arithmetic
from lsp_server.models.pretrained.backbone import Backbone, load_backbone
from lsp_server.models.pretrained.checkpoint_dir import CheckpointDir
from tests.unit.checkpoint_dirs import CPU, compute, make, store

TOKENS = [5, 17, 3, 3, 40, 8, 22, 1, 30, 12, 9]
BACKBONES: list[tuple[Any, dict[str, Any]]] = [
    ("qwen2", {"tie_word_embeddings": True}),
    ("qwen2", {"rope_theta": 1e6, "num_key_value_heads": 1}),
    ("qwen3", {}),
    ("llama", {"num_key_value_heads": 4, "rms_norm_eps": 1e-5}),
]


def load(layout: CheckpointDir, precision: Arithmetic = "fp32") -> Backbone:
    return load_backbone(layout, precision, CPU, lambda message, fraction: None)


def run(backbone: Backbone, block: int, cuts: list[int]) -> torch.Tensor:
    """Logits of TOKENS under a block-causal mask, run in pieces that end at ``cuts``."""
    cache, first, found = backbone.new_cache(), 0, []
    with torch.inference_mode():
        for cut in cuts:
            places = torch.arange(cut) // block
            mask = places[first:, None] >= places
            found.append(backbone.head(backbone.run(TOKENS[first:cut], first, cache, mask)))
            first = cut
    return torch.cat(found)


@pytest.mark.parametrize(("kind", "config"), BACKBONES)
@pytest.mark.parametrize(("block", "cuts"), [(11, [11]), (4, [11]), (4, [4, 8, 11]), (1, [1, 11])])
def test_equals_transformers_own_forward(
    kind: Any, config: dict[str, Any], block: int, cuts: list[int], tmp_path: Path
) -> None:
    layout, model = make(tmp_path, kind, **config)
    exact = compute(model, TOKENS, block)
    assert torch.allclose(run(load(layout), block, cuts), exact, atol=1e-4)


def test_rows_are_written_over_in_place(tmp_path: Path) -> None:
    layout, model = make(tmp_path)
    backbone = load(layout)
    cache = backbone.new_cache()
    everything = torch.ones(11, 11, dtype=torch.bool)
    with torch.inference_mode():
        backbone.run(TOKENS, 0, cache, everything)
        other = [*TOKENS[:4], 7, 7, *TOKENS[6:]]
        states = backbone.run(other, 0, cache, everything)
        assert torch.allclose(backbone.head(states), compute(model, other), atol=1e-4)
        last = backbone.run(other[6:], 6, cache, everything[6:])
        assert torch.allclose(last, states[6:], atol=1e-5)


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "llama"])
def test_int8_is_near_fp32(kind: Any, tmp_path: Path) -> None:
    layout, model = make(tmp_path, kind, tie_word_embeddings=kind == "qwen2")
    exact = compute(model, TOKENS)
    found = run(load(layout, "int8"), 11, [11])
    assert 0 < float((found - exact).norm() / exact.norm()) < 0.1


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precisions_are_near_fp32(precision: Arithmetic, tmp_path: Path) -> None:
    layout, model = make(tmp_path, "qwen3")
    exact = compute(model, TOKENS)
    found = run(load(layout, precision), 11, [11])
    assert found.dtype == torch.float32
    assert 0 < float((found - exact).norm() / exact.norm()) < 0.05


def read(layout: CheckpointDir) -> dict[str, torch.Tensor]:
    return load_file(layout.shards[0]) | load_file(layout.shards[1])


NORM = "model.norm.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({NORM: None}, "the weights lack model.norm.weight$"),
        ({NORM: None, "lm_head.weight": None}, "lack lm_head.weight and 1 more tensors"),
        ({"model.extra": torch.ones(2)}, "hold model.extra, which config.json knows nothing of"),
        ({NORM: torch.ones(31)}, r"norm.weight has shape \(31,\); config.json asks for \(32,\)"),
        ({NORM: torch.ones(32).char()}, "norm.weight is stored as I8; weights in fp32, bf16"),
    ],
)
def test_wrong_tensors_give_one_line(
    change: dict[str, torch.Tensor | None], said: str, tmp_path: Path
) -> None:
    layout, _ = make(tmp_path)
    changed = read(layout) | change
    store(layout, {name: tensor for name, tensor in changed.items() if tensor is not None})
    with pytest.raises(ModelError, match=said) as raised:
        load(layout)
    assert "\n" not in str(raised.value)


def test_a_truncated_shard_gives_one_line(tmp_path: Path) -> None:
    layout, _ = make(tmp_path)
    layout.shards[1].write_bytes(layout.shards[1].read_bytes()[:-100])
    with pytest.raises(
        ModelError, match=r"2\.safetensors is damaged, cut off .*; fetch the model again"
    ):
        load(layout)


@pytest.mark.parametrize("wrong", [{"hidden_size": "wide"}, {"hidden_act": "none"}])
def test_an_impossible_configuration_gives_one_line(wrong: dict[str, Any], tmp_path: Path) -> None:
    layout, _ = make(tmp_path)
    impossible = replace(layout, config={**layout.config, **wrong})
    with pytest.raises(ModelError, match=r"config\.json cannot be used: ") as raised:
        load(impossible)
    assert "\n" not in str(raised.value)


def test_int4_without_its_library_gives_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    layout, _ = make(tmp_path)
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(ModelError, match=r"needs bitsandbytes; install it with pip install"):
        load(layout, "int4")


def test_int4_is_near_fp32(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    layout, model = make(tmp_path, num_hidden_layers=1, hidden_size=64, intermediate_size=128)
    exact = compute(model, TOKENS)
    found = run(load(layout, "int4"), 11, [11])
    assert 0 < float((found - exact).norm() / exact.norm()) < 0.5
