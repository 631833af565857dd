import json
from dataclasses import replace
from pathlib import Path

import pytest

from lsp_server.bench import report
from lsp_server.bench.report import Spread, Tally, ratio, share, wilson
from lsp_server.diffusion.types import Cost, Forwards, Milliseconds
from lsp_server.models.interfaces import ModelInfo
from lsp_server.settings import Settings
from lsp_server.source_files import SourceError


def cost(tokens: int, verify: int, ms: float = 100) -> Cost:
    return Cost(
        forwards=Forwards(1, verify, 1),
        tokens=tokens,
        drafted=9,
        accepted={"syntax": 1, "file": 2, "denoiser": 3},
        ms=Milliseconds(ms, 10, 70, 20),
    )


def test_one_token_at_a_time_is_one_token_per_forward() -> None:
    tally = Tally()
    for tokens in (1, 5, 20):
        tally.add(cost(tokens, verify=tokens - 1))
    assert tally.tokens_per_forward == 1.0


def test_pure_denoising_counts_per_canvas() -> None:
    tally = Tally()
    tally.add(replace(cost(8, verify=0), forwards=Forwards(0, 0, 4)))
    assert tally.tokens_per_forward == 2.0


def test_cost_adds_up() -> None:
    tally = Tally()
    tally.add(cost(11, 5))
    tally.add(cost(21, 5))
    tally.add_prefill(forwards=4, ms=68.0)
    assert tally.answers == 2
    assert tally.tokens_per_forward == 3.0
    assert tally.ms_per_token == pytest.approx(268 / 32)
    assert tally.decoding_ms_per_token == pytest.approx((268 - 88) / 30)
    assert tally.forwards == Forwards(6, 10, 2)
    assert tally.accepted == {"syntax": 2, "file": 4, "denoiser": 6}
    assert tally.to_json()["ms"]["total"] == 268


def test_an_empty_tally_divides_by_nothing() -> None:
    assert Tally().tokens_per_forward == Tally().ms_per_token == ratio(1, 0) == 0


def test_a_spread_interpolates_between_its_values() -> None:
    spread = Spread.of([10, 0])
    assert (spread.count, spread.low, spread.median, spread.high) == (2, 0, 5, 10)
    assert spread.p95 == pytest.approx(9.5)
    assert str(spread) == "5.0 [0.0–10.0]"


def test_a_spread_of_nothing_is_a_dash() -> None:
    assert Spread.of([]).count == Spread.of([]).p95 == 0
    assert str(Spread.of([])) == "–"


def test_shares() -> None:
    assert share(3, 4) == "75.0% (3/4)"
    assert share(0, 0) == "–"


def test_the_interval_of_a_share() -> None:
    low, high = wilson(150, 200)
    assert low == pytest.approx(0.686, abs=0.001)
    assert high == pytest.approx(0.805, abs=0.001)
    assert wilson(0, 0) == (0, 1)
    assert wilson(10, 10)[1] == 1


def test_a_report_says_where_it_was_measured(tmp_path: Path) -> None:
    info = ModelInfo("embedded", "f", "l", 1, "cpu", "int8", "prompt", 1.0)
    context = report.context("structure", Settings(), info)
    assert context["versions"]["torch"]
    assert context["machine"]["threads"] >= 1
    assert context["settings"]["precision"] == "auto"
    assert "int8 on cpu" in report.headline(context)
    report.write(tmp_path / "r.json", context)
    assert json.loads((tmp_path / "r.json").read_text()) == json.loads(json.dumps(context))


def test_a_report_is_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info = ModelInfo("embedded", "f", "l", 1, "cpu", "int8", "prompt", 1.0)
    context = report.context("structure", Settings(), info)
    rows = report.new_table("title", "", "column")
    rows.add_row("row", "7")
    report.show(context, [rows], tmp_path / "r.json", caption="what it means")
    printed = capsys.readouterr().out
    for words in ("int8 on cpu", "title", "row", "what it means", "r.json"):
        assert words in printed
    assert json.loads((tmp_path / "r.json").read_text()) == json.loads(json.dumps(context))


def test_a_report_without_a_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    report.check_writable(None)
    report.check_writable(tmp_path / "r.json")
    with pytest.raises(SourceError, match="there is no such folder"):
        report.check_writable(tmp_path / "nowhere" / "r.json")
