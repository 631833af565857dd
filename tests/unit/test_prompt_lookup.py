from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.drafters.prompt_lookup import (
    Lookup,
    Prediction,
    TokenIndex,
    extend_drafts,
)

TOKENS = st.lists(st.integers(0, 3), max_size=40)


def predict(*tokens: int) -> Prediction:
    found = Lookup(TokenIndex(tokens)).predict()
    assert found is not None
    return found


def said(tokens: list[int], floor: float = 0.0, limit: int = 12) -> list[int]:
    return [draft.token for draft in extend_drafts((), Lookup(TokenIndex(tokens)), limit, floor)]


def test_what_followed_the_longest_match_is_said_again() -> None:
    assert said([5, 1, 2, 3, 7, 8, 9, 4, 2, 3, 6, 1, 2, 3])[:3] == [7, 8, 9]
    assert said([0, 1, 5, 0, 1, 6, 0, 1])[:1] == [6]  # the latest among equals


def test_a_repetition_goes_on() -> None:
    assert said([9, 1, 2, 1, 2, 1, 2]) == [1, 2] * 6
    assert said([7, 7]) == [7] * 12


def test_nothing_is_said_behind_what_is_new() -> None:
    assert Lookup(TokenIndex([1, 2, 3])).predict() is None
    assert Lookup(TokenIndex([])).predict() is None


def test_longer_matches_are_trusted_more() -> None:
    short, long = predict(5, 1, 2, 7, 9, 1, 2), predict(5, 1, 2, 7, 9, 5, 1, 2)
    assert short.token == long.token == 7
    assert short.confidence < long.confidence


def test_matches_that_agree_are_trusted_more_and_others_less() -> None:
    alone = predict(1, 2, 7, 9, 1, 2)
    agreed = predict(1, 2, 7, 9, 1, 2, 7, 8, 1, 2)
    disputed = predict(1, 2, 6, 9, 1, 2, 7, 8, 1, 2)
    assert alone.token == agreed.token == disputed.token == 7
    assert disputed.confidence < alone.confidence < agreed.confidence


def test_it_ends_at_the_floor_and_at_the_limit() -> None:
    tokens = [1, 2, 3, 4, 5, 6, 1, 2]
    first = predict(*tokens).confidence
    assert said(tokens, floor=first) == [3]
    assert said(tokens, floor=first + 0.01) == []
    assert said(tokens, limit=2) == [3, 4]


@given(TOKENS, TOKENS)
def test_a_lookup_that_was_told_is_a_new_lookup(tokens: list[int], taken: list[int]) -> None:
    """Going on from a text's end is looking at the longer text."""
    index = TokenIndex(tokens)
    lookup = Lookup(index)
    for number, token in enumerate(taken, 1):
        lookup.append(token)
        assert lookup.predict() == Lookup(TokenIndex([*tokens, *taken[:number]])).predict()
    assert index.tokens == tokens


@given(TOKENS.filter(len))
def test_a_prediction_is_what_followed_the_longest_match(tokens: list[int]) -> None:
    found = Lookup(TokenIndex(tokens)).predict()
    text = "".join(map(str, tokens))
    longest = next(
        (
            text[start:]
            for start in range(max(0, len(text) - 16), len(text))
            if text[start:] in text[:-1]
        ),
        None,
    )
    if longest is None:
        assert found is None
    else:
        assert found is not None
        assert str(found.token) == text[text[:-1].rindex(longest) + len(longest)]
        assert 0 < found.confidence < 1


@pytest.mark.parametrize("length", range(1, 40))
def test_every_length_has_a_confidence(length: int) -> None:
    tokens = list(range(length))
    assert 0 < predict(*tokens, 99, *tokens).confidence < 1
