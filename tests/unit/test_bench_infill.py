import gzip
import json
from pathlib import Path

import pytest

from lsp_server.bench import infill
from lsp_server.bench.humaneval_infilling import (
    Problem,
    draw,
    end_of_line,
    filling,
    hole_of,
    holes_are_lines,
    load,
)
from lsp_server.bench.sandbox import Limits
from lsp_server.bench.variants import AS_SET, ONE_AT_A_TIME
from lsp_server.diffusion.types import Cost, Forwards, Infill, Milliseconds, no_drafts
from lsp_server.settings import Settings
from lsp_server.source_files import SourceError


def problem(solution: str = "    return a + b\n", number: int = 0) -> Problem:
    return Problem(
        task_id=f"T/{number}",
        entry_point="add",
        prompt="def add(a, b):\n",
        suffix="\n\ndef other():\n    pass\n",
        canonical_solution=solution,
        test="def check(candidate):\n    assert candidate(2, 3) == 5\n",
    )


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.write("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def answer(text: str, ids: tuple[int, ...]) -> Infill:
    return Infill(
        text=text,
        reason="ended",
        confidence=1.0,
        cost=Cost(
            forwards=Forwards(prefill=1, verify=2, canvas=2),
            tokens=len(ids),
            drafted=3,
            accepted=no_drafts() | {"denoiser": 1},
            cached_tokens=5,
            ms=Milliseconds(total=30, prefill=10, verify=15, canvas=5),
        ),
        ids=ids,
    )


def test_a_file_is_read(tmp_path: Path) -> None:
    row = {name: getattr(problem(), name) for name in Problem.__slots__} | {"more": 1}
    assert load(write(tmp_path / "a.jsonl.gz", [row, row])) == [problem(), problem()]


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip",
        gzip.compress(b"\n"),
        gzip.compress(b"{"),
        gzip.compress(b'{"task_id": "a"}'),
        gzip.compress(b"1"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(content)
    with pytest.raises(SourceError, match=r"a\.jsonl\.gz"):
        load(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        load(tmp_path / "a.jsonl.gz")


def test_drawing_is_repeatable_and_without_repeats() -> None:
    problems = [problem(number=number) for number in range(50)]
    first, second = draw(problems, 10, seed=0), draw(problems, 10, seed=0)
    assert first == second
    assert len({each.task_id for each in first}) == 10
    assert draw(problems, 10, seed=1) != first
    assert draw(problems, 50, seed=3) == problems


def test_lines_are_a_property_of_the_whole_file() -> None:
    assert holes_are_lines([problem(), problem("    pass\n")])
    assert not holes_are_lines([problem(), problem("    x = 1\n    return x\n")])
    assert not holes_are_lines([problem("    return a")])


@pytest.mark.parametrize(
    ("written", "end"),
    [
        ("", None),
        ("    return", None),
        ("    return a\n", 12),
        ("    return a\n    b", 12),
        ("\n", None),
        ("\n    ", None),
        ("\n    x\n", 6),
    ],
)
def test_a_line_ends_behind_something_visible(written: str, end: int | None) -> None:
    assert end_of_line(written) == end


def test_only_lines_end_at_a_line_break() -> None:
    assert hole_of(problem(), True, Settings()).end("x\ny") == 1
    assert hole_of(problem(), False, Settings()).end("x\ny") is None
    assert filling("x", True) == "x\n"
    assert filling("x", False) == "x"


def test_white_space_at_the_end_does_not_spoil_a_match() -> None:
    assert problem().matches("    return a + b  \n")
    assert not problem().matches("return a + b\n")


def test_programs_are_scored_by_running_them() -> None:
    problems = [problem(number=number) for number in range(4)]
    fillings = [
        "    return a + b\n",
        "    return a - b\n",
        "    while True: pass\n",
        "    return [a, b, *bytearray(4 << 30)]\n",
    ]
    shipped, reference = infill.Score(AS_SET), infill.Score(ONE_AT_A_TIME)
    for each, text in zip(problems, fillings, strict=True):
        shipped.add(each, answer(text, (1, 2, 3)), text, (2, 20.0))
        reference.add(each, answer(fillings[0], (1, 2, 4)), fillings[0], (2, 20.0))
    limits = Limits(seconds=3, memory=512 << 20)
    infill.run_programs(problems, [shipped, reference], limits)
    assert shipped.outcomes == ["passed", "failed", "timeout", "failed"]
    assert (shipped.passed, reference.passed) == (1, 4)
    assert (shipped.exact, reference.exact) == (1, 4)
    assert shipped.identical(reference) == 0
    assert shipped.same_text(reference) == 1

    report = infill.to_json(problems, [shipped, reference])["variants"][AS_SET]
    assert report["pass_at_1"] == 0.25
    assert report["timeouts"] == 1
    assert report["cost"]["tokens"] == 12
    assert report["cost"]["tokens_per_forward"] == 1.0  # (3 - 1) tokens in 2 forwards
    assert report["cost"]["ms_per_token"] == pytest.approx(50 / 3, abs=0.001)  # prefill counts
    assert report["cost"]["forwards"] == {"prefill": 12, "verify": 8, "canvas": 8}
    assert json.dumps(infill.to_json(problems, [shipped, reference]))
