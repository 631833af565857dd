"""The lists of code that was trained on, held out or counted: whole, and permissive throughout."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TRAINED = tomllib.loads((ROOT / "lsp_server" / "training" / "corpus.toml").read_text("utf-8"))
COUNTED = tomllib.loads((ROOT / "grammars" / "lengths_sources.toml").read_text("utf-8"))
PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "Freely Distributable",  # CherryPy's classifier beside its BSD licence
    "ISC",
    "LLVM-exception",
    "LicenseRef-Repoze-BSD-derived",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF",
    "PSF-2.0",
    "ZPL-2.1",
    "Zlib",
}
SECTIONS = {
    **{f"training, {name}": section for name, section in TRAINED["training"].items()},
    **{f"held out, {name}": section for name, section in TRAINED["held-out"].items()},
    **{f"lengths, {name}": section for name, section in COUNTED.items()},
}


def names(part: dict[str, Any]) -> set[str]:
    return {package["name"] for section in part.values() for package in section["packages"]}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_package_has_a_permissive_licence(section: str) -> None:
    packages = SECTIONS[section]["packages"]
    assert packages
    for package in packages:
        assert package.keys() == {"name", "version", "licence", "files"}
        assert package["version"]
        assert package["files"] > 0
        licence = re.sub(r" License( \(ISCL\))?$", "", package["licence"])
        parts = set(re.split(r" AND | OR | WITH |; ", licence))
        assert parts <= PERMISSIVE, (package["name"], parts - PERMISSIVE)


def test_nothing_held_out_was_trained_on_or_counted() -> None:
    held_out = names(TRAINED["held-out"])
    assert not held_out & names(TRAINED["training"])
    assert not held_out & names(COUNTED)
