"""Grammar data is found wherever the package is: editable, from an sdist, from a wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNTED = ["javascript", "json", "python", "tsx", "typescript"]
LANGUAGES = sorted([*COUNTED, "c", "cpp", "css", "go", "java", "rust"])
PROBE = """
import json
from lsp_server.syntax.languages import grammars, language_for, lexical_rules_for, names
from lsp_server.syntax.spans.length_prior import FILE
ends = ("c", "cpp", "css", "go", "java", "js", "json", "py", "rs", "tsx", "ts")
found = [language_for(None, f"x.{end}").name for end in ends]
counted = [name for name in names() if (grammars() / name / FILE).is_file()]
assert (grammars() / FILE).is_file()
assert lexical_rules_for("go")
print(json.dumps([str(grammars()), names(), found, counted]))
"""


def run(*command: str, cwd: Path, path: Path | None = None) -> str:
    """What a Python command prints, run with ``path`` before everything that is installed."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def grammars_found(cwd: Path, path: Path | None = None) -> Path:
    """Where the package finds its grammars; every language has its queries and lengths there."""
    place, names, found, counted = json.loads(run("-c", PROBE, cwd=cwd, path=path))
    assert names == LANGUAGES
    assert found == LANGUAGES
    assert counted == COUNTED
    return Path(place)


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def test_an_editable_install_finds_them_beside_the_package(tmp_path: Path) -> None:
    assert grammars_found(tmp_path) == ROOT / "grammars"


def test_an_unpacked_sdist_finds_them_beside_the_package(
    distributions: tuple[Path, Path], tmp_path: Path
) -> None:
    with tarfile.open(distributions[0]) as archive:
        archive.extractall(tmp_path / "sdist", filter="data")
    (root,) = (tmp_path / "sdist").iterdir()
    assert grammars_found(tmp_path, root) == root / "grammars"


def test_an_installed_wheel_finds_them_inside_the_package(
    distributions: tuple[Path, Path], tmp_path: Path
) -> None:
    target = tmp_path / "site"
    install = ("-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target))
    run(*install, str(distributions[1]), cwd=tmp_path)
    assert grammars_found(tmp_path, target) == target / "lsp_server" / "grammars"


def test_the_only_weights_in_a_wheel_are_the_denoisers(distributions: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(distributions[1]) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"lsp_server"}
    weights = [name for name in names if name.endswith((".safetensors", ".npz", ".gguf"))]
    assert weights == ["lsp_server/models/embedded/adapter/denoiser.safetensors"]
