from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.drafts import Draft, FileDrafter, compete, cut, expected_length


def drafts(*pairs: tuple[int, float]) -> tuple[Draft, ...]:
    return tuple(Draft(token, confidence, "denoiser") for token, confidence in pairs)


def test_expected_length_is_the_sum_of_joint_probabilities() -> None:
    assert expected_length(drafts((1, 0.5), (2, 0.5))) == pytest.approx(0.75)
    assert expected_length(()) == 0


def test_cut_at_the_floor_and_at_the_limit() -> None:
    some = drafts((1, 0.9), (2, 0.5), (3, 0.5))
    assert [d.token for d in cut(some, 0.3, 9)] == [1, 2]
    assert [d.token for d in cut(some, 0.0, 1)] == [1]


def test_the_surest_wins_and_agreement_makes_it_longer() -> None:
    sure, long = drafts((1, 0.9), (2, 0.9)), drafts((1, 0.4), (2, 0.4), (3, 0.4))
    assert [d.token for d in compete([sure, long])] == [1, 2, 3]
    other = drafts((7, 0.2), (8, 0.2), (9, 0.2))
    assert [d.token for d in compete([sure, other])] == [1, 2]
    assert compete([]) == ()


def test_the_file_repeats_what_followed_the_longest_match() -> None:
    found = FileDrafter([5, 1, 2, 3, 7, 8, 9, 4, 2, 3, 6, 1, 2, 3]).propose()
    assert [d.token for d in found[:3]] == [7, 8, 9]
    longer = FileDrafter([5, 1, 2, 3, 7, 8, 9, 4, 5, 1, 2, 3]).propose()
    assert found[0].confidence < longer[0].confidence


def test_a_repetition_is_drafted_to_go_on() -> None:
    found = [d.token for d in FileDrafter([9, 1, 2, 1, 2, 1, 2]).propose()]
    assert found == [1, 2] * (len(found) // 2)
    assert len(found) > 8


def test_a_single_token_is_no_match() -> None:
    assert FileDrafter([1, 2, 3, 1]).propose() == ()
    assert FileDrafter([]).propose() == ()


@given(st.lists(st.integers(0, 3), max_size=40))
def test_proposals_stand_in_the_file(tokens: list[int]) -> None:
    found = [d.token for d in FileDrafter(tokens).propose()]
    if found:
        text = "".join(map(str, tokens))
        place = text.rfind(text[-2:] + str(found[0]))
        assert place >= 0
        going_on = text + "".join(map(str, found))
        assert "".join(map(str, found)) in going_on[2 : len(text) + len(found)]
