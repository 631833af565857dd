"""Golden spans: documents with a cursor, what is written there, and how much of it is kept."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from lsp_server.syntax.languages import language_for
from lsp_server.syntax.spans import Span, find_span
from lsp_server.syntax.trees import SyntaxTree

GOLDEN = Path(__file__).parents[1] / "golden" / "spans"
EXTENSIONS = {"python": ".py", "javascript": ".js", "typescript": ".ts", "tsx": ".tsx"}
NAMES = ["python", "javascript", "typescript", "tsx", "json", "plain"]


def cases() -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}: {case['name']}")
        for name in NAMES
        for case in tomllib.loads((GOLDEN / f"{name}.toml").read_text("utf-8"))["span"]
    ]


def parse(name: str, text: str) -> SyntaxTree:
    return SyntaxTree.parse(text, language_for(None, "x" + EXTENSIONS.get(name, f".{name}")))


def grow(span: Span, written: str) -> int | None:
    """Where the span ends when its text arrives character by character, as from a model."""
    ends = (span.end(written[:size]) for size in range(1, len(written) + 1))
    return next((end for end in ends if end is not None), None)


@pytest.mark.parametrize(("name", "case"), cases())
def test_golden(name: str, case: dict[str, Any]) -> None:
    before, after = case["document"].split("█")
    span = find_span(parse(name, before + after), len(before))
    assert span.kind == case["kind"]
    for fact in ("multiline", "closers", "rule"):
        assert getattr(span, fact) == case.get(fact, getattr(span, fact)), fact
    written = case["written"]
    end = grow(span, written)
    assert (None if end is None else written[:end]) == case.get("kept")
    assert span.end(written) == end, "more text must not change where a span ended"
