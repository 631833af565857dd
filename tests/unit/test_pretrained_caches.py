"""What models from folders keep between forwards: of which documents, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lsp_server.models.interfaces import MASK, PromptTokens
from lsp_server.models.pretrained.checkpoint_dir import CheckpointDir
from lsp_server.models.pretrained.denoisers import BlockDenoiser, MaskedModel, TwoSidedDenoiser
from tests.unit.checkpoint_dirs import ENTRIES
from tests.unit.test_pretrained_denoisers import (
    PREFIX,
    SUFFIX,
    TEXT,
    blocks,
    close,
    expect,
    frame,
    record,
    two_sided,
)

__all__ = ["two_sided"]  # a fixture


def test_a_forgotten_document_leaves_a_two_sided_cache(
    two_sided: tuple[CheckpointDir, Any],
) -> None:
    layout, model = two_sided
    backbone = record(layout)
    denoiser = TwoSidedDenoiser(backbone, layout, ENTRIES)
    before, after = frame(layout)
    prompt, whole = PromptTokens.around(PREFIX, SUFFIX, "a"), len(before) + 2 + len(after)
    denoiser.denoise(prompt, [MASK, MASK])
    denoiser.forget("b")
    denoiser.denoise(prompt, [MASK, MASK], refresh=False)
    assert [rows < whole for _, rows in backbone.taken()] == [False, True]
    denoiser.forget("a")
    found = denoiser.denoise(prompt, [MASK, MASK], refresh=False)
    assert backbone.taken() == [(0, whole)]
    assert close(found.logits, expect(model, layout, before, [MASK, MASK], after))


def test_a_forgotten_document_leaves_the_cached_blocks(tmp_path: Path) -> None:
    layout, _ = blocks(tmp_path, shift=False)
    backbone = record(layout)
    denoiser = BlockDenoiser(backbone, layout, ENTRIES)
    prompt = PromptTokens.around(PREFIX, (), "a")
    denoiser.denoise(prompt, [MASK])
    backbone.taken()
    denoiser.denoise(prompt, [MASK])
    assert backbone.taken() == [(4, 4)]
    denoiser.forget("a")
    denoiser.denoise(prompt, [MASK])
    assert backbone.taken()[0][0] == 0


def test_an_infill_elsewhere_leaves_the_cached_blocks_of_typing(tmp_path: Path) -> None:
    layout, model = blocks(tmp_path, shift=False)
    backbone = record(layout)
    denoiser = BlockDenoiser(backbone, layout, ENTRIES)
    typing, elsewhere = PromptTokens.around(TEXT[:9], ()), PromptTokens.around(TEXT[9:], ())
    denoiser.denoise(typing, [MASK])
    denoiser.denoise(elsewhere, [MASK])
    backbone.taken()
    found = denoiser.denoise(typing, [MASK])
    assert backbone.taken() == [(8, 4)]
    assert close(found.logits, expect(model, layout, TEXT[:9], [MASK, MASK, MASK], [])[:1])


@pytest.mark.parametrize("document", ["a", None])
def test_a_model_forgets_by_its_denoiser(tmp_path: Path, document: str | None) -> None:
    layout, _ = blocks(tmp_path, shift=False)
    backbone = record(layout)
    denoiser = BlockDenoiser(backbone, layout, ENTRIES)
    model: Any = MaskedModel(denoiser, None, None)  # type: ignore[arg-type]  # not looked at
    denoiser.denoise(PromptTokens.around(PREFIX, (), "a"), [MASK])
    model.forget("b")
    backbone.taken()
    denoiser.denoise(PromptTokens.around(PREFIX, (), "a"), [MASK])
    assert backbone.taken() == [(4, 4)]
    model.forget(document)
    denoiser.denoise(PromptTokens.around(PREFIX, (), "a"), [MASK])
    assert backbone.taken()[0][0] == 0
