"""The tools around the extension: whole or not at all, and one line when they cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "vscode-extension" / "scripts"))

import toolchain  # from the folder that the line above names


class Registry:
    """Stands for npm: makes what an installation makes, or fails at its n-th run."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.runs: list[str] = []
        self._fails_at = fails_at

    def __call__(self, what: str, arguments: list[str], folder: Path) -> None:
        self.runs.append(what)
        if len(self.runs) == self._fails_at:
            raise toolchain.ToolError("the network went away")
        vscode = folder / "node_modules" / "code-server" / "lib" / "vscode"
        (vscode / "node_modules" / "@vscode" / "spdlog").mkdir(parents=True, exist_ok=True)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for tools, and a copy of the extension's lock file."""
    extension = tmp_path / "extension"
    extension.mkdir()
    (extension / "package-lock.json").write_text("{}")
    monkeypatch.setattr(toolchain, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(toolchain, "EXTENSION", extension)
    return tmp_path / "tools"


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_an_interrupted_workbench_is_not_used(
    tools: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    monkeypatch.setattr(toolchain, "_npm", Registry(fails_at))
    with pytest.raises(toolchain.ToolError, match="network"):
        toolchain.install("workbench")
    registry = Registry()
    monkeypatch.setattr(toolchain, "_npm", registry)
    (entry,) = toolchain.install("workbench")
    assert len(registry.runs) == 3
    assert [path for path in tools.iterdir() if path.is_dir()] == [entry.parents[4]]


def test_a_workbench_that_is_there_is_not_installed_again(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "_npm", Registry())
    first = toolchain.install("workbench")
    registry = Registry()
    monkeypatch.setattr(toolchain, "_npm", registry)
    assert toolchain.install("workbench") == first
    assert registry.runs == []


def test_packages_are_installed_again_when_interrupted_or_pinned_otherwise(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def runs(fails_at: int | None = None) -> int:
        registry = Registry(fails_at)
        monkeypatch.setattr(toolchain, "_npm", registry)
        try:
            toolchain.install("extension")
        except toolchain.ToolError:
            assert fails_at
        return len(registry.runs)

    assert [runs(fails_at=1), runs(), runs()] == [1, 1, 0]
    (toolchain.EXTENSION / "package-lock.json").write_text('{"other": 1}')
    assert [runs(), runs()] == [1, 0]


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ("npm error code ENOTFOUND\nnpm error network x", "connect to the network"),
        ("npm error code ENOSPC\n", "the disk is full"),
        ("npm error code E404\n", "run npm ci in its folder"),
        ("something else\n", "(something else)"),
        ("", "(no message)"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do(errors: str, expected: str) -> None:
    line = toolchain._reason("code-server", ["ci"], errors)
    assert expected in line
    assert "\n" not in line


def test_without_a_browser_and_without_the_right_to_install_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("UNMASK_BROWSER", raising=False)
    monkeypatch.setattr(toolchain, "BROWSERS", ("no-such-browser",))
    monkeypatch.setattr(toolchain, "_may_use_apt", lambda: False)
    with pytest.raises(toolchain.ToolError, match="sudo apt-get install chromium") as failure:
        toolchain.install_browser()
    assert "\n" not in str(failure.value)


def test_a_browser_that_is_named_must_exist(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UNMASK_BROWSER", str(tmp_path / "nothing"))
    with pytest.raises(toolchain.ToolError, match="is not a program"):
        toolchain.install_browser()


def test_without_a_node_that_is_new_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "_wheel_folder", lambda: None)
    monkeypatch.setattr(toolchain, "_node_major", lambda _: 18)
    with pytest.raises(toolchain.ToolError, match="pip install") as failure:
        toolchain.node_folder()
    assert "\n" not in str(failure.value)
