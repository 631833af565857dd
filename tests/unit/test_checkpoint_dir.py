"""Model folders: what is understood of them, and the one line for those that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers.convert_slow_tokenizer import bytes_to_unicode

from lsp_server.models.interfaces import Growth, ModelError
from lsp_server.models.pretrained.checkpoint_dir import (
    CheckpointDir,
    DeclaredOptions,
    read_checkpoint_dir,
)
from lsp_server.models.tokenizers import FolderTokenizer, printable_bytes
from tests.unit.folders import ADDED, DREAM, QWEN2, characters, tensors, write_folder

SDAR = QWEN2 | {"architectures": ["SDARForCausalLM"], "mask_token_id": 257}
A2D = QWEN2 | {"architectures": ["A2DQwen2LMHeadModel"], "model_type": "a2d-qwen2"}
FIM = ADDED | {"<|fim_prefix|>": 258, "<|fim_middle|>": 259, "<|fim_suffix|>": 260}


def layout(
    folder: Path, *arguments: Any, declared: DeclaredOptions | None = None, **more: Any
) -> CheckpointDir:
    return read_checkpoint_dir(write_folder(folder, *arguments, **more), declared)


def refuse(folder: Path, words: str, declared: DeclaredOptions | None = None) -> None:
    """The folder gets one line with ``words`` in it."""
    with pytest.raises(ModelError, match=words) as failure:
        read_checkpoint_dir(folder, declared)
    assert "\n" not in str(failure.value)
    assert str(folder) in str(failure.value)


def test_the_mask_is_the_configurations_then_the_tokenizers_then_the_familys(
    tmp_path: Path,
) -> None:
    silent = {name: value for name, value in DREAM.items() if name != "mask_token_id"}
    assert layout(tmp_path / "a", DREAM | {"mask_token_id": 7}).mask == 7
    assert layout(tmp_path / "b", silent).mask == ADDED["<|mask|>"]
    named = {"mask_token": {"content": "<|gap|>"}}
    added = {"<|endoftext|>": 256, "<|gap|>": 257}
    assert layout(tmp_path / "c", silent, added, roles=named).mask == 257
    large = silent | {"vocab_size": 151936}
    assert layout(tmp_path / "d", large, {"<|endoftext|>": 256}).mask == 151666


def test_the_token_that_expands_makes_it_dreamon(tmp_path: Path) -> None:
    assert layout(tmp_path / "dream").growth is None
    padded = layout(tmp_path / "diffucoder", DREAM, ADDED | {"<|dlm_pad|>": 258})
    assert (padded.family.name, padded.growth) == ("dream", None)
    grown = layout(tmp_path / "dreamon", DREAM, ADDED | {"<|expand|>": 258})
    assert (grown.family.name, grown.growth) == ("dreamon", Growth(258, 256))


@pytest.mark.parametrize(
    ("config", "declared", "name", "block"),
    [
        (A2D, None, "a2d-mdlm", None),
        (A2D | {"block_size": 16}, None, "a2d-bd3lm", 16),
        (A2D, DeclaredOptions(block=32), "a2d-bd3lm", 32),
        (A2D | {"block_size": 16}, DeclaredOptions(block=32), "a2d-bd3lm", 32),
        (SDAR, None, "sdar", 4),
        (SDAR | {"block_size": 64}, None, "sdar", 64),
    ],
)
def test_blocks(
    tmp_path: Path,
    config: dict[str, Any],
    declared: DeclaredOptions | None,
    name: str,
    block: int | None,
) -> None:
    found = layout(tmp_path / "m", config, declared=declared)
    assert (found.family.name, found.block, found.stride) == (name, block, block)


def test_a_frame_is_the_tokenizers_before_the_configurations(tmp_path: Path) -> None:
    ids = {"bos_token_id": 1, "eos_token_id": [2, 3]}
    added = ADDED | {"<|beginoftext|>": 258}
    named = layout(tmp_path / "a", DREAM | ids, added, roles={"bos_token": "<|beginoftext|>"})
    assert (named.start, named.finish) == (258, 256)
    assert {2, 3, *added.values()} == named.ends
    plain = layout(tmp_path / "b", DREAM | ids, roles={"eos_token": None})
    assert (plain.start, plain.finish) == (1, 2)
    other = layout(tmp_path / "c", A2D | ids)
    assert (other.start, other.finish) == (None, None)


def test_a_stored_head_is_the_one_to_use(tmp_path: Path) -> None:
    tied = DREAM | {"tie_word_embeddings": True}
    assert not layout(tmp_path / "a", tied).config["tie_word_embeddings"]
    embedding = {"model.embed_tokens.weight": torch.zeros(272, 8)}
    assert layout(tmp_path / "b", tied, weights=embedding).config["tie_word_embeddings"]
    wanting = layout(
        tmp_path / "c", DREAM | {"tie_word_embeddings": False}, weights=embedding
    ).config
    assert not wanting["tie_word_embeddings"]


def test_only_a_backbones_own_keys_reach_it(tmp_path: Path) -> None:
    noise = {
        "auto_map": {"AutoModel": "evil.Model"},
        "layer_types": ["x"],
        "torch_dtype": "bfloat16",
    }
    config = layout(tmp_path / "m", DREAM | noise).config
    assert set(config) == {*QWEN2, "tie_word_embeddings"}


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\ntags:\n- code\n---\n# Model", "apache-2.0"),
        ('---\ntags: [x]\nlicense: "mit"\n---\n', "mit"),
        ("---\nlicense: other\nlicense_name: apple-amlr\n---\n", "apple-amlr"),
        ("---\nlicense:\n- mit\n- apache-2.0\n---\n", "mit, apache-2.0"),
        ("---\nlicense: [mit\n---\n", "unknown"),
        ("---\n- license\n---\n", "unknown"),
        ("# A card\nlicense: mit\n", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_licence_is_the_cards(tmp_path: Path, card: str | None, licence: str) -> None:
    folder = write_folder(tmp_path / "m")
    if card is not None:
        (folder / "README.md").write_text(card)
    assert read_checkpoint_dir(folder).licence == licence
    (folder / "LICENSE").write_text("\n   Apple Sample Code License\nmore")
    expected = "Apple Sample Code License" if licence == "unknown" else licence
    assert read_checkpoint_dir(folder).licence == expected


def test_a_suffix_is_seen_unseen_or_in_the_prompt(tmp_path: Path) -> None:
    assert layout(tmp_path / "a").suffix == "seen"
    assert layout(tmp_path / "b", SDAR, FIM).suffix == "unseen"
    prompted = layout(tmp_path / "c", SDAR, FIM, declared=DeclaredOptions(infill=True))
    assert (prompted.suffix, prompted.infill) == ("prompt", (258, 260, 259))
    refuse(
        write_folder(tmp_path / "d", SDAR), "--fim needs a tokenizer", DeclaredOptions(infill=True)
    )
    refuse(write_folder(tmp_path / "e"), "without --fim", DeclaredOptions(infill=True))
    refuse(write_folder(tmp_path / "f"), "has no blocks", DeclaredOptions(block=4))


def test_memory_is_known_from_headers(tmp_path: Path) -> None:
    weights = tensors() | {"model.layers.0.mlp.up_proj.weight": torch.zeros(4000, 4000)}
    found = layout(tmp_path / "m", weights=weights)
    assert found.parameters == 4_004_352 + 12_000_000
    exact = {"fp32": 4, "bf16": 2, "int8": 1}
    for precision, size in exact.items():
        more = found.memory(precision) - layout(tmp_path / "n").memory(precision)
        assert more == pytest.approx((size + 4) * 16_000_000, rel=0.01)


def test_shards_are_counted_together(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    places = {}
    for index, (name, tensor) in enumerate(tensors().items()):
        places[name] = f"model-{index}.safetensors"
        save_file({name: tensor}, folder / places[name])
    index_file = folder / "model.safetensors.index.json"
    index_file.write_text(json.dumps({"weight_map": places}))
    found = read_checkpoint_dir(folder)
    assert [shard.name for shard in found.shards] == ["model-0.safetensors", "model-1.safetensors"]
    assert found.parameters == 4352
    (folder / "model-1.safetensors").unlink()
    refuse(folder, r"incomplete: model-1\.safetensors is missing")


@pytest.mark.parametrize("kept", [0, 4, 60, 1000, -1])
def test_weights_that_are_cut_off(tmp_path: Path, kept: int) -> None:
    folder = write_folder(tmp_path / "m")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    refuse(folder, "cut off")


@pytest.mark.parametrize(
    "content",
    [
        b"\x02" + bytes(7) + b"[]",
        b"\x02" + bytes(7) + b"{x",
        b"PK\x03\x04 zip of a pickle",
    ],
)
def test_weights_that_are_none(tmp_path: Path, content: bytes) -> None:
    folder = write_folder(tmp_path / "m")
    (folder / "model.safetensors").write_bytes(content)
    refuse(folder, "no safetensors file|damaged")


def test_weights_with_something_behind_them(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes() + b"more")
    refuse(folder, "damaged")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt"])
def test_pickled_weights_are_never_opened(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path / "m")
    (folder / "model.safetensors").rename(folder / name)
    (folder / name).chmod(0)
    refuse(folder, "pickled weights only .*never opened")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (QWEN2 | {"architectures": ["BertModel"], "model_type": "bert"}, "recognised BertModel"),
        (QWEN2, "no architecture"),
        (
            QWEN2 | {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"},
            "recognised Qwen2ForCausalLM, qwen2; missing is a mask token",
        ),
        (DREAM | {"hidden_size": None}, "does not give hidden_size"),
        (DREAM | {"num_hidden_layers": "many"}, "does not give num_hidden_layers"),
        (DREAM | {"quantization_config": {"bits": 4}}, "quantised weights"),
        (DREAM | {"mask_token_id": 272}, "mask token is 272"),
        (SDAR | {"block_size": -4}, "block_size is -4"),
    ],
)
def test_configurations_that_do_not_fit(tmp_path: Path, config: dict[str, Any], words: str) -> None:
    refuse(write_folder(tmp_path / "m", config, {"<|endoftext|>": 256}), words)


def test_folders_that_are_none(tmp_path: Path) -> None:
    refuse(tmp_path / "missing", "no model folder")
    (tmp_path / "empty").mkdir()
    refuse(tmp_path / "empty", r"no config\.json")
    folder = write_folder(tmp_path / "m")
    (folder / "merges.txt").unlink()
    refuse(folder, "has no tokenizer")
    (folder / "config.json").write_text("{")
    refuse(folder, "cannot be read")
    (folder / "config.json").write_text("[]")
    refuse(folder, "no JSON object")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("tokenizer_config.json", {"added_tokens_decoder": {"x": {"content": "y"}}}),
        ("tokenizer_config.json", {"added_tokens_decoder": {"7": {}}}),
        ("model.safetensors.index.json", {"weight_map": ["model.safetensors"]}),
        ("config.json", DREAM | {"architectures": 3}),
    ],
)
def test_files_that_nobody_would_publish(
    tmp_path: Path, file: str, content: dict[str, Any]
) -> None:
    folder = write_folder(tmp_path / "m")
    (folder / file).write_text(json.dumps(content))
    refuse(folder, "cannot be understood as a model")


def test_special_tokens_in_a_document_stay_text(tmp_path: Path) -> None:
    tokenizer = FolderTokenizer(layout(tmp_path / "m", SDAR, FIM))
    for text in ("<|mask|> é\x00\n", "<|fim_middle|><|endoftext|>", "\ufffd"):
        ids = tokenizer.encode(text)
        assert not tokenizer.ends & set(ids)
        assert tokenizer.decode(ids) == text
    assert tokenizer.ends == set(FIM.values())
    assert tokenizer.decode([257, ord("A"), 256]) == "A"
    assert tokenizer.pieces()[255:] == [b"\xff", b"", b"", b"", b"", b""]


def test_the_printable_bytes_are_transformers_own() -> None:
    assert printable_bytes() == {piece: byte for byte, piece in bytes_to_unicode().items()}


def test_a_tokenizer_file_gives_the_same(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", SDAR, FIM)
    slow = FolderTokenizer(read_checkpoint_dir(folder))
    slow._tokenizer.save(str(folder / "tokenizer.json"))
    file = json.loads((folder / "tokenizer.json").read_text())
    for entry in file["added_tokens"]:
        entry["special"] = False  # as many are published
    (folder / "tokenizer.json").write_text(json.dumps(file))
    for name in ("vocab.json", "merges.txt", "added_tokens.json"):
        (folder / name).unlink()
    fast = FolderTokenizer(read_checkpoint_dir(folder))
    assert read_checkpoint_dir(folder).added == FIM
    assert (fast.ends, fast.pieces()) == (slow.ends, slow.pieces())
    assert fast.encode("<|mask|> x") == slow.encode("<|mask|> x")


def test_tokenizers_that_cannot_be_used(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m")
    found = read_checkpoint_dir(folder)
    pieces = ["\u2581the", *characters()[1:]]  # SentencePiece writes a blank so
    vocabulary = {piece: token for token, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    with pytest.raises(ModelError, match="no byte-level BPE"):
        FolderTokenizer(found)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        FolderTokenizer(found)
