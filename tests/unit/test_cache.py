"""Answers are found where they hold, and nowhere else."""

import math
import time

from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.cache import CLOSINGS, Answer, AnswerCache, Entry
from lsp_server.completion.context import Window

URI = "file:///a.py"


def answer(text: str) -> Answer:
    return Answer(text, confidence=0.5)


def keep(
    cache: AnswerCache,
    before: str,
    text: str,
    window: Window,
    uri: str = URI,
    arrived: float = math.inf,
) -> None:
    cache.store(uri, Entry(len(before), window, answer(text)), arrived)


def stored(before: str, text: str, suffix: str = "\nz", prefix: str | None = None) -> AnswerCache:
    cache = AnswerCache()
    window = Window(before if prefix is None else prefix, suffix)
    keep(cache, before, text, window)
    return cache


def found(cache: AnswerCache, before: str, suffix: str = "\nz", uri: str = URI) -> str | None:
    hit = cache.find(uri, before, suffix)
    return None if hit is None else hit.rest


@given(st.text(max_size=20), st.text(min_size=1, max_size=20), st.integers(0, 20))
def test_typed_through(before: str, text: str, count: int) -> None:
    left = text[count:]
    assert found(stored(before, text), before + text[:count]) == (left if left.strip() else None)


def test_typed_through_without_the_space_at_the_start() -> None:
    cache = stored("f(", " a, b)")
    assert found(cache, "f(") == " a, b)"
    assert found(cache, "f( a") == ", b)"
    assert found(cache, "f(a") == ", b)"
    assert found(cache, "f(b") is None


def test_other_text_is_another_question() -> None:
    cache = stored("a = ", "foo(b)")
    assert found(cache, "a = fo") == "o(b)"
    assert found(cache, "a = fx") is None
    assert found(cache, "b = fo") is None
    assert found(cache, "a =") is None
    assert found(cache, "a = fo", suffix="\ny") is None
    assert found(cache, "a = fo", uri="file:///b.py") is None


def test_only_the_window_must_be_the_same_at_the_same_place() -> None:
    cache = stored("XXXX\nb = ", "foo", prefix="b = ")
    assert found(cache, "YYYY\nb = f") == "oo"
    assert found(cache, "YYY\nb = f") is None


def test_the_newest_answer_wins() -> None:
    cache = stored("a = ", "foo")
    keep(cache, "a = f", "all", Window("a = f", "\nz"))
    assert found(cache, "a = f") == "all"
    assert found(cache, "a = fo") == "o"


def test_confidence_and_end_are_kept() -> None:
    hit = stored("a = ", "foo").find(URI, "a = f", "\nz")
    assert hit is not None
    assert (hit.answer, hit.typed, hit.rest) == (answer("foo"), 1, "oo")


def test_blank_answers_are_not_kept() -> None:
    assert found(stored("a = ", " \n"), "a = ") is None


def test_the_least_recently_used_goes_first() -> None:
    cache = AnswerCache(documents=2, answers=2)

    def put(uri: str, before: str) -> None:
        keep(cache, before, "text", Window(before, ""), uri)

    put("a", "1")
    put("a", "2")
    assert found(cache, "1", "", "a") == "text"  # used, so "2" is older now
    put("a", "3")
    assert [found(cache, before, "", "a") for before in "123"] == ["text", None, "text"]
    put("b", "1")
    assert found(cache, "1", "", "a") == "text"
    put("c", "1")
    assert [found(cache, "1", "", uri) for uri in "abc"] == ["text", None, "text"]


def test_a_closed_document_is_forgotten() -> None:
    cache = stored("a = ", "foo")
    cache.forget(URI)
    cache.forget("file:///never-opened.py")
    assert found(cache, "a = ") is None


def test_nothing_is_stored_for_a_document_that_was_closed_after_the_request() -> None:
    cache = AnswerCache()
    window = Window("a = ", "\nz")
    arrived = time.perf_counter()
    cache.forget(URI)
    keep(cache, "a = ", "foo", window, arrived=arrived)
    assert found(cache, "a = ") is None
    keep(cache, "a = ", "foo", window, "file:///b.py", arrived)
    assert found(cache, "a = ", uri="file:///b.py") == "foo", "another document"
    keep(cache, "a = ", "foo", window, arrived=time.perf_counter())
    assert found(cache, "a = ") == "foo", "it was opened again"


def test_closings_are_remembered_however_many_there_are() -> None:
    cache = AnswerCache()
    arrived = time.perf_counter()
    uris = [f"file:///{number}.py" for number in range(CLOSINGS + 9)]
    for uri in uris:
        cache.forget(uri)
    assert all(cache.was_closed(uri, since=arrived) for uri in uris)
    assert not any(cache.was_closed(uri, since=time.perf_counter()) for uri in uris)
