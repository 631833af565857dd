import io
import shutil
from collections import namedtuple
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from lsp_server.cli import main
from lsp_server.commands import doctor
from lsp_server.commands.doctor import Check, examine, show
from lsp_server.models.embedded import download
from lsp_server.models.embedded.spec import SPEC
from lsp_server.syntax.languages import names


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, where no precision is known: none is measured."""
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lsp_server.models.precision.measured", lambda: {"fp32": 1.0})
    return tmp_path / "cache"


def test_missing_weights_are_fatal_and_told(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = by_name(examine())
    assert checks["base weights"].state == "broken"
    assert "unmask model fetch" in checks["base weights"].fix
    assert checks["Python"].state == checks["torch"].state == checks["denoiser"].state == "ok"
    assert checks["cache folder"].found == str(cache)
    assert main(["doctor"]) == 1
    assert "cannot work yet: base weights" in " ".join(capsys.readouterr().out.split())


def test_damaged_weights_are_removed_and_told(cache: Path) -> None:
    cache.mkdir()
    with download.path().open("wb") as sparse:
        sparse.truncate(SPEC.size)
    assert by_name(examine())["base weights"].found == "the file was damaged and is removed"
    assert not download.present()


def test_all_grammars_are_known(cache: Path) -> None:
    found = by_name(examine())["grammars"]
    assert found.state == "ok"
    assert set(found.found.split(", ")) == set(names())


def test_a_missing_grammar_is_told_but_not_fatal(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsp_server.syntax.languages._load", lambda name: None)
    checks = by_name(examine())
    assert checks["grammar json"].state == "optional"
    assert checks["grammar json"].fix.startswith("pip install tree-sitter-json")


def test_a_cache_folder_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "file" / "cache"))
    broken = [check.found for check in examine() if check.fatal]
    assert any("set UNMASK_CACHE" in found for found in broken)


def test_a_local_editor_is_found(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setattr(doctor, "_package", lambda: tmp_path / "lsp_server")
    assert by_name(examine())["VS Code"].state == "optional"
    (tmp_path / ".tools" / "workbench-1").mkdir(parents=True)
    assert by_name(examine())["VS Code"].found == str(tmp_path / ".tools" / "workbench-1")


def test_short_memory_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = namedtuple("memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(10**8))
    assert "close something" in by_name(examine())["memory"].fix


def test_a_check_that_fails_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr(shutil, "disk_usage", explode)
    checks = by_name(examine())
    assert checks["cache"].state == "broken"
    assert "out of cheese" in checks["cache"].found
    assert checks["Python"].state == "ok"


def test_the_verdict_follows_from_the_checks() -> None:
    out = io.StringIO()
    console = Console(file=out, width=200)
    show([Check("a", "ok", "x"), Check("b", "optional", "y", "do z")], console)
    assert "Completions can work." in out.getvalue()
    assert "→ do z" in out.getvalue()
