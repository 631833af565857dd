"""Answers that broke off: what is offered of them, and that no token is decoded twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion import patience
from lsp_server.completion.gate import Trigger
from lsp_server.completion.service import CompletionService
from lsp_server.diffusion.types import Cost, Hole, Infill
from lsp_server.models.interfaces import Cancelled, Stop
from lsp_server.settings import Settings
from tests.unit.marked_text import HEAD, applied, cursor, service
from tests.unit.scripted import ScriptedDecoder

LINE = HEAD + "size = |\n"
BODY = HEAD + "def total(items):\n    |\n"
LOOP = "found = []\n    for item in items:\n        found.append(item)\n    return found\n"


def stop_after(times: int) -> Stop:
    answers = iter([False] * times)
    return lambda: next(answers, True)


class HaltingDecoder(ScriptedDecoder):
    """Has time for so many words, where time is limited."""

    words = 0

    def infill(self, hole: Hole, stop: Stop, observe: Any, cost: Cost) -> Infill:
        def dawdle(step: object) -> None:
            if cost.tokens == self.words and hole.min_confidence:
                object.__setattr__(hole, "deadline", 0.0)

        return super().infill(hole, stop, dawdle, cost)


def halting(script: str, words: int, **settings: Any) -> tuple[CompletionService, HaltingDecoder]:
    decoder = HaltingDecoder(script)
    decoder.words = words
    return CompletionService(decoder, Settings(timeout_ms=600_000, **settings)), decoder


# --- stopped requests


@given(st.lists(st.integers(0, 5), max_size=4), st.sampled_from(["automatic", "invoked"]))
def test_a_request_goes_on_where_the_last_one_was_stopped(stops: list[int], last: Trigger) -> None:
    engine, _ = service("area(1, 2)\n")
    document, offset = cursor(LINE)
    for times in stops:
        with suppress(Cancelled):
            engine.complete(document, offset, "automatic", stop=stop_after(times))
    completion = engine.complete(document, offset, last)
    assert completion.text == "area(1, 2)"
    assert engine.complete(document, offset, last).cached


def test_no_token_of_a_stopped_request_is_decoded_again() -> None:
    engine, decoder = service("area(1, 2)\n")
    document, offset = cursor(LINE)
    with pytest.raises(Cancelled):
        engine.complete(document, offset, "automatic", stop=stop_after(3))
    assert engine.complete(document, offset, "automatic").tokens == 8 - len(
        decoder.holes[1].written.ids
    )
    assert len(decoder.holes[1].written.ids) == 3


def test_what_was_typed_of_a_stopped_text_is_not_written_again() -> None:
    engine, decoder = service("area(1, 2)\n")
    document, offset = cursor(LINE)
    with pytest.raises(Cancelled):
        engine.complete(document, offset, "automatic", stop=stop_after(4))
    document, offset = cursor(HEAD + "size = ar|\n")
    completion = engine.complete(document, offset, "automatic")
    assert completion.text == "ea(1, 2)"
    assert len(decoder.holes[1].written.ids) == 4
    document, offset = cursor(HEAD + "size = as|\n")
    engine.complete(document, offset, "automatic")
    assert not decoder.holes[2].written.ids, "another text"


def test_a_running_request_goes_on_while_the_user_types_what_it_writes() -> None:
    engine, decoder = service("area(1, 2)\n")
    document, offset = cursor(LINE)
    asked = iter(["", "a", "ar", "area", "area(1", "area(1, 2)"])
    engine.complete(document, offset, "automatic", typed=lambda: next(asked, "area(1, 2)"))
    document, offset = cursor(HEAD + "size = are|\n")
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.cached, len(decoder.holes)) == ("a(1, 2)", True, 1)


@pytest.mark.parametrize(("typed", "written"), [("b", 1), ("areas", 2), ("area(2", 3)])
def test_a_running_request_stops_where_the_user_types_something_else(
    typed: str, written: int
) -> None:
    engine, decoder = service("area(1, 2)\n")
    document, offset = cursor(LINE)
    completion = engine.complete(document, offset, "automatic", typed=lambda: typed)
    assert (completion.text, completion.tokens) == (None, written)
    engine.complete(document, offset, "automatic")
    assert len(decoder.holes[1].written.ids) == written, "it is kept for who comes back"


def test_typing_along_an_unlikely_text_confirms_it() -> None:
    engine = CompletionService(decoder := ScriptedDecoder("area(1, 2)\n", 0.1), Settings())
    document, offset = cursor(LINE)
    assert engine.complete(document, offset, "automatic").reason == "not-confident"
    decoder.confidence = 0.9
    assert engine.complete(document, offset, "automatic").reason == "offered"


# --- what is offered of a text that broke off


def test_at_the_deadline_whole_statements_are_offered_and_the_rest_when_they_are_accepted() -> None:
    engine, decoder = halting(LOOP, 25)
    document, offset = cursor(BODY)
    first = engine.complete(document, offset, "automatic")
    assert (first.text, first.reason) == ("found = []", "offered")
    again = engine.complete(document, offset, "automatic")
    assert (again.text, again.cached) == ("found = []", True)
    decoder.words = 0
    rest = "\n    for item in items:\n        found.append(item)\n    return found"
    document, offset = cursor(HEAD + "def total(items):\n    found = []|\n")
    second = engine.complete(document, offset, "automatic")
    assert (second.text, second.cached) == (rest, False)
    assert len(decoder.holes[1].written.ids) == 25


def test_typing_through_the_part_that_was_offered_costs_nothing() -> None:
    engine, decoder = halting(LOOP, 25)
    document, offset = cursor(BODY)
    engine.complete(document, offset, "automatic")
    document, offset = cursor(HEAD + "def total(items):\n    fou|\n")
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.cached, len(decoder.holes)) == ("nd = []", True, 1)


def test_half_a_line_is_not_offered_at_the_deadline() -> None:
    engine, decoder = halting("first + second + third\n", 5)
    document, offset = cursor(LINE)
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.reason) == (None, "unfinished")
    asked = engine.complete(document, offset, "invoked")
    assert (asked.text, asked.tokens) == ("first + second + third", 5)
    assert len(decoder.holes[1].written.ids) == 5


def test_whoever_asks_gets_the_whole_text() -> None:
    engine, _ = halting(LOOP, 25)
    document, offset = cursor(BODY)
    engine.complete(document, offset, "automatic")
    asked = engine.complete(document, offset, "invoked")
    assert (asked.text, asked.cached) == (LOOP.rstrip(), False)


def test_a_first_part_is_offered_soon_where_the_rest_takes_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "FIRST_S", 0.0)
    engine, _ = service(LOOP)
    document, offset = cursor(BODY)
    first = engine.complete(document, offset, "automatic")
    assert (first.text, first.tokens) == ("found = []", 7)
    assert engine.complete(document, offset, "invoked").text == LOOP.rstrip(), "who asks waits"
    document, offset = cursor(LINE)
    engine, _ = service("area(1, 2)\n")
    assert engine.complete(document, offset, "automatic").text == "area(1, 2)", "one line is whole"


@pytest.mark.parametrize(
    ("answer", "room", "expected"),
    [
        ("y = x + 1\n    return y", 14, "y = x + 1"),  # the line in which the masks ran out
        ("area(1, 20", 6, None),
        ("area", 1, None),
        ("\n    y", 3, None),
    ],
)
def test_what_there_is_when_the_masks_run_out(answer: str, room: int, expected: str | None) -> None:
    document, offset = cursor(HEAD + "def f(x):\n    |\n")
    engine, _ = service(answer + " + 1", max_block_tokens=room, max_tokens=room)
    completion = engine.complete(document, offset, "invoked")
    assert completion.text == expected
    assert completion.reason == ("offered" if expected else "unfinished")
    again = engine.complete(document, offset, "invoked")
    assert (again.text, again.tokens) == (expected, 0), "a text does not grow by asking again"


def test_behind_what_was_accepted_there_is_room_again() -> None:
    head = BODY.partition("|")[0]
    engine, _ = service(
        lambda hole: LOOP.removeprefix(hole.prompt.prefix.removeprefix(head)), max_block_tokens=22
    )
    document, offset = cursor(BODY)
    for _ in range(3):
        completion = engine.complete(document, offset, "automatic")
        assert completion.text is not None
        text = applied(document.text, completion)
        offset = completion.start + len(completion.text)
        document, offset = cursor(text[:offset] + "|" + text[offset:])
    assert document.text == BODY.replace("|", LOOP.rstrip())


# --- what is written ahead


def read_ahead(engine: CompletionService, marked: str, stop: Stop = lambda: False) -> None:
    document, offset = cursor(marked)
    engine.read_ahead(document, offset, stop)


def answers(script: dict[str, str]) -> Callable[[Hole], str]:
    """A script that goes by the end of what stands before the hole."""

    def write(hole: Hole) -> str:
        before = hole.prompt.prefix
        return next(text for end, text in script.items() if before.endswith(end))

    return write


NEXT = {"size = ": "area(1, 2)\n", "area(1, 2)": " + area(3, 4)\n"}


def test_what_was_cut_is_written_to_its_end_ahead() -> None:
    engine, decoder = halting(LOOP, 25)
    document, offset = cursor(BODY)
    engine.complete(document, offset, "automatic")
    decoder.words = 0
    read_ahead(engine, BODY)
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.cached) == (LOOP.rstrip(), True)
    document, offset = cursor(HEAD + "def total(items):\n    found = []|\n")
    assert engine.complete(document, offset, "automatic").cached


def test_what_follows_an_accepted_text_is_there() -> None:
    engine, decoder = service(answers(NEXT))
    document, offset = cursor(LINE)
    engine.complete(document, offset, "automatic")
    read_ahead(engine, LINE)
    document, offset = cursor(HEAD + "size = area(1, 2)|\n")
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.cached) == (" + area(3, 4)", True)
    assert len(decoder.holes) == 2
    read_ahead(engine, LINE)
    assert len(decoder.holes) == 2, "it is written once"


def test_what_is_written_ahead_gives_way_and_is_kept() -> None:
    engine, decoder = service(answers(NEXT))
    document, offset = cursor(LINE)
    engine.complete(document, offset, "automatic")
    with pytest.raises(Cancelled):
        read_ahead(engine, LINE, stop_after(3))
    document, offset = cursor(HEAD + "size = area(1, 2)|\n")
    completion = engine.complete(document, offset, "automatic")
    assert completion.text == " + area(3, 4)"
    assert len(decoder.holes[-1].written.ids) == 3


def test_nothing_is_written_ahead_that_would_not_be_offered() -> None:
    document, offset = cursor(LINE)
    engine, decoder = service(answers(NEXT))
    read_ahead(engine, LINE)
    assert (len(decoder.prefilled), decoder.holes) == (1, []), "no answer is offered here yet"
    engine, decoder = service(answers(NEXT), automatic=False)
    engine.complete(document, offset, "invoked")
    read_ahead(engine, LINE)
    assert len(decoder.holes) == 1
    engine = CompletionService(decoder := ScriptedDecoder("x = 1\n", 0.1), Settings())
    engine.complete(document, offset, "automatic")
    read_ahead(engine, LINE)
    assert sum(len(hole.written.ids) for hole in decoder.holes) == 0


def test_of_a_closed_document_nothing_is_written_ahead_or_kept() -> None:
    document, offset = cursor(LINE)

    def close(hole: Hole) -> str:
        if len(decoder.holes) == 2:
            engine.forget(document.uri)
        return answers(NEXT)(hole)

    engine, decoder = service(close)
    engine.complete(document, offset, "automatic")
    read_ahead(engine, LINE)
    document, offset = cursor(HEAD + "size = area(1, 2)|\n")
    assert not engine.complete(document, offset, "automatic").cached
    arrived = time.perf_counter()
    engine.forget(document.uri)
    document, offset = cursor(LINE)
    engine.read_ahead(document, offset, lambda: False, arrived)
    assert len(decoder.holes) == 3
    assert not decoder.prefilled
