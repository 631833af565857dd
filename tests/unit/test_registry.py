"""Registered models: names, what is recorded of them, and which is in use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lsp_server.models import hub, registry
from lsp_server.models.interfaces import ModelError
from lsp_server.models.pretrained.checkpoint_dir import DeclaredOptions
from lsp_server.models.quantization import supports_int8
from lsp_server.models.storage import sha256
from lsp_server.settings import Device, Precision
from tests.unit.folders import QWEN2, write_folder

SDAR = QWEN2 | {"architectures": ["SDARForCausalLM"], "mask_token_id": 257}
FIM = {"<|fim_prefix|>": 258, "<|fim_middle|>": 259, "<|fim_suffix|>": 260}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lsp_server.models.precision.measured", lambda: {"bf16": 1.0, "fp32": 2.0})
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "somewhere")


def test_a_folder_gets_a_name_and_every_file_a_hash(folder: Path) -> None:
    registry.add("mine", str(folder))
    (entry,) = registry.entries()
    assert (entry.name, entry.folder, entry.source) == ("mine", folder, "")
    assert set(entry.files) == {path.name for path in folder.iterdir()}
    assert entry.files["model.safetensors"] == sha256(folder / "model.safetensors")


def test_what_was_declared_is_kept(tmp_path: Path) -> None:
    added = {"<|endoftext|>": 256, "<|MASK|>": 257} | FIM
    folder = write_folder(tmp_path / "sdar", SDAR, added)
    declared = DeclaredOptions(infill=True, block=16)
    registry.add("sdar", str(folder), declared)
    assert registry.entries()[0].declared == declared


def test_changed_files_are_named(folder: Path) -> None:
    entry = registry.add("mine", str(folder))
    assert registry.changed(entry) == []
    (folder / "merges.txt").write_text("a b")
    (folder / "config.json").unlink()
    (folder / "new").touch()
    assert registry.changed(entry) == ["config.json", "merges.txt", "new"]


def test_the_embedded_model_is_in_use_until_another_is(folder: Path) -> None:
    assert registry.in_use() == "embedded"
    assert registry.find("") is None
    registry.add("mine", str(folder))
    registry.use("mine")
    found = registry.find("")
    assert found is not None
    assert found.name == "mine"
    assert registry.find("embedded") is None
    registry.remove("mine")
    assert registry.find("") is None


def test_a_folder_needs_no_name(folder: Path) -> None:
    found = registry.find(str(folder))
    assert found is not None
    assert (found.name, found.folder) == ("somewhere", folder)


def test_what_is_not_there_is_told_with_what_is(folder: Path) -> None:
    registry.add("mine", str(folder))
    with pytest.raises(ModelError, match=r"no model named 'other'.*known: embedded, mine"):
        registry.find("other")
    for act in (registry.use, registry.remove):
        with pytest.raises(ModelError, match="no model named 'other'"):
            act("other")


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-x", "a b", "x" * 65, "embedded", "taken"])
def test_names_that_are_not_taken(folder: Path, name: str) -> None:
    registry.add("taken", str(folder))
    with pytest.raises(ModelError, match=r"no name|already"):
        registry.add(name, str(folder))
    assert len(registry.entries()) == 1


def test_a_folder_that_cannot_be_loaded_is_not_registered(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(ModelError, match=r"no config\.json|no hub id"):
            registry.add("mine", str(source))
    assert registry.entries() == []


def test_a_users_own_folder_is_never_deleted(folder: Path) -> None:
    registry.add("mine", str(folder))
    with pytest.raises(ModelError, match="your own folder"):
        registry.remove("mine", files=True)
    registry.remove("mine")
    assert registry.entries() == []
    assert (folder / "model.safetensors").is_file()


@pytest.mark.parametrize("files", [False, True])
def test_a_download_is_deleted_only_when_that_is_said(
    cache: Path, monkeypatch: pytest.MonkeyPatch, files: bool
) -> None:
    offer = hub.HubModel("owner/name", "c0ffee", "mit", {}, {})
    monkeypatch.setattr(hub, "find", lambda model: offer)
    monkeypatch.setattr(hub, "fetch", lambda _, folder, report: write_folder(folder))
    entry = registry.add("theirs", "owner/name")
    assert entry.source == "owner/name@c0ffee"
    assert entry.folder == cache / "models" / "theirs"
    registry.remove("theirs", files)
    assert entry.folder.exists() != files


def test_a_damaged_file_is_told(cache: Path) -> None:
    cache.mkdir()
    (cache / "models.json").write_text('{"models": 3}')
    with pytest.raises(ModelError, match="damaged"):
        registry.entries()


def test_listings_say_what_a_person_chooses_by(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {"bytes": 10**12}
    monkeypatch.setattr(registry, "free_bytes", lambda device: free["bytes"])
    registry.add("mine", str(folder))
    registry.add("cut", str(write_folder(tmp_path / "cut")))
    (tmp_path / "cut" / "model.safetensors").unlink()
    registry.use("mine")

    def rows() -> dict[str, registry.Listing]:
        return {row.name: row for row in registry.listings()}

    assert list(rows()) == ["embedded", "cut", "mine"]
    assert "unmask model fetch" in (rows()["embedded"].problem or "")
    assert "model.safetensors is missing" in (rows()["cut"].problem or "")
    mine = rows()["mine"]
    assert (mine.family, mine.parameters, mine.suffix) == ("dream", 4352, "seen")
    assert (mine.fits, mine.problem, mine.in_use) == (True, None, True)
    free["bytes"] = mine.memory - 1
    assert not rows()["mine"].fits
    assert "are free" in (rows()["mine"].problem or "")


def test_listings_are_of_what_the_settings_ask_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add("mine", str(folder))
    monkeypatch.setattr("lsp_server.models.runtime.supports_openvino", lambda: True)
    embedded, mine = registry.listings("auto", "cpu")
    assert (embedded.precision, mine.precision) == ("int8", "bf16")
    monkeypatch.setattr("lsp_server.models.runtime.supports_openvino", lambda: False)
    asked: tuple[Precision, ...] = ("fp32", "bf16", "auto")
    rows = {precision: registry.listings(precision, "cpu") for precision in asked}
    for precision, (embedded, mine) in rows.items():
        expected = "bf16" if precision == "auto" else precision
        assert (embedded.precision, mine.precision) == (expected, expected)
    for full, half in zip(rows["fp32"], rows["bf16"], strict=True):
        assert full.memory > half.memory


@pytest.mark.parametrize(
    ("precision", "device", "words"),
    [
        ("auto", "mps", "device mps is not available"),
        ("int4", "cpu", "int4 is not available on cpu"),
    ],
)
def test_what_cannot_be_loaded_by_the_settings_is_listed_with_the_reason(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: Precision,
    device: Device,
    words: str,
) -> None:
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    registry.add("mine", str(folder))
    rows = registry.listings(precision, device, measure=False)
    assert [row.name for row in rows] == ["embedded", "mine"]
    assert all(words in (row.problem or "") for row in rows)


def test_the_embedded_model_does_not_run_in_everything() -> None:
    assert registry.embedded_memory("int8", "cpu") < registry.embedded_memory("bf16", "cpu")
    for precision, device in (("int8", "cuda"), ("int4", "cuda")):
        with pytest.raises(ModelError, match=f"no {precision} on cuda; use --precision auto"):
            registry.embedded_memory(precision, device)


def test_listings_time_nothing_when_that_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured() -> dict[str, float]:
        raise AssertionError("measured")

    monkeypatch.setattr("lsp_server.models.precision.measured", measured)
    (embedded,) = registry.listings("auto", "cpu", measure=False)
    assert embedded.precision == ("int8" if supports_int8() else "fp32")


def test_the_file_is_plain(cache: Path, folder: Path) -> None:
    registry.add("mine", str(folder))
    content: dict[str, Any] = json.loads((cache / "models.json").read_text())
    assert content["in_use"] == "embedded"
    assert content["models"]["mine"]["folder"] == str(folder)
