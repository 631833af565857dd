"""Counting how long texts are, in code whose holes are known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lsp_server.bench.holes import Cut, RealFile
from lsp_server.source_files import SourceError, find_files
from lsp_server.syntax.spans.length_prior import FILE
from lsp_server.syntax.spans.types import Kind
from tests.experiments import length_statistics
from tests.experiments.length_statistics import BOUNDS, EVERYTHING, Sample, bits, collect, fit

CODE = 'def area{0}(width, height):\n    label = "size"\n    return width * height + {0}\n\n\n'


def say_nothing(message: str) -> None:
    """Progress that nobody watches."""


def project(folder: Path, files: int = 10, suffix: str = ".py") -> Path:
    folder.mkdir(parents=True)
    for number in range(files):
        text = "".join(CODE.format(number * 10 + line) for line in range(10))
        (folder / f"m{number}{suffix}").write_text(text)
    return folder


def cut(tmp_path: Path, marked: str, name: str = "a.py") -> Cut:
    """A hole between ``«`` and ``»``."""
    path = tmp_path / name
    path.write_text(marked.replace("«", "").replace("»", ""))
    return Cut(RealFile.open(path), "line", marked.index("«"), marked.index("»") - 1)


@pytest.mark.parametrize(
    ("marked", "kind", "text"),
    [
        ("x = «f(1) + 2»\n", Kind.EXPRESSION, "f(1) + 2"),
        ("def f(x):\n    «return x»\n\n\ny = 1\n", Kind.BLOCK, "return x"),
        ("print(«a, b»)\nx = 1\n", Kind.ARGUMENT_LIST, "a, b)"),  # the bracket is hidden
        ("print(«a», b)\nx = 1\n", Kind.ARGUMENT_LIST, "a"),
        ("x = 1\n«if x:\n    y = 2»\nz = 3\n", Kind.STATEMENT, "if x:\n    y = 2"),
        ("x = 1\n«y = 2\nz = 3»\n", Kind.STATEMENT, "y = 2"),  # the span ends first
        ("x = 1  # «as always»\n", Kind.COMMENT, "as always"),
    ],
)
def test_what_stood_there_is_the_text(tmp_path: Path, marked: str, kind: Kind, text: str) -> None:
    assert length_statistics.measure(cut(tmp_path, marked)) == (kind, len(text))


def test_without_a_grammar_there_are_lines(tmp_path: Path) -> None:
    hole = cut(tmp_path, "print(«a, b)»\nx = 1\n")
    assert length_statistics.measure(hole, bounded=False) == (Kind.LINE, len("a, b)"))


def test_files_not_holes_are_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = find_files([project(tmp_path / "one")], 0)
    seen: dict[Path, int] = {}
    monkeypatch.setattr(
        length_statistics, "measure", lambda cut, bounded: _note(seen, cut, bounded)
    )
    samples = collect(folder, 100, 0, say_nothing)
    assert set(samples) == {"python", EVERYTHING}
    sample = samples["python"]
    assert (sample.files, len(sample.held_out[Kind.LINE])) == (10, 20)
    assert len(sample.trained[Kind.LINE]) == 80
    assert len(samples[EVERYTHING].trained[Kind.LINE]) == 160  # with a grammar and without
    assert len(seen) == 10
    trained = set(sample.trained[Kind.LINE])
    assert not trained & set(sample.held_out[Kind.LINE])


def _note(seen: dict[Path, int], hole: Cut, bounded: bool) -> tuple[Kind, int]:
    """A length that stands for the hole's file."""
    return Kind.LINE, seen.setdefault(hole.file.path, len(seen) + 1)


def test_minified_files_and_too_few_are_told(tmp_path: Path) -> None:
    folder = project(tmp_path / "one", 4)
    (folder / "packed.py").write_text("x = 1;" * 1000)
    with pytest.raises(SourceError, match="not 5 files"):
        collect(folder.iterdir(), 10, 0, say_nothing)


def test_shares_are_smoothed() -> None:
    assert fit([]).shares == pytest.approx([1 / len(BOUNDS)] * len(BOUNDS))
    ones = fit([1] * 84)
    assert ones.shares[0] == pytest.approx(85 / 100)
    assert fit([9_999]).shares[-1] == 2 / 17
    assert fit([], ones).shares == pytest.approx(ones.shares)
    assert fit([3] * 10_000, ones).shares[1] > 0.99


def test_bits_are_fewer_where_the_lengths_are_known() -> None:
    flat = fit([])
    assert bits(flat, [1]) == pytest.approx(math.log2(16 * 2))
    assert bits(flat, [5_000]) == bits(flat, [1025]) == pytest.approx(math.log2(16 * 3072))
    known = fit([20] * 1000)
    assert bits(known, [20]) < bits(flat, [20]) < bits(known, [200])


def test_the_command_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path / "one")
    (tmp_path / "data" / "python").mkdir(parents=True)
    monkeypatch.setattr(length_statistics, "grammars", lambda: tmp_path / "data")
    status = length_statistics.main([str(tmp_path / "one"), "--holes", "100", "--write"])
    assert status == 0
    printed = capsys.readouterr().out
    assert "python: 10 files" in printed
    assert "expression" in printed
    assert (tmp_path / "data" / FILE).read_text().startswith("# How long texts are")
    assert "[expression]\ntexts = " in (tmp_path / "data" / "python" / FILE).read_text()


def test_a_language_that_lacks_a_kind_has_that_of_all() -> None:
    both, python = Sample(), Sample()
    both.trained[Kind.STRING] = [5] * 100
    fitted = length_statistics.fit_all({EVERYTHING: both, "python": python})
    assert fitted["python"][Kind.STRING].shares == pytest.approx(
        fitted[EVERYTHING][Kind.STRING].shares
    )
    assert set(fitted["python"]) == set(fitted[EVERYTHING]) == set(Kind)
