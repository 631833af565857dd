"""Requests that come to nothing: withheld, late, withdrawn, for a closed document, or failed."""

import logging
import time
from typing import Any

import pytest

from lsp_server.completion.gate import LastChange, Trigger
from lsp_server.completion.service import CompletionService
from lsp_server.diffusion.types import Cost, Forwards, Hole, Infill
from lsp_server.models.interfaces import Cancelled
from lsp_server.settings import Settings
from tests.unit.marked_text import HEAD, complete, cursor, service
from tests.unit.scripted import ScriptedDecoder

# --- what is withheld


def test_the_gate_comes_first() -> None:
    document, offset = cursor(HEAD + "si|ze = 1\n")
    engine, decoder = service("x")
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.reason, completion.span) == (
        None,
        "text-after-cursor",
        None,
    )
    assert (completion.start, completion.end) == (offset, offset)
    deleted = LastChange("deleted")
    document, offset = cursor(HEAD + "size = |\n")
    assert engine.complete(document, offset, "automatic", last_change=deleted).reason == "not-typed"
    assert not decoder.holes
    assert engine.complete(document, offset, "invoked", last_change=deleted).text == "x"


def test_a_secret_file_is_never_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    document, offset = cursor("PASSWORD=hunter2|\n", uri="file:///work/.env")
    engine, decoder = service("x")
    for trigger in ("automatic", "invoked"):
        assert engine.complete(document, offset, trigger).reason == "secret-file"
    assert engine.infill(document, 0, offset).reason == "secret-file"
    engine.read_ahead(document, offset, lambda: False)
    assert not decoder.holes
    assert not decoder.prefilled
    assert "hunter2" not in caplog.text


def test_while_the_model_loads() -> None:
    document, offset = cursor(HEAD + "size = |\n")
    engine = CompletionService(None, Settings())
    assert engine.complete(document, offset, "automatic").reason == "loading"
    assert engine.infill(document, 0, 5).reason == "loading"
    engine.read_ahead(document, offset, lambda: False)
    document, offset = cursor("x|", uri="file:///.env")
    assert engine.complete(document, offset, "automatic").reason == "secret-file"


def test_hopeless_only_while_typing() -> None:
    document, offset = cursor(HEAD + "size = |\n")
    engine = CompletionService(ScriptedDecoder("x", confidence=0.05), Settings())
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.reason, completion.confidence) == (
        None,
        "not-confident",
        0.05,
    )
    assert completion.forwards.prefill == 1
    assert not engine.complete(document, offset, "invoked").cached
    assert engine.complete(document, offset, "invoked").text == "x"
    assert engine.infill(document, offset, offset).text == "x"


def test_a_rule_that_drops_the_text_is_the_reason_and_the_cost_is_told() -> None:
    document, offset = cursor(HEAD + "|\nsize = 1\n")
    completion = service("size = 1\n")[0].complete(document, offset, "invoked")
    assert (completion.text, completion.reason) == (None, "repeats-lines-below")
    assert completion.forwards.verify > 0
    assert completion.span is not None


def test_the_bracket_that_the_editor_closed_is_not_offered_again() -> None:
    document, offset = cursor(HEAD + "size = area(1, 2|)\n")
    for answer in (")", ")\n"):
        completion = service(answer)[0].complete(document, offset, "invoked")
        assert (completion.text, completion.reason) == (None, "unchanged"), answer
    shown, _ = complete(HEAD + "size = area(1, 2|)\n", ") + 1\n")
    assert shown == HEAD + "size = area(1, 2├) + 1┤)╣\n"


# --- closing a document


def test_a_closed_document_is_forgotten() -> None:
    engine, decoder = service("area(1, 2)\n")
    document, offset = cursor(HEAD + "size = |\n")
    engine.complete(document, offset, "automatic")
    engine.forget(document.uri)
    engine.complete(document, offset, "automatic")
    assert len(decoder.holes) == 2


def test_the_model_s_cache_forgets_a_closed_document_and_no_other() -> None:
    document, offset = cursor(HEAD + "size = |\n")
    for way in ("complete", "infill", "read_ahead"):
        engine, decoder = service("area(1, 2)\n")
        if way == "complete":
            engine.complete(document, offset, "automatic")
        elif way == "infill":
            engine.infill(document, offset, offset)
        else:
            engine.read_ahead(document, offset, lambda: False)
        engine.forget_prompt("file:///work/other.py")
        assert decoder.cached == document.uri, way
        engine.forget_prompt(document.uri)
        assert decoder.cached == "", way
    CompletionService(None, Settings()).forget_prompt(document.uri)


@pytest.mark.parametrize("trigger", ["automatic", "invoked"])
def test_an_answer_for_a_document_closed_meanwhile_is_not_stored(trigger: Trigger) -> None:
    document, offset = cursor(HEAD + "size = |\n")

    def close(hole: Hole) -> str:
        if len(decoder.holes) == 1:
            engine.forget(document.uri)
        return "area(1, 2)\n"

    engine, decoder = service(close)
    assert engine.complete(document, offset, trigger).text == "area(1, 2)"
    assert not engine.complete(document, offset, trigger).cached, "of the first answer, nothing"
    assert engine.complete(document, offset, trigger).cached, "but the second one is kept"


def test_a_request_that_waited_while_its_document_was_closed_asks_no_model() -> None:
    engine, decoder = service("area(1, 2)\n")
    document, offset = cursor(HEAD + "size = |\n")
    other, place = cursor(HEAD + "size = |\n", uri="file:///work/other.py")
    arrived = time.perf_counter()
    engine.forget(document.uri)
    for trigger in ("automatic", "invoked"):
        assert engine.complete(document, offset, trigger, arrived=arrived).reason == "closed"
    assert engine.infill(document, 0, offset, arrived=arrived).reason == "closed"
    engine.read_ahead(document, offset, lambda: False, arrived)
    assert not decoder.holes + decoder.prefilled
    assert engine.complete(other, place, "automatic", arrived=arrived).text == "area(1, 2)"
    assert engine.complete(document, offset, "automatic").text == "area(1, 2)", "open again"


# --- what goes wrong


def test_withdrawn_requests_raise_cancelled() -> None:
    document, offset = cursor(HEAD + "size = |\n")
    engine, _ = service("area(1, 2)")
    for trigger in ("automatic", "invoked"):
        with pytest.raises(Cancelled):
            engine.complete(document, offset, trigger, stop=lambda: True)
    with pytest.raises(Cancelled):
        engine.infill(document, offset, offset, stop=lambda: True)


class EndlessDecoder(ScriptedDecoder):
    """Never comes to an end by itself."""

    def infill(self, hole: Hole, stop: Any, observe: Any, cost: Cost) -> Infill:
        while True:
            cost.forwards.canvas += 1
            cost.ms.canvas += 0.5
            if stop() or hole.late:
                raise Cancelled


def test_automatic_answers_that_come_too_late() -> None:
    document, offset = cursor(HEAD + "size = |\n")
    engine = CompletionService(EndlessDecoder(""), Settings(timeout_ms=200))
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.reason) == (None, "timeout")
    assert completion.forwards.canvas > 0
    assert completion.ms.canvas == 0.5 * completion.forwards.canvas
    assert completion.ms.total > 100


def test_an_automatic_answer_may_be_late_before_its_first_forward() -> None:
    def dawdle(hole: Hole) -> str:
        time.sleep(0.3)
        return "area(1, 2)"

    document, offset = cursor(HEAD + "size = |\n")
    engine, _ = service(dawdle, timeout_ms=200)
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.reason) == (None, "timeout")
    assert (completion.start, completion.end, completion.span) == (offset, offset, "expression")
    assert (completion.forwards, completion.tokens) == (Forwards(), 0)
    assert engine.complete(document, offset, "invoked").text == "area(1, 2)"


def test_an_automatic_request_that_waited_too_long_asks_no_model() -> None:
    engine, decoder = service("area(1, 2)", timeout_ms=60_000)
    document, offset = cursor(HEAD + "size = |\n")
    long_ago = time.perf_counter() - 61
    completion = engine.complete(document, offset, "automatic", arrived=long_ago)
    assert (completion.text, completion.reason) == (None, "timeout")
    assert not decoder.holes
    assert engine.complete(document, offset, "invoked", arrived=long_ago).text == "area(1, 2)"


def test_the_time_of_an_automatic_request_counts_from_its_arrival() -> None:
    engine, decoder = service("area(1, 2)", timeout_ms=60_000)
    document, offset = cursor(HEAD + "size = |\n")
    arrived = time.perf_counter() - 30
    engine.complete(document, offset, "automatic", arrived=arrived)
    assert decoder.holes[0].deadline == arrived + 60


class BrokenDecoder(ScriptedDecoder):
    def infill(self, hole: Hole, stop: Any, observe: Any, cost: Cost) -> Infill:
        raise RuntimeError("out of memory")


def test_errors_are_reasons(caplog: pytest.LogCaptureFixture) -> None:
    document, offset = cursor(HEAD + "size = |\n")
    engine = CompletionService(BrokenDecoder(""), Settings())
    assert engine.complete(document, offset, "automatic").reason == "error"
    assert engine.infill(document, 0, offset).reason == "error"
    assert "out of memory" in caplog.text
    assert "height" not in caplog.text
