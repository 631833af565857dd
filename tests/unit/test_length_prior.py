"""How long texts are: the data in the grammars' folders, and what the syntax says beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from lsp_server.syntax.languages import Language, grammars, language_for, names
from lsp_server.syntax.lexer import GENERIC
from lsp_server.syntax.spans import length_prior
from lsp_server.syntax.spans.find import find_span
from lsp_server.syntax.spans.length_prior import FILE, Histogram, find_lengths
from lsp_server.syntax.spans.plain_stop_rule import PlainStopRule
from lsp_server.syntax.spans.types import Kind, Span
from lsp_server.syntax.tree import SyntaxTree

FILES = [grammars() / FILE, *sorted(grammars().glob(f"*/{FILE}"))]


def language(name: str) -> Language:
    found = language_for(name, None) or language_for(None, f"x.{name}")
    assert found is not None
    return found


def span(kind: Kind, closers: str = "") -> Span:
    return Span(kind, False, closers, "line", PlainStopRule(GENERIC), GENERIC, ())


def mean(histogram: Histogram) -> float:
    middles = [(low + high) / 2 for low, high in pairwise((0, *histogram.bounds))]
    return sum(a * b for a, b in zip(middles, histogram.shares, strict=True))


@pytest.fixture
def without_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Grammars with shares for all languages together only."""
    (tmp_path / FILE).write_text((grammars() / FILE).read_text("utf-8"), "utf-8")
    monkeypatch.setattr(length_prior, "grammars", lambda: tmp_path)
    length_prior._read.cache_clear()
    yield tmp_path
    length_prior._read.cache_clear()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_every_file_has_every_kind_in_classes_that_add_up(path: Path) -> None:
    facts = tomllib.loads(path.read_text("utf-8"))
    bounds = facts.pop("bounds")
    assert bounds == sorted(set(bounds))
    assert bounds[0] > 0
    assert 2000 < bounds[-1] < 8000
    assert {Kind(name) for name in facts} == set(Kind)
    for of_kind in facts.values():
        assert len(of_kind["shares"]) == len(bounds)
        assert all(0 <= share < 1 for share in of_kind["shares"])
        assert sum(of_kind["shares"]) == pytest.approx(1, abs=1e-3)
        assert of_kind["texts"] >= 0


@pytest.mark.parametrize("name", [None, *names()])
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_every_language_has_lengths(name: str | None, kind: Kind) -> None:
    found = find_lengths(language(name) if name else None, span(kind))
    assert sum(found.shares) == pytest.approx(1)
    assert max(found.shares) < 0.9


@pytest.mark.parametrize("name", [None, *names()])
def test_a_block_is_longer_than_an_expression(name: str | None) -> None:
    of = language(name) if name else None
    block, expression = find_lengths(of, span(Kind.BLOCK)), find_lengths(of, span(Kind.EXPRESSION))
    assert mean(block) > 2 * mean(expression)


def test_a_language_has_shares_of_its_own() -> None:
    strings = span(Kind.STRING)
    found = {find_lengths(language(name), strings) for name in ("python", "javascript", "json")}
    assert len(found | {find_lengths(None, strings)}) == 4


@pytest.mark.usefixtures("without_files")
def test_a_language_without_a_file_has_those_of_all() -> None:
    strings = span(Kind.STRING)
    assert find_lengths(language("python"), strings) == find_lengths(None, strings)


def test_a_text_is_as_long_as_what_it_has_to_end_with() -> None:
    histogram = Histogram((2, 4, 8), (0.5, 0.3, 0.2))
    assert histogram.at_least(0) == histogram.at_least(1) == histogram
    assert histogram.at_least(3).shares == pytest.approx((0, 0.6, 0.4))
    assert histogram.at_least(4).shares == pytest.approx((0, 0.15 / 0.35, 0.2 / 0.35))
    assert histogram.at_least(8).shares == (0, 0, 1)
    assert histogram.at_least(9) == histogram


def test_closing_brackets_that_are_owed_rule_short_texts_out() -> None:
    tree = SyntaxTree.parse("print(foo([|]))\n".replace("|", ""), language("python"))
    cursor = find_span(tree, len("print(foo(["))
    assert cursor.closers == "]))"
    found = find_lengths(tree.language, cursor)
    free = find_lengths(tree.language, span(cursor.kind))
    assert found.bounds[0] < 3 <= found.bounds[1]
    assert found.shares[0] == 0 < free.shares[0]
    assert found.shares[-1] > free.shares[-1]
    assert found == free.at_least(3)
