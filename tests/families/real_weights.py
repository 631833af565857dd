"""Runs real weights through the code for families: the embedded base, with blocks of one token.

A block-causal model with blocks of one token and shifted logits is a causal model. Written in
Fast-dLLM v2's layout with such blocks, the base must give its own greedy text, token for token:
``python -m tests.families.real_weights`` fills 50 holes both ways, in fp32.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file

from lsp_server.bench.holes import default_files, draw_cuts, open_files
from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.types import Hole
from lsp_server.models import loader
from lsp_server.models.embedded.model import EmbeddedModel
from lsp_server.models.embedded.torch_network import TorchNetwork
from lsp_server.models.embedded.transformer import Qwen2
from lsp_server.models.interfaces import Model
from lsp_server.models.pretrained.checkpoint_dir import DeclaredOptions, read_checkpoint_dir
from lsp_server.models.pretrained.denoisers import load_masked
from lsp_server.models.storage import cache_folder
from lsp_server.settings import Settings
from tests.unit.reference import transformers_model

BEFORE, BEHIND, TOKENS = 160, 60, 8  # characters of context, tokens of answer: fp32 is slow


def in_blocks(base: EmbeddedModel) -> Model:
    """The weights of a dense base, written to a folder, and loaded from it like any other."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(base, folder)
        layout = read_checkpoint_dir(folder, DeclaredOptions(infill=True))
        return load_masked(layout, "fp32", torch.device("cpu"), lambda message, fraction: None)


def compare(base: EmbeddedModel, blocks: Model, count: int) -> Iterator[bool]:
    """For each of ``count`` holes of real files, whether both write the same tokens."""
    one_at_a_time = Decoder(base, Settings(drafts=()))
    block_by_block = Decoder(blocks, Settings())
    for cut in draw_cuts(open_files(default_files()), count, seed=5):
        text = cut.file.text
        before = text[max(0, cut.start - BEFORE) : cut.start]
        hole = Hole(
            Prompt.around(before, text[cut.end : cut.end + BEHIND]), TOKENS, end=_end_of_line
        )
        expected, found = one_at_a_time.infill(hole), block_by_block.infill(hole)
        same = (found.ids, found.text) == (expected.ids, expected.text)
        yield same and found.cost.forwards.canvas == found.cost.tokens


def _end_of_line(written: str) -> int | None:
    end = written.find("\n")
    return None if end < 0 else end


def _write(base: EmbeddedModel, folder: Path) -> None:
    shape = _qwen2(base).shape
    tensors = transformers_model(_qwen2(base)).state_dict()
    copies = {name: tensor.float().clone() for name, tensor in tensors.items()}
    save_file(copies, folder / "model.safetensors")
    config = {
        "architectures": ["Fast_dLLM_QwenForCausalLM"],
        "model_type": "Fast_dLLM_Qwen",
        "bd_size": 1,
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_heads,
        "max_position_embeddings": shape.context,
        "rms_norm_eps": shape.epsilon,
        "rope_theta": shape.rope_base,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
    }
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(cache_folder() / "tokenizer.json", folder)


def _qwen2(model: EmbeddedModel) -> Qwen2:
    assert isinstance(model.network, TorchNetwork)
    return model.network.base


def main() -> int:
    base = loader.load(Settings(precision="fp32"))
    assert isinstance(base, EmbeddedModel)
    same = list(compare(base, in_blocks(base), 50))
    print(f"{sum(same)} of {len(same)} holes filled with the same tokens")
    return 0 if all(same) else 1


if __name__ == "__main__":
    raise SystemExit(main())
