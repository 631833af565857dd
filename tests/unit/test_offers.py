"""Which offers were accepted, by the editor's word or by the text."""

from __future__ import annotations

import pytest

from lsp_server.server.offers import REMEMBERED, Offers

URI = "file:///a.py"
TEXT = "return "


@pytest.fixture
def offers() -> Offers:
    offers = Offers()
    assert offers.add(URI, len(TEXT), "a + b") == "1"
    return offers


def test_each_offer_is_accepted_once(offers: Offers) -> None:
    assert offers.accept("1")
    assert not offers.accept("1")
    assert not offers.accept("2")
    after = TEXT + "a + b"
    assert not offers.see(URI, after, len(after), 5)


def test_inserting_all_of_it_is_accepting(offers: Offers) -> None:
    after = TEXT + "a + b"
    assert offers.see(URI, after + "\n", len(after), 5)


def test_inserting_what_typing_has_left_of_it_is_accepting(offers: Offers) -> None:
    after = TEXT + "a + b"
    assert offers.see(URI, after, len(after), 3)


@pytest.mark.parametrize(
    ("uri", "text", "inserted"),
    [
        (URI, TEXT + "a + b", 1),  # typed to its end
        (URI, TEXT + "a +", 3),  # a part of it
        (URI, TEXT + "b + a", 5),  # something else
        ("file:///other.py", TEXT + "a + b", 5),
    ],
)
def test_anything_else_is_not(offers: Offers, uri: str, text: str, inserted: int) -> None:
    assert not offers.see(uri, text, len(text), inserted)


def test_closed_documents_are_forgotten(offers: Offers) -> None:
    offers.add("file:///other.py", 0, "x")
    offers.forget(URI)
    assert list(offers.texts(URI)) == []
    assert list(offers.texts("file:///other.py")) == ["x"]
    assert not offers.accept("1")


def test_only_the_latest_are_remembered(offers: Offers) -> None:
    for number in range(REMEMBERED):
        offers.add(URI, 0, str(number))
    assert list(offers.texts(URI)) == [str(number) for number in range(REMEMBERED)]
