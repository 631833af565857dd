from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lsp_server.models.interfaces import MASK, Growth, ModelError, PromptTokens
from lsp_server.models.kv_cache import KeyValueCache
from lsp_server.models.pretrained import denoisers
from lsp_server.models.pretrained.backbone import Backbone, load_backbone
from lsp_server.models.pretrained.checkpoint_dir import CheckpointDir, read_checkpoint_dir
from lsp_server.models.pretrained.denoisers import BlockDenoiser, TwoSidedDenoiser, load_masked
from tests.families.checkpoints import write
from tests.unit.checkpoint_dirs import CPU, ENTRIES, MASK_ID, ROWS, compute, make, shifted

PREFIX, SUFFIX = [5, 17, 3, 3, 40], [9, 30, 12, 28]
START, FINISH = 41, 42


class Recorder:
    """A backbone that keeps what it was asked to run: (first position, rows)."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self.device, self.vocabulary, self.head = CPU, backbone.vocabulary, backbone.head
        self.new_cache = backbone.new_cache
        self.runs: list[tuple[int, int]] = []

    def run(self, tokens: Sequence[int], first: int, cache: KeyValueCache, mask: Tensor) -> Tensor:
        self.runs.append((first, len(tokens)))
        return self._backbone.run(tokens, first, cache, mask)

    def taken(self) -> list[tuple[int, int]]:
        """What has been run since this was asked last."""
        runs, self.runs = self.runs, []
        return runs


def record(layout: CheckpointDir) -> Any:
    return Recorder(load_backbone(layout, "fp32", CPU, lambda message, fraction: None))


def expect(
    model: Any, layout: CheckpointDir, before: list[int], tokens: list[int], after: list[int]
) -> Tensor:
    """The masks' logits by a plain forward, without the entries that are never proposed."""
    row = [MASK_ID if token == MASK else token for token in [*before, *tokens, *after]]
    logits = compute(model, row, layout.block)
    if layout.family.shift:
        logits = torch.cat([logits[:1], logits[:-1]])
    at = [len(before) + i for i, token in enumerate(tokens) if token == MASK]
    wanted = logits[at]
    wanted[:, [MASK_ID, *range(ENTRIES, ROWS)]] = float("-inf")
    return wanted


def close(left: Tensor, right: Tensor) -> bool:
    return left.shape == right.shape and torch.allclose(left, right, atol=1e-4)


# Two-sided


@pytest.fixture(params=["aligned", "shifted", "framed"])
def two_sided(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[CheckpointDir, Any]:
    """A layout, with and without shift, start and finish; and its model."""
    layout, model = make(tmp_path)
    if request.param == "shifted":
        return shifted(layout), model
    if request.param == "framed":
        return shifted(layout, start=START, finish=FINISH), model
    return layout, model


def frame(layout: CheckpointDir) -> tuple[list[int], list[int]]:
    start = [] if layout.start is None else [layout.start]
    finish = [] if layout.finish is None else [layout.finish]
    return [*start, *PREFIX], [*SUFFIX, *finish]


def test_a_refresh_equals_a_whole_forward(two_sided: tuple[CheckpointDir, Any]) -> None:
    layout, model = two_sided
    denoiser = TwoSidedDenoiser(record(layout), layout, ENTRIES)
    before, after = frame(layout)
    for tokens in ([MASK] * 4, [MASK, 7, MASK, MASK], [8, 7, MASK, 1], [MASK], [3, MASK]):
        found = denoiser.denoise(PromptTokens.around(PREFIX, SUFFIX), tokens, refresh=True)
        assert found.vocabulary is None
        assert close(found.logits, expect(model, layout, before, tokens, after))


def test_a_whole_decode_with_refreshes_equals_the_uncached_one(
    two_sided: tuple[CheckpointDir, Any],
) -> None:
    layout, model = two_sided
    denoiser = TwoSidedDenoiser(record(layout), layout, ENTRIES)
    before, after = frame(layout)
    cached, plain = [MASK] * 8, [MASK] * 8
    for tokens, denoise in (
        (
            cached,
            lambda tokens: denoiser.denoise(PromptTokens.around(PREFIX, SUFFIX), tokens).logits,
        ),
        (plain, lambda tokens: expect(model, layout, before, tokens, after)),
    ):
        while MASK in tokens:
            probabilities, entries = denoise(tokens).softmax(-1).max(-1)
            row = int(probabilities.argmax())
            masks = [index for index, token in enumerate(tokens) if token == MASK]
            tokens[masks[row]] = int(entries[row])
    assert cached == plain
    assert len(set(cached)) > 2


def test_between_refreshes_only_the_canvas_is_run(two_sided: tuple[CheckpointDir, Any]) -> None:
    layout, model = two_sided
    backbone = record(layout)
    denoiser = TwoSidedDenoiser(backbone, layout, ENTRIES)
    before, after = frame(layout)
    shift = int(layout.family.shift)
    denoiser.denoise(PromptTokens.around(PREFIX, SUFFIX), [MASK] * 4)
    assert backbone.taken() == [(0, len(before) + 4 + len(after))]
    same = denoiser.denoise(PromptTokens.around(PREFIX, SUFFIX), [MASK] * 4, refresh=False)
    assert backbone.taken() == [(len(before) - shift, 4 + shift)]
    assert close(same.logits, expect(model, layout, before, [MASK] * 4, after))


def test_kept_keys_are_exact_where_they_do_not_depend_on_the_canvas(tmp_path: Path) -> None:
    layout, model = make(tmp_path, num_hidden_layers=1)
    backbone = record(layout)
    denoiser = TwoSidedDenoiser(backbone, layout, ENTRIES)
    denoiser.denoise(PromptTokens.around(PREFIX, SUFFIX), [MASK] * 4)
    for tokens in ([MASK, 7, MASK, MASK], [8, 7, MASK, 1], [MASK, 6, 5, MASK]):
        found = denoiser.denoise(PromptTokens.around(PREFIX, SUFFIX), tokens, refresh=False)
        assert close(found.logits, expect(model, layout, PREFIX, tokens, SUFFIX))
    assert [rows for _, rows in backbone.taken()] == [13, 4, 4, 4]


@pytest.mark.parametrize(
    ("prefix", "suffix", "masks"),
    [
        ([*PREFIX[:-1], 6], SUFFIX, 4),
        (PREFIX, [6, *SUFFIX[1:]], 4),
        (PREFIX, SUFFIX, 5),
        ([*PREFIX, 7], SUFFIX[1:], 4),
    ],
)
def test_what_does_not_fit_is_refreshed_unasked(
    prefix: list[int], suffix: list[int], masks: int, two_sided: tuple[CheckpointDir, Any]
) -> None:
    layout, _ = two_sided
    backbone = record(layout)
    denoiser = TwoSidedDenoiser(backbone, layout, ENTRIES)
    denoiser.denoise(PromptTokens.around(PREFIX, SUFFIX), [MASK] * 4)
    backbone.taken()
    prompt, canvas = PromptTokens.around(prefix, suffix), [MASK] * masks
    found = denoiser.denoise(prompt, canvas, refresh=False)
    assert backbone.taken()[0][0] == 0
    assert torch.equal(found.logits, denoiser.denoise(prompt, canvas).logits)


def test_the_first_position_of_all_has_only_itself(tmp_path: Path) -> None:
    layout, model = make(tmp_path)
    layout = shifted(layout)
    found = TwoSidedDenoiser(record(layout), layout, ENTRIES).denoise(
        PromptTokens.around([], []), [MASK] * 3
    )
    assert close(found.logits, expect(model, layout, [], [MASK] * 3, []))


def test_far_ends_are_cut_to_the_context(tmp_path: Path) -> None:
    layout, _ = make(tmp_path)
    layout = replace(layout, context=16, start=START)
    backbone = record(layout)
    denoiser = TwoSidedDenoiser(backbone, layout, ENTRIES)
    longer, shorter = [6] * 20, [7] * 20
    cut = denoiser.denoise(PromptTokens.around([*longer, *PREFIX], [*SUFFIX, *shorter]), [MASK] * 4)
    assert backbone.taken() == [(0, 16)]
    kept = PromptTokens.around([6, *PREFIX], [*SUFFIX, 7]), [MASK] * 4
    assert torch.equal(cut.logits, denoiser.denoise(*kept).logits)
    assert denoiser.width(5) == 10
    assert denoiser.width(99) == 7  # half of what the frame leaves
    with pytest.raises(ModelError, match="does not fit the model's context of 16"):
        denoiser.denoise(PromptTokens.around([], []), [MASK] * 16)


def test_growth_is_the_layouts_and_may_be_proposed(tmp_path: Path) -> None:
    layout, _ = make(tmp_path)
    layout = replace(layout, growth=Growth(expand=40, delete=0))
    denoiser = TwoSidedDenoiser(record(layout), layout, ENTRIES)
    assert denoiser.growth == Growth(40, 0)
    logits = denoiser.denoise(PromptTokens.around(PREFIX, SUFFIX), [MASK]).logits[0]
    never = {entry for entry in range(ROWS) if logits[entry] == float("-inf")}
    assert never == {MASK_ID, *range(ENTRIES, ROWS)}


# Block-causal

TEXT = [5, 17, 3, 3, 40, 8, 22, 1, 30, 12, 9, 28, 4, 4, 19]


def blocks(folder: Path, shift: bool, **changes: Any) -> tuple[CheckpointDir, Any]:
    layout, model = make(folder, "qwen3")
    family = replace(layout.family, attention="block-causal", shift=shift)
    changes = {"block": 4, "stride": None, "suffix": "unseen", **changes}
    return replace(layout, family=family, **changes), model


def padded(before: list[int], tokens: list[int], block: int) -> list[int]:
    """Masks to the end of the block."""
    return [MASK_ID] * (-(len(before) + len(tokens)) % block)


@pytest.mark.parametrize("start", [None, START])
@pytest.mark.parametrize(("block", "stride"), [(4, None), (8, 4), (1, None)])
@pytest.mark.parametrize("shift", [False, True])
def test_kept_blocks_equal_an_uncached_forward(
    shift: bool, block: int, stride: int | None, start: int | None, tmp_path: Path
) -> None:
    layout, model = blocks(tmp_path, shift, block=block, stride=stride, start=start)
    denoiser = BlockDenoiser(record(layout), layout, ENTRIES)
    ahead = [] if start is None else [start]
    for known in (0, 1, 3, 4, 5, 11, 12, 6, 7, 15, 15):
        width = denoiser.width(known)
        half = [MASK if i % 2 == 0 else 7 for i in range(width)]
        for tokens in ([MASK] * width, half):
            before = [*ahead, *TEXT[:known]]
            found = denoiser.denoise(PromptTokens.around(TEXT[:known], SUFFIX), tokens).logits
            after = padded(before, tokens, block)
            assert close(found, expect(model, layout, before, tokens, after))


@pytest.mark.parametrize("tokens", [[MASK] * 9, [7, 7, 7, 7, 7, MASK, 3, MASK], [2, MASK, MASK]])
@pytest.mark.parametrize("shift", [False, True])
def test_canvases_of_any_width_are_answered(shift: bool, tokens: list[int], tmp_path: Path) -> None:
    layout, model = blocks(tmp_path, shift)
    denoiser = BlockDenoiser(record(layout), layout, ENTRIES)
    found = denoiser.denoise(PromptTokens.around(TEXT[:6], []), tokens).logits
    after = padded(TEXT[:6], tokens, 4)
    assert close(found, expect(model, layout, TEXT[:6], tokens, after))


def test_whole_blocks_are_run_once(tmp_path: Path) -> None:
    layout, _ = blocks(tmp_path, shift=False)
    backbone = record(layout)
    denoiser = BlockDenoiser(backbone, layout, ENTRIES)
    changed = [*TEXT[:6], 2, *TEXT[7:]]
    runs = []
    for text, tokens in (
        (TEXT[:9], [MASK] * 3),
        (TEXT[:9], [7, MASK, 7]),
        (TEXT[:12], [MASK] * 4),
        (changed[:13], [MASK] * 3),
        (TEXT[:2], [MASK] * 2),
    ):
        denoiser.denoise(PromptTokens.around(text, []), tokens)
        runs.append(backbone.taken())
    assert runs == [[(0, 12)], [(8, 4)], [(8, 8)], [(4, 12)], [(0, 4)]]


def test_a_blocks_first_token_comes_from_the_block_before(tmp_path: Path) -> None:
    layout, model = blocks(tmp_path, shift=True)
    backbone = record(layout)
    denoiser = BlockDenoiser(backbone, layout, ENTRIES)
    assert [denoiser.width(known) for known in range(6)] == [4, 3, 2, 1, 1, 3]
    found = denoiser.denoise(PromptTokens.around(TEXT[:8], []), [MASK]).logits
    assert backbone.taken() == [(0, 8)]
    assert close(found[0, : ENTRIES - 1], compute(model, TEXT[:8], 4)[7, : ENTRIES - 1])


def test_blocks_of_one_are_a_causal_model(tmp_path: Path) -> None:
    layout, model = blocks(tmp_path, shift=True, block=1)
    denoiser = BlockDenoiser(record(layout), layout, ENTRIES)
    written, exact = TEXT[:5], TEXT[:5]
    for _ in range(10):
        assert denoiser.width(len(written)) == 1
        written = [
            *written,
            int(denoiser.denoise(PromptTokens.around(written, []), [MASK]).logits.argmax()),
        ]
        logits = compute(model, exact, 1)[-1, :ENTRIES].clone()
        logits[MASK_ID] = float("-inf")
        exact = [*exact, int(logits.argmax())]
    assert written == exact


def test_a_suffix_in_the_prompt_moves_the_blocks(tmp_path: Path) -> None:
    layout, model = blocks(tmp_path, shift=False, suffix="prompt", infill=(33, 34, 35))
    denoiser = BlockDenoiser(record(layout), layout, ENTRIES)
    before = [33, 34, *SUFFIX, 35, *TEXT[:3]]
    found = denoiser.denoise(PromptTokens.around(TEXT[:3], SUFFIX), [MASK] * 2).logits
    assert close(found, expect(model, layout, before, [MASK] * 2, []))
    assert [denoiser.width(known) for known in (3, 4, 5)] == [2, 1, 4]


def test_long_prefixes_are_run_in_slices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(denoisers, "_SLICE", 9)
    layout, model = blocks(tmp_path, shift=False)
    backbone = record(layout)
    text = TEXT * 2
    found = (
        BlockDenoiser(backbone, layout, ENTRIES)
        .denoise(PromptTokens.around(text, []), [MASK] * 2)
        .logits
    )
    assert backbone.taken() == [(0, 8), (8, 8), (16, 8), (24, 8)]
    assert close(found, expect(model, layout, text, [MASK] * 2, []))


def test_a_long_prefix_is_cut_by_whole_blocks_and_stays_kept(tmp_path: Path) -> None:
    layout, model = blocks(tmp_path, shift=False, context=32, start=START)
    backbone = record(layout)
    denoiser = BlockDenoiser(backbone, layout, ENTRIES)
    text = TEXT * 3
    found = denoiser.denoise(PromptTokens.around(text[:30], []), [MASK]).logits
    assert close(found, expect(model, layout, [START, *text[8:30]], [MASK], []))
    assert backbone.taken() == [(0, 24)]
    denoiser.denoise(PromptTokens.around(text[:31], []), [MASK])
    assert backbone.taken() == [(20, 8)]
    with pytest.raises(ModelError, match="does not fit the model's context of 32"):
        denoiser.denoise(PromptTokens.around([], []), [MASK] * 30)


# Loading


def test_a_checkpoint_is_loaded_with_its_denoiser(tmp_path: Path) -> None:
    write("dreamon", tmp_path / "small")
    layout, told = read_checkpoint_dir(tmp_path / "small"), []
    model = load_masked(layout, "int8", CPU, lambda message, fraction: told.append(fraction))
    assert isinstance(model.denoiser, TwoSidedDenoiser)
    assert model.verifier is None
    info = model.info
    assert (info.name, info.family, info.precision, info.device) == (
        "small",
        "dreamon",
        "int8",
        "cpu",
    )
    assert told == sorted(told)
    assert len(told) > 20


def test_a_tokenizer_of_another_model_gives_one_line(tmp_path: Path) -> None:
    write("sdar", tmp_path)
    layout = read_checkpoint_dir(tmp_path)
    smaller = replace(layout, config={**layout.config, "vocab_size": 200})
    with pytest.raises(ModelError, match=r"the tokenizer has 303 ids, the model 200$"):
        load_masked(smaller, "fp32", CPU, lambda message, fraction: None)
