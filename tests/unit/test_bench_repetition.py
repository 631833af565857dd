import random

import pytest

from lsp_server.bench.repetition import repeats_itself, repetition_period


def varied(count: int, seed: int = 0) -> list[int]:
    return random.Random(seed).choices(range(1000), k=count)


@pytest.mark.parametrize("count", [0, 1, 5, 300])
def test_varied_text_does_not_loop(count: int) -> None:
    assert not repeats_itself(varied(count))


@pytest.mark.parametrize(("period", "rounds"), [(1, 24), (2, 12), (7, 4), (40, 3), (84, 3)])
@pytest.mark.parametrize("before", [0, 50])
def test_rounds_are_a_loop_wherever_they_stand(period: int, rounds: int, before: int) -> None:
    text = varied(before, 1) + varied(period, 2) * rounds + varied(30, 3)
    assert repetition_period(text) == period


def test_two_rounds_are_none_unless_they_are_long() -> None:
    assert not repeats_itself(varied(47) * 2)
    assert repeats_itself(varied(48) * 2)


def test_a_long_passage_that_comes_again_later_is_a_loop() -> None:
    passage = varied(48, 5)
    text = varied(9, 6) + passage + varied(100, 7) + passage
    assert repetition_period(text) == 148


def test_a_short_run_of_one_token_is_none() -> None:
    assert not repeats_itself([7] * 23)
    assert repeats_itself([7] * 24)


def test_a_sentence_with_one_word_changed_in_every_round_is_a_loop() -> None:
    sentence = varied(19, 4)
    text = [token for row in range(6) for token in (*sentence, 5000 + row)]
    assert repetition_period(text) == 20


def test_the_rows_of_a_table_are_no_loop() -> None:
    """Two of eight tokens change from row to row."""
    rows = ((1, 2, 3, 100 + row, 4, 5, 6, 500 + row) for row in range(30))
    assert not repeats_itself([token for row in rows for token in row])


def test_rows_of_uneven_length_are_no_loop() -> None:
    text: list[int] = []
    for row in range(30):
        text += [1, 2, 3, *varied(1 + row * 7 % 3, row), 4, 5]
    assert not repeats_itself(text)
