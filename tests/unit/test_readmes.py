"""Every link in a README that leads to a place in this repository leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = [
    path
    for folder in (".", "grammars", "lsp_server", "tests", "vscode-extension")
    for path in (ROOT / folder).glob("README.md" if folder == "." else "**/README.md")
    if "node_modules" not in path.parts
]


@pytest.mark.parametrize("readme", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(readme: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", readme.read_text("utf-8"))
    places = {target.partition("#")[0] for target in targets if "://" not in target}
    assert [place for place in sorted(places) if not (readme.parent / place).exists()] == []


def test_there_are_readmes() -> None:
    assert len(READMES) > 5
