"""A slice of ``real_weights``: the base, one token to a block, writes its own greedy text."""

from __future__ import annotations

import pytest

from lsp_server.models.embedded.model import EmbeddedModel
from tests.families.real_weights import compare, in_blocks


@pytest.mark.model
def test_the_base_in_blocks_of_one_writes_its_own_greedy_text(
    embedded_fp32: EmbeddedModel,
) -> None:
    assert list(compare(embedded_fp32, in_blocks(embedded_fp32), 8)) == [True] * 8
