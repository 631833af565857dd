"""A fixed slice of the soak test; ``make soak`` runs the long one."""

from __future__ import annotations

import pytest

from tests.protocol.editor import Editor
from tests.soak import Soak


@pytest.mark.model
@pytest.mark.asyncio(loop_scope="session")
async def test_three_hundred_edits(real: Editor) -> None:
    tally = await Soak(real, seed=4).run(300)
    assert not tally.failures
    assert tally.passed > 50
