"""Loading by name: which loader is taken, and what is refused before a weight is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
import torch

from lsp_server.models import loader, registry
from lsp_server.models.embedded import files
from lsp_server.models.interfaces import ModelError
from lsp_server.models.pretrained.checkpoint_dir import CheckpointDir, DeclaredOptions
from lsp_server.models.storage import Progress
from lsp_server.settings import Settings
from tests.unit.folders import QWEN2, write_folder
from tests.unit.tiny import INFO, TinyDiffusion, TinyModel


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("lsp_server.models.precision.measured", lambda: {"bf16": 1.0, "fp32": 2.0})


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[CheckpointDir, str, torch.device]]:
    """What the loader of folders was asked for."""
    asked: list[tuple[CheckpointDir, str, torch.device]] = []

    def load_masked(
        layout: CheckpointDir, precision: str, device: torch.device, _: object
    ) -> TinyModel:
        asked.append((layout, precision, device))
        return TinyModel(TinyDiffusion(), info=INFO)

    monkeypatch.setattr("lsp_server.models.pretrained.denoisers.load_masked", load_masked)
    return asked


def test_a_name_a_folder_and_the_one_in_use(
    tmp_path: Path, loaded: list[tuple[CheckpointDir, str, torch.device]]
) -> None:
    folder = write_folder(tmp_path / "somewhere")
    registry.add("mine", str(folder))
    assert loader.load(Settings(model="mine", device="cpu")).info.name == "mine"
    assert loader.load(Settings(model=str(folder), device="cpu")).info.name == "somewhere"
    registry.use("mine")
    assert loader.load(Settings(device="cpu", precision="fp32")).info.name == "mine"
    cpu = torch.device("cpu")
    assert [(precision, device) for _, precision, device in loaded] == [
        ("bf16", cpu),
        ("bf16", cpu),
        ("fp32", cpu),
    ]
    assert {layout.folder for layout, _, _ in loaded} == {folder}


@pytest.mark.parametrize("measure", [False, True])
@pytest.mark.parametrize("embedded", [False, True])
def test_arithmetic_is_timed_only_where_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, embedded: bool, measure: bool
) -> None:
    model = "embedded" if embedded else str(write_folder(tmp_path / "m"))
    timed: list[str] = []

    def measured() -> dict[str, float]:
        timed.append("now")
        return {"bf16": 1.0, "fp32": 2.0}

    monkeypatch.setattr("lsp_server.models.precision.measured", measured)
    monkeypatch.setattr("lsp_server.models.embedded.download.present", lambda: True)
    monkeypatch.setattr(loader, "free_bytes", lambda device: 0)  # the precision is chosen before
    settings = Settings(model=model, device="cpu", runtime="torch")
    with pytest.raises(ModelError, match="memory"):
        loader.load(settings, measure=measure)
    assert timed == ["now"] * measure


def test_what_was_declared_reaches_the_loader(
    tmp_path: Path, loaded: list[tuple[CheckpointDir, str, torch.device]]
) -> None:
    config = QWEN2 | {"architectures": ["A2DQwen2LMHeadModel"]}
    registry.add("blocks", str(write_folder(tmp_path / "m", config)), DeclaredOptions(block=8))
    loader.load(Settings(model="blocks", device="cpu"))
    assert loaded[0][0].block == 8


def test_the_embedded_model_is_the_default() -> None:
    for model in ("", "embedded"):
        with pytest.raises(ModelError, match="unmask model fetch"):
            loader.load(Settings(model=model))


def test_memory_is_checked_before_anything_is_loaded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loaded: list[tuple[CheckpointDir, str, torch.device]],
) -> None:
    folder = str(write_folder(tmp_path / "m"))
    monkeypatch.setattr(loader, "free_bytes", lambda device: 100_000_000)
    line = r"needs 0\.6 GB of memory, 0\.1 GB are free; close something or choose a smaller model"
    with pytest.raises(ModelError, match=line):
        loader.load(Settings(model=folder, device="cpu"))
    assert loaded == []


def test_int8_is_proposed_where_it_would_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lsp_server.models.embedded.download.present", lambda: True)
    monkeypatch.setattr("lsp_server.models.quantization.supports_int8", lambda: True)
    monkeypatch.setattr(loader, "free_bytes", lambda device: 2_000_000_000)
    with pytest.raises(ModelError, match="choose --precision int8"):
        loader.load(Settings(precision="bf16", device="cpu"))


MAKERS: dict[str, Callable[[Progress], Path]] = {
    "weights.write_int8": files.int8_file,
    "gguf.write_tokenizer": files.tokenizer_file,
}


@pytest.mark.parametrize("maker", MAKERS)
def test_two_first_starts_at_once_make_a_file_once(
    monkeypatch: pytest.MonkeyPatch, maker: str
) -> None:
    made: list[Path] = []
    found: list[Path] = []
    told: list[str] = []
    met, finish = Event(), Event()

    def make(*arguments: object) -> None:
        """Stands for a minute of work."""
        made.append(next(path for path in arguments[::-1] if isinstance(path, Path)))
        if len(made) > 1:
            met.set()
        assert finish.wait(60)
        made[-1].write_bytes(b"whole")

    def report(message: str, fraction: float) -> None:
        told.append(message)
        if message.startswith("waiting"):
            met.set()

    monkeypatch.setattr(f"lsp_server.models.embedded.{maker}", make)
    monkeypatch.setattr(files, "require_space", lambda folder, size: None)
    starts = [Thread(target=lambda: found.append(MAKERS[maker](report))) for _ in range(2)]
    for thread in starts:
        thread.start()
    assert met.wait(60)
    finish.set()
    for thread in starts:
        thread.join(60)
    assert len(made) == 1
    assert len(set(found)) == 1
    assert found[0].read_bytes() == b"whole"
    assert sum(message.startswith("waiting") for message in told) == 1
