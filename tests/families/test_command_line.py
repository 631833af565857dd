"""Every family is registered, completes and infills by commands, and says what it cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lsp_server.cli import main
from tests.contract import KEYS, shape
from tests.families.checkpoints import RECIPES, write

SOURCE = "def area(w, h):\n    return w * h\n\n\nprint(area(2, 3))\n"
DECLARED = {"a2d-bd3lm": ["--block", "32"]}
SUFFIX = {"a2d-bd3lm": "unseen", "fast-dllm-v2": "unseen", "sdar": "unseen"}


@pytest.fixture(params=sorted(RECIPES), scope="module")
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(family)
    write(family, folder)
    return folder


@pytest.mark.parametrize("asked", ["complete {}:2:12", "infill {}:2:5-2:17"])
def test_the_json_has_forwards_and_suffix(
    asked: str,
    family: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    assert main(["model", "add", "tiny", str(folder), *DECLARED.get(family, [])]) == 0
    file = tmp_path / "area.py"
    file.write_text(SOURCE)
    words = asked.format(file).split()
    capsys.readouterr()
    assert main([*words, "--model", "tiny", "--precision", "fp32", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert shape(answer) == KEYS
    assert answer["forwards"]["canvas"] > 0
    assert answer["forwards"]["verify"] == 0
    assert answer["suffix"] == SUFFIX.get(family, "seen")
    assert file.read_text() == SOURCE
