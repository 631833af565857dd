import random

import pytest

from lsp_server.bench.loops import LONGEST_PERIOD, MIN_ROUNDS, MIN_TOKENS, looping, loops


def varied(count: int, seed: int = 0) -> list[int]:
    return random.Random(seed).choices(range(1000), k=count)


@pytest.mark.parametrize("count", [0, 1, 5, 300])
def test_varied_text_does_not_loop(count: int) -> None:
    assert not loops(varied(count))


@pytest.mark.parametrize("period", [1, 2, 7, 40, LONGEST_PERIOD])
@pytest.mark.parametrize("before", [0, 50])
def test_three_rounds_are_a_loop_wherever_it_stands(period: int, before: int) -> None:
    rounds = max(MIN_ROUNDS, -(-MIN_TOKENS // period))
    text = varied(before, 1) + varied(period, 2) * rounds + varied(30, 3)
    assert looping(text) >= rounds * period


def test_two_rounds_are_none() -> None:
    assert not loops(varied(40) * 2)


def test_a_short_run_of_one_token_is_none() -> None:
    assert not loops([7] * (MIN_TOKENS - 1))
    assert loops([7] * MIN_TOKENS)


def test_a_change_in_every_round_is_no_loop() -> None:
    """Enumerations and tables repeat their frame, not their content."""
    assert not loops([token for row in range(30) for token in (1, 2, 3, 100 + row, 4, 5)])


def test_a_last_round_cut_short_counts() -> None:
    assert looping(varied(10) * 3 + varied(10)[:4]) == 34
