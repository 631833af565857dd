import pytest

from lsp_server.bench import targets
from lsp_server.bench.markdown import MarkdownTable
from lsp_server.bench.ratios import Quartiles, paired
from lsp_server.bench.targets import Target


def test_ratios_are_taken_pair_by_pair() -> None:
    """A phase in which the machine is ten times slower changes no ratio."""
    mine, its = [10.0, 100.0, 12.0, 130.0], [20.0, 200.0, 24.0, 260.0]
    assert paired(mine, its) == [0.5, 0.5, 0.5, 0.5]


def test_what_was_not_measured_on_one_side_is_left_out() -> None:
    assert paired([1.0, None, 3.0, 4.0], [2.0, 2.0, None, 0.0]) == [0.5, None, None, None]
    assert Quartiles.of([0.5, None]).count == 1
    with pytest.raises(ValueError, match="zip"):
        paired([1.0], [])


def test_quartiles_enclose_half_of_the_values() -> None:
    spread = Quartiles.of([5, 1, 2, 4, 3])
    assert (spread.count, spread.low, spread.median, spread.high) == (5, 2, 3, 4)
    assert spread.show(1) == "3.0 (2.0–4.0)"
    assert spread.to_json() == {"count": 5, "median": 3.0, "quartiles": [2.0, 4.0]}
    assert Quartiles.of([]).show(2) == "–"


def test_targets_say_whether_they_are_met() -> None:
    aims = [
        Target("a", 0.5, 0.5),
        Target("b", 0.5, 0.51),
        Target("c", 600, 599.9, "ms"),
        Target("d", 600, None, "ms"),
    ]
    assert [aim.verdict for aim in aims] == ["met", "missed", "met", "not measured"]
    assert targets.to_json(aims)[1]["verdict"] == "missed"
    shown = str(targets.table(aims))
    for words in ("0.51×", "599.9 ms", "–", "not measured"):
        assert words in shown


def test_a_table_is_markdown() -> None:
    table = MarkdownTable("What it shows", ("", "ms"))
    table.add_row("a | b", "10.5")
    table.add_row("c", "7")
    assert str(table).splitlines() == [
        *("What it shows:", ""),
        "|       |   ms |",
        "|-------|-----:|",
        "| a \\| b | 10.5 |",
        "| c     |    7 |",
    ]


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(AssertionError):
        MarkdownTable("", ("", "ms")).add_row("a")
