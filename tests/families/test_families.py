"""Every family from its published layout: recognised, loaded, equal to the published code, decoded.

The golden logits are those of each family's own modelling code on the same checkpoint; README.md
beside this file says how they were made.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.types import Hole, Infill, Step
from lsp_server.models.interfaces import (
    MASK,
    Cancelled,
    Growth,
    Marginals,
    ModelError,
    PromptTokens,
    Stop,
    never,
)
from lsp_server.models.pretrained.checkpoint_dir import (
    CheckpointDir,
    DeclaredOptions,
    read_checkpoint_dir,
)
from lsp_server.models.pretrained.denoisers import MaskedModel, load_masked
from lsp_server.models.tokenizers import FolderTokenizer
from lsp_server.settings import Settings
from tests.families.checkpoints import RECIPES, write
from tests.families.reference import compute_logits

GOLDEN = Path(__file__).parent / "golden"
CASES = range(3)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a family's folder must be understood as."""

    family: str
    backbone: str
    mask: str
    end: str
    shift: bool = False
    start: str | None = None
    finish: str | None = None
    block: int | None = None
    stride: int | None = None
    expand: str | None = None
    licence: str = "apache-2.0"


EXPECTED = {
    "dream": Expected(
        "dream",
        "qwen2",
        "<|mask|>",
        "<|endoftext|>",
        shift=True,
        start="<|beginoftext|>",
        finish="<|endoftext|>",
    ),
    "dreamon": Expected(
        "dreamon",
        "qwen2",
        "<|mask|>",
        "<|endoftext|>",
        shift=True,
        start="<|beginoftext|>",
        finish="<|endoftext|>",
        expand="<|expand|>",
    ),
    "open-dcoder": Expected("open-dcoder", "qwen2", "<M>", "<|endoftext|>", shift=True),
    "a2d-mdlm": Expected("a2d-mdlm", "qwen2", "<|mask|>", "<|im_end|>"),
    "a2d-bd3lm": Expected("a2d-bd3lm", "qwen3", "<|mask|>", "<|im_end|>", block=32, stride=32),
    "llada": Expected("llada", "llama", "<|mdm_mask|>", "<|endoftext|>", licence="mit"),
    "illada": Expected("llada", "llama", "<[MASK]>", "</s>"),
    "fast-dllm-v2": Expected(
        "fast-dllm-v2", "qwen2", "|<MASK>|", "<|im_end|>", shift=True, block=32, stride=8
    ),
    "sdar": Expected("sdar", "qwen3", "<MASK>", "<|endoftext|>", block=4, stride=4),
}
NAMES = sorted(EXPECTED)
BLOCKS = [name for name in NAMES if EXPECTED[name].block]
PUBLISHED = [name for name in NAMES if name != "illada"]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A family's folder, written once."""

    @cache
    def find(name: str) -> Path:
        folder = tmp_path_factory.mktemp("checkpoints") / name
        write(name, folder)
        return folder

    return find


@pytest.fixture(scope="module")
def model_of(folder_of: Callable[[str], Path]) -> Callable[[str], MaskedModel]:
    """A family's model in fp32, loaded once."""

    @cache
    def load(name: str) -> MaskedModel:
        return load_folder(folder_of(name), name)

    return load


def understand(folder: Path, name: str) -> CheckpointDir:
    # Nothing in its folder tells A2D's block diffusion from its masked one: a user does.
    return read_checkpoint_dir(folder, DeclaredOptions(block=32) if name == "a2d-bd3lm" else None)


def load_folder(folder: Path, name: str) -> MaskedModel:
    cpu = torch.device("cpu")
    return load_masked(understand(folder, name), "fp32", cpu, lambda message, fraction: None)


def golden(name: str, case: int) -> tuple[list[int], list[int], Tensor]:
    """Ids of a whole sequence, its masked places, and the published code's logits for those."""
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        ids, masks = arrays[f"ids{case}"].tolist(), arrays[f"masks{case}"].tolist()
        return ids, masks, torch.from_numpy(arrays[f"logits{case}"])


def frame(
    layout: CheckpointDir, ids: list[int], masks: list[int]
) -> tuple[PromptTokens, list[int]]:
    """Prompt and canvas that become the sequence ``ids``; its ends are the family's to add."""
    first, last = masks[0], masks[-1]
    prefix, tokens, suffix = ids[:first], ids[first : last + 1], ids[last + 1 :]
    if layout.start is not None:
        assert prefix.pop(0) == layout.start
    if layout.finish is not None:
        assert suffix.pop() == layout.finish
    canvas = [MASK if token == layout.mask else token for token in tokens]
    return PromptTokens.around(prefix, suffix), canvas


def check_equal(marginals: Marginals[Tensor], logits: Tensor, layout: CheckpointDir) -> None:
    """Equal within 1e-4; only the mask and ids that no tokenizer knows are never proposed."""
    assert marginals.vocabulary is None
    proposed = marginals.logits.isfinite()
    assert bool((proposed == proposed[0]).all())
    left_out = torch.nonzero(~proposed[0]).flatten().tolist()
    last = max(layout.ends)
    assert [token for token in left_out if token <= last] == [layout.mask]
    entries = proposed[0]
    torch.testing.assert_close(marginals.logits[:, entries], logits[:, entries], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_understood(name: str, folder_of: Callable[[str], Path]) -> None:
    expected, folder = EXPECTED[name], folder_of(name)
    ids = RECIPES[name].vocabulary.tokens
    layout = understand(folder, name)
    assert (layout.family.name, layout.backbone) == (expected.family, expected.backbone)
    assert (layout.family.shift, layout.mask) == (expected.shift, ids[expected.mask])
    assert (layout.block, layout.stride) == (expected.block, expected.stride)
    ends = (expected.start, expected.finish)
    assert (layout.start, layout.finish) == tuple(None if e is None else ids[e] for e in ends)
    expand, delete = expected.expand, ids[expected.end]
    assert layout.growth == (None if expand is None else Growth(ids[expand], delete))
    assert delete in layout.ends
    assert layout.mask in layout.ends
    assert layout.suffix == ("unseen" if expected.block else "seen")
    assert layout.licence == expected.licence
    numbers = 0
    for shard in layout.shards:
        with safe_open(shard, "pt") as tensors:
            numbers += sum(tensors.get_tensor(key).numel() for key in tensors.keys())  # noqa: SIM118
    assert layout.parameters == numbers


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_is_known_by_its_name_alone(name: str, tmp_path: Path) -> None:
    write(name, tmp_path)
    for file in ("config.json", "tokenizer_config.json", "special_tokens_map.json"):
        edit(tmp_path / file, mask_token_id=None, mask_token=None)
    vocabulary = RECIPES[name].vocabulary
    assert understand(tmp_path, name).mask == vocabulary.tokens[EXPECTED[name].mask]


@pytest.mark.parametrize("name", PUBLISHED)
def test_text_is_cut_as_the_published_tokenizer_does(
    name: str, folder_of: Callable[[str], Path]
) -> None:
    tokenizer = FolderTokenizer(understand(folder_of(name), name))
    texts = {
        "def f(self):\n    return print(x)\n": "263 220 69 7 274 8 25 198 256 220 220 267 220 271 "
        "7 87 8 198",
        "  it's 12 naïve\t→}\r\n\n  y": "220 220 72 83 6 82 220 16 17 220 77 64 127 107 85 68 197 "
        "158 228 240 92 201 198 198 220 220 88",
    }
    for text, ids in texts.items():
        assert tokenizer.encode(text) == [int(token) for token in ids.split()]
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_mask_in_a_document_is_text(
    name: str, folder_of: Callable[[str], Path]
) -> None:
    layout = understand(folder_of(name), name)
    tokenizer, text = FolderTokenizer(layout), EXPECTED[name].mask
    assert not layout.ends & set(tokenizer.encode(text))
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.pieces()[layout.mask] == b""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", PUBLISHED)
def test_logits_equal_the_published_code(
    name: str,
    case: int,
    folder_of: Callable[[str], Path],
    model_of: Callable[[str], MaskedModel],
) -> None:
    layout = understand(folder_of(name), name)
    ids, masks, logits = golden(name, case)
    marginals = model_of(name).denoiser.denoise(*frame(layout, ids, masks))
    check_equal(marginals, logits, layout)


@pytest.mark.parametrize("case", CASES)
def test_illada_equals_the_reference(
    case: int, folder_of: Callable[[str], Path], model_of: Callable[[str], MaskedModel]
) -> None:
    layout = understand(folder_of("illada"), "illada")
    mask = layout.mask
    ids = [[9, 40, 80, mask, mask, 7, 200], [mask] * 4, [30, mask, 31, mask, 32]][case]
    masks = [place for place, token in enumerate(ids) if token == mask]
    marginals = model_of("illada").denoiser.denoise(*frame(layout, ids, masks))
    logits = torch.from_numpy(compute_logits(layout.folder, ids)[masks]).float()
    check_equal(marginals, logits, layout)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", BLOCKS)
def test_a_canvas_that_ends_within_its_block_is_seen_masked_to_the_end(
    name: str,
    case: int,
    folder_of: Callable[[str], Path],
    model_of: Callable[[str], MaskedModel],
) -> None:
    layout = understand(folder_of(name), name)
    ids, masks, logits = golden(name, case)
    known, denoiser = masks[0], model_of(name).denoiser
    width = denoiser.width(known)
    widths = {"a2d-bd3lm": (27, 21, 32), "fast-dllm-v2": (3, 5, 1), "sdar": (3, 2, 4)}
    assert width == widths[name][case]
    if case < 2:  # the third has known tokens among its masks
        marginals = denoiser.denoise(PromptTokens.around(ids[:known], ()), [MASK] * width)
        check_equal(marginals, logits[:width], layout)


@pytest.mark.parametrize("name", NAMES)
def test_a_hole_is_filled_and_every_forward_shown(
    name: str, model_of: Callable[[str], MaskedModel]
) -> None:
    steps: list[Step] = []
    model = model_of(name)
    infill = decode(model, observe=steps.append)
    assert infill.cost.forwards.canvas == len(steps) > 1
    assert {step.kind for step in steps} == {"canvas"}
    assert 0 < infill.cost.tokens <= 12
    full = not model.denoiser.two_sided and infill.cost.tokens == 12
    assert infill.reason == ("length" if full else "ended")


@pytest.mark.parametrize("name", NAMES)
def test_a_filling_stops_between_two_forwards(
    name: str, model_of: Callable[[str], MaskedModel]
) -> None:
    steps: list[Step] = []
    model = model_of(name)
    before = decode(model)
    with pytest.raises(Cancelled):
        decode(model, stop=lambda: len(steps) == 1, observe=steps.append)
    assert len(steps) == 1
    assert decode(model).ids == before.ids


def decode(
    model: MaskedModel, stop: Stop = never, observe: Callable[[Step], None] | None = None
) -> Infill:
    hole = Hole(Prompt.around("def f(self):\n    return ", "\n\nprint(f)\n"), max_tokens=12)
    decoder = Decoder(model, Settings(sampler="threshold", min_confidence=0.0))
    return decoder.infill(hole, stop, observe)


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_one_clear_line(name: str, tmp_path: Path) -> None:
    write(name, tmp_path)
    last = sorted(tmp_path.glob("*.safetensors"))[-1]
    last.write_bytes(last.read_bytes()[:-100])
    assert last.name in refuse(tmp_path, name)


@pytest.mark.parametrize("name", [name for name in NAMES if RECIPES[name].shards > 1])
def test_a_missing_file_is_one_clear_line(name: str, tmp_path: Path) -> None:
    write(name, tmp_path)
    last = sorted(tmp_path.glob("*.safetensors"))[-1]
    last.unlink()
    assert last.name in refuse(tmp_path, name)


def test_pickled_weights_are_never_opened(tmp_path: Path) -> None:
    write("dream", tmp_path)
    for file in [*tmp_path.glob("*.safetensors"), tmp_path / "model.safetensors.index.json"]:
        file.unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    assert "pickled" in refuse(tmp_path, "dream")


def test_an_unknown_family_is_one_clear_line(tmp_path: Path) -> None:
    write("dream", tmp_path)
    edit(tmp_path / "config.json", model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"])
    message = refuse(tmp_path, "dream")
    assert "GPTNeoXForCausalLM" in message
    assert "dream" in message


def test_a_causal_model_is_told_from_a_masked_one(tmp_path: Path) -> None:
    write("open-dcoder", tmp_path)
    (tmp_path / "added_tokens.json").unlink()
    for name in ("tokenizer_config.json", "special_tokens_map.json", "tokenizer.json"):
        file = tmp_path / name
        text = file.read_text("utf-8").replace('"mask_token"', '"other"').replace("<M>", "<N>")
        file.write_text(text, "utf-8")
    assert "mask" in refuse(tmp_path, "open-dcoder")


@pytest.mark.parametrize("name", NAMES)
def test_tensors_that_config_json_does_not_describe_are_one_clear_line(
    name: str, tmp_path: Path
) -> None:
    write(name, tmp_path)
    inner = "mlp_hidden_size" if name == "llada" else "intermediate_size"
    edit(tmp_path / "config.json", **{inner: 64})
    assert "shape" in refuse(tmp_path, name)


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def refuse(folder: Path, name: str) -> str:
    """What a person reads when the folder is refused: one line."""
    with pytest.raises(ModelError) as refused:
        load_folder(folder, name)
    message = str(refused.value)
    assert len(message.splitlines()) == 1
    return message
