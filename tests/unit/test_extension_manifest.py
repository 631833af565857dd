"""The extension declares the server's settings: same names, defaults, bounds and choices."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from lsp_server.settings import (
    Decoding,
    Device,
    Precision,
    RuntimeChoice,
    Sampler,
    Settings,
    SettingsError,
    Source,
    Strategy,
)

MANIFEST = Path(__file__).parents[2] / "vscode-extension" / "package.json"
DECLARED: dict[str, dict[str, Any]] = {
    name.removeprefix("unmask."): declaration
    for group in json.loads(MANIFEST.read_text())["contributes"]["configuration"]
    for name, declaration in group["properties"].items()
    if not name.startswith("unmask.server.")
}


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def test_every_setting_is_declared_and_no_other() -> None:
    assert set(DECLARED) == {camel(field.name) for field in fields(Settings)}


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_defaults_agree(field: Any) -> None:
    default = getattr(Settings(), field.name)
    expected = list(default) if isinstance(default, tuple) else default
    assert DECLARED[camel(field.name)]["default"] == expected


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("device", Device),
        ("runtime", RuntimeChoice),
        ("precision", Precision),
        ("decoding", Decoding),
        ("sampler", Sampler),
        ("length", Strategy),
    ],
)
def test_choices_agree(name: str, choices: Any) -> None:
    assert DECLARED[name]["enum"] == list(get_args(choices))
    assert len(DECLARED[name]["enumDescriptions"]) == len(get_args(choices))


def test_draft_sources_agree() -> None:
    assert DECLARED["drafts"]["items"]["enum"] == list(get_args(Source))


@pytest.mark.parametrize("name", [name for name in DECLARED if "minimum" in DECLARED[name]])
def test_bounds_agree(name: str) -> None:
    low, high = DECLARED[name]["minimum"], DECLARED[name]["maximum"]
    Settings.from_json({name: low})
    Settings.from_json({name: high})
    for beyond in (low - 1, high + 1):
        with pytest.raises(SettingsError):
            Settings.from_json({name: beyond})


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_every_setting_is_described(name: str) -> None:
    declaration = DECLARED[name]
    assert len(declaration["markdownDescription"]) > 20
    assert "order" in declaration
