import random
import subprocess
import sys
from pathlib import Path

import pytest

from lsp_server.bench import spans
from lsp_server.bench.holes import RealFile, default_files
from lsp_server.bench.true_text import VERDICTS, Judgement, judge
from lsp_server.bench.units import Unit, UnitFinder
from lsp_server.cli import main
from lsp_server.source_files import SourceError

PYTHON = """\
def greet(name, times=2):
    for _ in range(times):
        print("hello", name)
    return {"name": name, "times": [times, 1]}


if greet("you"):
    print(f"{greet('me')} done")  # never said
"""


def finder(tmp_path: Path, text: str = PYTHON, name: str = "greet.py") -> UnitFinder:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return UnitFinder(RealFile.open(path))


def units(found: UnitFinder) -> set[tuple[str, str]]:
    """Kinds and texts of what is drawn."""
    chance = random.Random(0)
    drawn = [found.draw(chance) for _ in range(2000)]
    return {(unit.kind, found.text[unit.start : unit.end]) for unit in drawn if unit}


@pytest.mark.parametrize(
    ("kind", "truth"),
    [
        ("expression", "(times):"),  # behind `range`: up to the end of the header
        ("expression", "times"),  # between brackets: up to the closing one
        ("expression", '{"name": name, "times": [times, 1]}'),
        ("expression", "name"),  # a member of a collection: up to its separator
        ("arguments", '"hello", name'),
        ("argument", "times"),
        ("statement", 'print("hello", name)'),
        ("block", '\n        print("hello", name)'),
        ("block", '    print("hello", name)'.strip()),
        ("string", "hello"),
        ("interpolation", "greet('me')"),
        ("comment", " said"),
    ],
)
def test_units_end_where_a_person_would_stop(tmp_path: Path, kind: str, truth: str) -> None:
    assert (kind, truth) in units(finder(tmp_path))


def test_units_hold_no_other_code(tmp_path: Path) -> None:
    for found in (finder(tmp_path), finder(tmp_path, PYTHON.replace("hello", "häé€𝄞lo"), "a.py")):
        for _, truth in units(found):
            assert truth.strip()
            assert truth in found.text


def test_broken_and_generated_files_are_not_drawn_from(tmp_path: Path) -> None:
    assert finder(tmp_path).usable
    assert not finder(tmp_path, "def f(:\n").usable
    assert not finder(tmp_path, f"x = {list(range(500))}\n").usable


def judged(found: UnitFinder, before: str, truth: str, closers: str = "") -> dict[str, Judgement]:
    """The judgements of the unit behind ``before``, by mode."""
    start = found.text.index(before + truth) + len(before)
    end = start + len(truth)
    return {each.mode: each for each in judge(found, Unit("arguments", start, end, end, closers))}


def test_the_true_text_restores_the_document(tmp_path: Path) -> None:
    modes = judged(finder(tmp_path), "range", "(times):")
    assert set(modes) == {"unit", "line", "region"}
    assert all(each.restored and each.verdict == "exact" for each in modes.values())


def test_an_editor_has_closed_what_is_open(tmp_path: Path) -> None:
    typed = judged(finder(tmp_path), "in range(", "times):", ")")["typed"]
    assert typed.rest == ")"
    assert typed.completion.text == "times):"
    assert typed.restored


def test_a_text_that_ends_too_early_is_found(tmp_path: Path) -> None:
    """The rule ends the text after a statement of one line; the unit has two."""
    modes = judged(finder(tmp_path), "    ", 'for _ in range(times):\n        print("hello", name)')
    unit = judged(finder(tmp_path), '    return {"name": name, ', '"times": [times, 1]}\n\n\nif')
    assert modes["region"].restored
    assert unit["unit"].verdict == "part"
    assert not unit["unit"].restored
    assert unit["unit"].breaks


def test_the_report_adds_up(tmp_path: Path) -> None:
    finder(tmp_path)
    found = spans.measure([tmp_path / "greet.py"], 20, 0, lambda text: None)
    again = spans.measure([tmp_path / "greet.py"], 20, 0, lambda text: None)
    assert [each.unit for each in found] == [each.unit for each in again]
    report = spans.to_json(found)
    assert sum(sums["places"] for sums in report["sums"].values()) == len(found)
    for sums in report["sums"].values():
        assert sum(sums[verdict] for verdict in VERDICTS) == sums["places"]
    lost = sum(sums["places"] - sums["restored"] for sums in report["sums"].values())
    assert lost == len(report["not_restored"])
    assert spans.table(found).row_count == len(report["sums"])


def test_large_documents_are_judged_like_small_ones(tmp_path: Path) -> None:
    finder(tmp_path)
    found = spans.measure([tmp_path / "greet.py"], 20, 0, lambda text: None)
    large = spans.measure([tmp_path / "greet.py"], 20, 0, lambda text: None, size=5_000)
    assert [each.truth for each in large] == [each.truth for each in found]
    assert all(each.unit.start > 2_000 for each in large)
    same = sum(a.restored == b.restored for a, b in zip(found, large, strict=True))
    assert same >= 0.9 * len(found)


def test_nothing_to_measure(tmp_path: Path) -> None:
    finder(tmp_path, "def f(:\n")
    with pytest.raises(SourceError, match="no place to measure"):
        spans.measure([tmp_path / "greet.py"], 5, 0, lambda text: None)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finder(tmp_path)
    report = tmp_path / "report.json"
    assert main(["bench", "spans", str(tmp_path), "--units", "5", "--json", str(report)]) == 0
    assert "python, unit" in capsys.readouterr().out
    assert report.exists()


def test_no_model_is_loaded(tmp_path: Path) -> None:
    finder(tmp_path)
    script = (
        "import sys; from lsp_server.cli import main; "
        f"main(['bench', 'spans', {str(tmp_path)!r}, '--units', '3']); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


FLOORS = {
    ("python", "line"): 0.96,
    ("python", "unit"): 0.90,
    ("python", "region"): 0.90,
    ("javascript", "line"): 0.75,
    ("javascript", "unit"): 0.94,
    ("typescript", "line"): 0.65,
    ("typescript", "unit"): 0.90,
    ("tsx", "line"): 0.82,
    ("tsx", "unit"): 0.84,
    ("json", "line"): 0.70,
    ("json", "unit"): 0.70,
}
"""The least share of documents that the true text restores. They only ever rise."""


def test_the_true_text_of_the_project_restores_it() -> None:
    found = spans.measure(default_files(), 120, 0, lambda text: None)
    shares = spans.restored(found)
    below = {key: shares[key] for key, floor in FLOORS.items() if shares[key] < floor}
    assert not below
