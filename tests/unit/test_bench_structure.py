import random
from collections import Counter

import pytest

from lsp_server.bench import structure
from lsp_server.bench.prompts import PROMPTS, PUBLISHED, Prompt
from lsp_server.bench.variants import (
    AS_SET,
    ONE_AT_A_TIME,
    WITHOUT_DENOISER,
    rotated,
)
from lsp_server.diffusion.types import Cost, Forwards, Infill, Milliseconds

NAMES = (AS_SET, WITHOUT_DENOISER, ONE_AT_A_TIME)


def infill(ids: tuple[int, ...], ms: float) -> Infill:
    return Infill(
        text="text",
        reason="length",
        confidence=1,
        cost=Cost(
            forwards=Forwards(2, 50, 40),
            tokens=len(ids),
            drafted=9,
            accepted={"syntax": 1, "file": 2, "denoiser": 3},
            ms=Milliseconds(ms, 10, 70, 20),
        ),
        ids=ids,
    )


def row(prompt: Prompt, rates: list[float], loop: bool = False) -> structure.Row:
    """A row whose decoding ran at these tokens per second."""
    ids = (5,) * 100 if loop else tuple(random.Random(prompt.name).choices(range(1000), k=100))
    runs = {name: structure.Runs() for name in NAMES}
    for rate in rates:
        for name in NAMES:
            runs[name].add(infill(ids, 100_000 / rate))
    return structure.Row(prompt, runs)


def prompts(category: str) -> list[Prompt]:
    return [prompt for prompt in PROMPTS if prompt.category == category]


def test_there_are_ten_prompts_in_the_published_categories() -> None:
    count = Counter(prompt.category for prompt in PROMPTS)
    assert count == {"trivial": 1, "code": 3, "structured": 2, "prose": 3, "memorised": 1}
    assert set(count) == set(PUBLISHED)
    assert len({prompt.text for prompt in PROMPTS}) == 10


def test_a_category_is_the_mean_of_the_medians_of_its_prompts() -> None:
    rows = [row(prompts("code")[0], [10, 20, 90]), row(prompts("code")[1], [40, 40, 40])]
    assert structure.category_rate(rows, "code", AS_SET) == pytest.approx(30)
    assert structure.category_rate(rows, "prose", AS_SET) == 0


def test_a_loop_is_left_out_but_where_repeating_was_the_task() -> None:
    rows = [
        row(prompts("trivial")[0], [100], loop=True),
        row(prompts("prose")[0], [200], loop=True),
        row(prompts("prose")[1], [25]),
    ]
    assert [each.counts for each in rows] == [True, False, True]
    assert structure.category_rate(rows, "trivial", AS_SET) == pytest.approx(100)
    assert structure.category_rate(rows, "prose", AS_SET) == pytest.approx(25)


def test_the_report_holds_ratios_to_prose() -> None:
    rows = [row(prompts("code")[0], [75, 75]), row(prompts("prose")[0], [25, 25])]
    report = structure.to_json(rows)
    code = report["categories"]["code"]
    assert code["variants"][AS_SET]["ratio_to_prose"] == pytest.approx(3)
    assert code["published_ratio_to_prose"] == pytest.approx(2.326, abs=0.001)
    assert report["categories"]["trivial"]["variants"][AS_SET]["ratio_to_prose"] == 0
    first = report["prompts"][0]["variants"][AS_SET]
    assert first["tokens_per_s"] == [75, 75]
    assert first["identical_to_one_at_a_time"]
    assert [table.row_count for table in structure.tables(rows)] == [5, 2]


def test_turns_begin_with_everyone_alike() -> None:
    turns = [list(rotated("abc", turn)) for turn in range(3)]
    assert turns == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]
