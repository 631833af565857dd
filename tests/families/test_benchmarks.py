"""Decoding is measured with every family: what comes out is up to who has the weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsp_server.bench import infill, structure
from lsp_server.bench.humaneval_infilling import Problem
from lsp_server.bench.prompts import PROMPTS
from lsp_server.bench.variants import AS_SET, ONE_AT_A_TIME
from lsp_server.models import loader
from lsp_server.models.interfaces import Model
from lsp_server.settings import Settings
from tests.families.checkpoints import RECIPES, write

SETTINGS = Settings(max_tokens=6, max_block_tokens=6, prefix_tokens=64, suffix_tokens=32)
KINDS = {AS_SET, ONE_AT_A_TIME}


@pytest.fixture(params=sorted(RECIPES), scope="module")
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder: Path = tmp_path_factory.mktemp(request.param)
    write(request.param, folder)
    return loader.load(Settings(model=str(folder), precision="fp32"))


def silent(message: str) -> None:
    pass


def test_structure(model: Model) -> None:
    rows = structure.measure(model, SETTINGS, 6, 1, silent, PROMPTS[:2])
    assert all(set(row.runs) == KINDS for row in rows)
    assert all(0 < len(run.ids) <= 6 for row in rows for run in row.runs.values())
    assert structure.to_json(rows)["prompts"][0]["variants"].keys() == KINDS
    assert len(list(structure.tables(rows))) == 2


def test_infill(model: Model) -> None:
    problem = Problem("t/0", "f", "def f():\n", "    return x\n", "    x = 1\n", "def check(f): 0")
    scores = infill.measure(model, SETTINGS, [problem], True, silent)
    assert {score.name for score in scores} == KINDS
    assert all(score.tally.forwards.canvas > 0 for score in scores)
