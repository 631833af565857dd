"""The way of a request, with a scripted decoder in place of the model."""

import json
import logging
import math
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.brackets import foreign, unclosed
from lsp_server.completion.gate import LastChange, Trigger
from lsp_server.completion.reasons import REASONS
from lsp_server.completion.service import Completion, CompletionService, Selected, Snapshot
from lsp_server.diffusion.types import Forwards, Hole, Infill, Step
from lsp_server.models.interfaces import Cancelled
from lsp_server.positions import position_at
from lsp_server.settings import Settings
from lsp_server.syntax.languages import language_for
from lsp_server.syntax.lexer import GENERIC
from lsp_server.syntax.tree import SyntaxTree
from tests.unit.scripted import Script, ScriptedDecoder

HEAD = "import os\n\n\ndef area(width, height):\n    return width * height\n\n\n"


def snapshot(text: str, language: str = "python", uri: str = "file:///work/app.py") -> Snapshot:
    tree = SyntaxTree.parse(text, language_for(language, uri))
    return Snapshot(uri, language, 1, text, tree)


def cursor(marked: str, **kind: str) -> tuple[Snapshot, int]:
    """A document and the offset of its ``|``."""
    return snapshot(marked.replace("|", "", 1), **kind), marked.index("|")


def service(script: Script, **settings: Any) -> tuple[CompletionService, ScriptedDecoder]:
    decoder = ScriptedDecoder(script)
    return CompletionService(decoder, Settings(**settings)), decoder


def complete(
    marked: str, script: Script, trigger: Trigger = "invoked", **kind: str
) -> tuple[str, Completion]:
    """The document with the edit drawn into it (├text┤replaced╣), and the completion."""
    document, offset = cursor(marked, **kind)
    completion = service(script)[0].complete(document, offset, trigger)
    return drawn(document.text, completion), completion


def drawn(text: str, completion: Completion) -> str:
    if completion.text is None:
        return completion.reason
    start, end = completion.start, completion.end
    return f"{text[:start]}├{completion.text}┤{text[start:end]}╣{text[end:]}"


# --- what is offered


def test_a_call_that_the_editor_closed() -> None:
    shown, completion = complete(HEAD + "print(|)\n", "area(1, 2))\nfoo()\n")
    assert shown in (
        HEAD + "print(├area(1, 2))┤)╣\n",
        HEAD + "print(├area(1, 2)┤╣)\n",
    )
    assert completion.reason == "offered"
    assert completion.span is not None
    assert completion.confidence == 0.9
    assert completion.tokens == completion.forwards.verify > 0
    assert completion.cached_tokens == 7
    assert completion.ms.total >= completion.ms.polish > 0
    assert completion.ms.verify == 2.0


def test_one_line_where_one_line_is_written() -> None:
    shown, _ = complete(HEAD + "size = |\n", "area(1, 2)\nother = 3\n")
    assert shown == HEAD + "size = ├area(1, 2)┤╣\n"


def test_crlf_comes_back_and_offsets_count_the_document_as_it_is() -> None:
    text = HEAD.replace("\n", "\r\n") + "def f(x):\r\n    |\r\n\r\ny = 1\r\n"
    document, offset = cursor(text)
    engine, decoder = service("if x:\n        return 1\n    return 2\n")
    completion = engine.complete(document, offset, "invoked")
    assert completion.text is not None
    assert completion.start == completion.end == offset
    assert "\r" not in decoder.holes[0].prefix + decoder.holes[0].suffix
    assert (
        completion.text.count("\r")
        == completion.text.count("\n")
        == (completion.text.count("\r\n"))
    )


def test_an_empty_file_is_completed_when_asked_for() -> None:
    for language in ("python", "javascript", "typescript", "json", "plaintext", "no-such"):
        shown, _ = complete("|", "x", language=language)
        assert shown == "├x┤╣"
        shown, completion = complete("|", "x", "automatic", language=language)
        assert (shown, completion.reason) == ("too-little-text", "too-little-text")


def test_brackets_mean_nothing_in_prose() -> None:
    before = "Steps to be taken before all others:\n"
    uri = "file:///work/steps"
    for language in ("markdown", "plaintext"):
        shown = complete(before + "|\n", "1) rest", language=language, uri=uri)[1].text
        assert shown == "1) rest"
    assert (
        complete(before + "|\n", "1) rest", language="go", uri=uri)[1].reason
        == "bracket-closed-already"
    )


# --- what the model is shown


def test_the_hole() -> None:
    document, offset = cursor(HEAD + "print(|)\nafter()\n")
    engine, decoder = service("1)", max_tokens=11)
    engine.complete(document, offset, "automatic")
    hole = decoder.holes[0]
    assert hole.prefix == HEAD + "print("
    assert hole.suffix == "after()\n"
    assert hole.max_tokens == 11
    assert hole.min_confidence == Settings().min_confidence


def test_the_hole_says_how_long_such_texts_are() -> None:
    document, offset = cursor(HEAD + "print(area([|]))\n")
    engine, decoder = service("1]))")
    engine.complete(document, offset, "invoked")
    engine.infill(document, offset - len("print(area(["), offset + len("]))"))
    call, statement = (hole.lengths for hole in decoder.holes)
    assert call is not None
    assert statement is not None
    assert call.bounds == statement.bounds
    assert sum(call.shares) == pytest.approx(1)
    assert call.bounds[0] < len("]))")
    assert call.shares[0] == 0 < statement.shares[0]


def test_prefill_warms_what_completing_will_ask_for() -> None:
    document, offset = cursor(HEAD + "print(|)\nafter()\n")
    engine, decoder = service("1)")
    assert engine.prefill(document, offset, lambda: False) == 3
    engine.complete(document, offset, "automatic")
    asked, warmed = decoder.holes[0], decoder.warmed[0]
    assert (warmed.prefix, warmed.suffix) == (asked.prefix, asked.suffix)
    with pytest.raises(Cancelled):
        engine.prefill(document, offset, lambda: True)


def test_more_masks_for_a_block() -> None:
    document, offset = cursor(HEAD + "def f(x):\n    |\n")
    engine, decoder = service("return x", max_tokens=11, max_block_tokens=22)
    engine.complete(document, offset, "invoked")
    assert decoder.holes[0].max_tokens == 22


def test_a_text_that_runs_out_of_masks_is_not_shown_to_its_last_line() -> None:
    document, offset = cursor(HEAD + "def f(x):\n    |\n")
    engine, _ = service("y = x\n    z = y + 1\n    return z", max_block_tokens=14)
    completion = engine.complete(document, offset, "invoked")
    assert completion.text == "y = x"


# --- the cache


def test_typing_through_an_answer_costs_nothing() -> None:
    engine, decoder = service("area(1, 2)\n")
    texts = []
    for typed in ("", "a", "area(", "area(1, 2"):
        document, offset = cursor(HEAD + f"size = {typed}|\n")
        completion = engine.complete(document, offset, "automatic")
        texts.append(typed + (completion.text or ""))
        assert completion.cached == bool(typed)
        assert bool(completion.forwards.verify) != completion.cached
        assert completion.confidence == 0.9
    assert texts == ["area(1, 2)"] * 4
    assert len(decoder.holes) == 1


def test_typing_through_with_auto_closed_brackets() -> None:
    engine, decoder = service("area(1, 2)\n")
    for marked in ("size = |", "size = area(|)", "size = area(1|)", "size = area(1, 2|)"):
        document, offset = cursor(HEAD + marked + "\n")
        completion = engine.complete(document, offset, "automatic")
        assert applied(document.text, completion) == HEAD + "size = area(1, 2)\n", marked
    assert len(decoder.holes) == 1


def test_typing_something_else_asks_again() -> None:
    engine, decoder = service("area(1, 2)\n")
    for marked in ("size = |\n", "size = b|\n", "size = |\nz"):
        document, offset = cursor(HEAD + marked)
        assert not engine.complete(document, offset, "automatic").cached
    assert len(decoder.holes) == 3


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
    for way in ("complete", "infill", "prefill"):
        engine, decoder = service("area(1, 2)\n")
        if way == "complete":
            engine.complete(document, offset, "automatic")
        elif way == "infill":
            engine.infill(document, offset, offset)
        else:
            engine.prefill(document, offset, lambda: False)
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
    assert engine.prefill(document, offset, lambda: False, arrived) == 0
    assert not decoder.holes + decoder.warmed
    assert engine.complete(other, place, "automatic", arrived=arrived).text == "area(1, 2)"
    assert engine.complete(document, offset, "automatic").text == "area(1, 2)", "open again"


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
    assert engine.prefill(document, offset, lambda: False) == 0
    assert not decoder.holes
    assert not decoder.warmed
    assert "hunter2" not in caplog.text


def test_while_the_model_loads() -> None:
    document, offset = cursor(HEAD + "size = |\n")
    engine = CompletionService(None, Settings())
    assert engine.complete(document, offset, "automatic").reason == "loading"
    assert engine.infill(document, 0, 5).reason == "loading"
    assert engine.prefill(document, offset, lambda: False) == 0
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

    def infill(self, hole: Hole, stop: Any, observe: Any) -> Infill:
        while True:
            observe(Step("canvas", (), 0.5))
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


class SlowDecoder(ScriptedDecoder):
    """Has time for nine words, where time is limited."""

    def infill(self, hole: Hole, stop: Any, observe: Any) -> Infill:
        done = 0

        def dawdle(step: Step) -> None:
            nonlocal done
            done += 1
            if done == 9 and hole.deadline < math.inf:
                object.__setattr__(hole, "deadline", 0.0)
            observe(step)

        return super().infill(hole, stop, dawdle)


def test_what_there_is_at_the_deadline_is_offered_up_to_a_whole_word() -> None:
    whole = "first + second + third + fourth"
    document, offset = cursor(HEAD + "size = |\n")
    engine = CompletionService(SlowDecoder(whole), Settings(timeout_ms=600_000))
    completion = engine.complete(document, offset, "automatic")
    assert (completion.text, completion.reason) == ("first + second +", "offered")
    assert engine.complete(document, offset, "automatic").cached
    asked = engine.complete(document, offset, "invoked")
    assert (asked.text, asked.cached) == (whole, False)


@pytest.mark.parametrize(
    ("answer", "room", "expected"),
    [
        ("y = x + 1\n    return y", 10, "y = x + 1"),  # the line in which the masks ran out
        ("area(1, 20", 6, "area(1,"),
        ("area", 1, None),
        ("\n    y", 3, None),
    ],
)
def test_a_text_that_broke_off(answer: str, room: int, expected: str | None) -> None:
    document, offset = cursor(HEAD + "def f(x):\n    |\n")
    engine, _ = service(answer + " + 1", max_block_tokens=room, max_tokens=room)
    completion = engine.complete(document, offset, "invoked")
    assert completion.text == expected
    assert completion.reason == ("offered" if expected else "unfinished")


class BrokenDecoder(ScriptedDecoder):
    def infill(self, hole: Hole, stop: Any, observe: Any) -> Infill:
        raise RuntimeError("out of memory")


def test_errors_are_reasons(caplog: pytest.LogCaptureFixture) -> None:
    document, offset = cursor(HEAD + "size = |\n")
    engine = CompletionService(BrokenDecoder(""), Settings())
    assert engine.complete(document, offset, "automatic").reason == "error"
    assert engine.infill(document, 0, offset).reason == "error"
    assert "out of memory" in caplog.text
    assert "height" not in caplog.text


# --- the suggest widget


def selected(marked: str) -> tuple[Snapshot, int, Selected]:
    """A document with ``«typed|item»``: the item stands for what is typed of it."""
    before, middle = marked.split("«")
    item, after = middle.split("»")
    typed, item = item.split("|")
    text = before + typed + after
    offset = len(before) + len(typed)
    return snapshot(text), offset, Selected(len(before), offset, item)


def test_an_item_is_extended_in_its_own_range() -> None:
    document, offset, item = selected(HEAD + "size = «ar|area»\n")
    engine, decoder = service("(1, 2)\n")
    completion = engine.complete(document, offset, "automatic", item)
    assert decoder.holes[0].prefix == HEAD + "size = area"
    assert completion.text == "area(1, 2)"
    assert (completion.start, completion.end) == (item.start, item.end)


def test_an_item_s_range_is_never_widened() -> None:
    document, offset, item = selected(HEAD + "print(«wi|width»)\n")
    completion = service(", height)\n")[0].complete(document, offset, "invoked", item)
    assert completion.text == "width, height"
    assert (completion.start, completion.end) == (item.start, item.end)


def test_nothing_but_the_item_is_nothing() -> None:
    document, offset, item = selected(HEAD + "size = «ar|area»\n")
    assert service("\n")[0].complete(document, offset, "automatic", item).reason == "blank"


@pytest.mark.parametrize("item", ["ar|foo", "ar|Area", "ar|area($1)", "ar|area\n"])
def test_items_that_cannot_be_extended_are_not(item: str) -> None:
    document, offset, chosen = selected(HEAD + f"size = «{item}»\n")
    engine, decoder = service("(1, 2)")
    completion = engine.complete(document, offset, "automatic", chosen)
    assert (completion.text, completion.reason) == (None, "suggestion-not-extended")
    assert not decoder.holes


def test_items_elsewhere_are_not_extended() -> None:
    document, offset, item = selected(HEAD + "size = «ar|area»\n")
    engine, _ = service("x")
    for bad in (
        replace(item, end=item.start),
        replace(item, start=offset + 1),
        Selected(-3, 9, ""),
    ):
        assert engine.complete(document, offset, "invoked", bad).reason == "suggestion-not-extended"


def test_an_item_typed_through_is_reused() -> None:
    engine, _ = service("area(1, 2)\n")
    document, offset = cursor(HEAD + "size = |\n")
    engine.complete(document, offset, "automatic")
    document, offset, item = selected(HEAD + "size = «ar|area»\n")
    completion = engine.complete(document, offset, "automatic", item)
    assert (completion.text, completion.cached) == ("area(1, 2)", True)


# --- regions


def region(marked: str, **kind: str) -> tuple[Snapshot, int, int]:
    start, end = marked.index("«"), marked.index("»") - 1
    return snapshot(marked.replace("«", "").replace("»", ""), **kind), start, end


def test_the_region_itself_is_not_looked_at() -> None:
    document, start, end = region(HEAD + "def f(x):\n«    secret = x\n»    return y\n")
    engine, decoder = service("y = area(x, x)\n")
    completion = engine.infill(document, start, end)
    hole = decoder.holes[0]
    assert "secret" not in hole.prefix + hole.suffix
    assert hole.prefix.endswith("def f(x):\n    ")
    assert hole.suffix == "    return y\n"
    assert hole.min_confidence == 0.0
    assert drawn(document.text, completion) == (
        HEAD + "def f(x):\n    ├y = area(x, x)┤secret = x╣\n    return y\n"
    )


def test_a_region_in_a_line_sees_the_rest_of_it() -> None:
    document, start, end = region(HEAD + "print(area(«3», 4))\n")
    engine, decoder = service("1, 4))")
    completion = engine.infill(document, start, end)
    assert decoder.holes[0].suffix == ", 4))\n"
    assert drawn(document.text, completion) == HEAD + "print(area(├1┤3╣, 4))\n"


def test_a_region_in_crlf() -> None:
    text = (HEAD + "def f(x):\n«    pass\n    pass\n»\n\ny = 1\n").replace("\n", "\r\n")
    document, start, end = region(text)
    completion = service("if x:\n        return 1\n    return 2\n")[0].infill(document, start, end)
    body = "    ├if x:\n        return 1\n    return 2┤pass\n    pass╣\n\n\ny = 1\n"
    assert drawn(document.text, completion) == (HEAD + "def f(x):\n" + body).replace("\n", "\r\n")


def test_a_region_may_be_written_as_it_was() -> None:
    text = (HEAD + "def f(x):\n«    y = x\n    return y\n»").replace("\n", "\r\n")
    document, start, end = region(text)
    completion = service("y = x\n    return y\n")[0].infill(document, start, end)
    assert completion.text == "y = x\r\n    return y"


def test_a_region_may_be_given_in_any_order_and_beyond_the_text() -> None:
    document = snapshot(HEAD)
    engine, _ = service("x = 1")
    for start, end in ((len(HEAD) + 9, len(HEAD) - 1), (-5, -1), (10**9, 0)):
        completion = engine.infill(document, start, end)
        assert 0 <= completion.start <= completion.end <= len(HEAD)


# --- the contract


def test_json_of_an_offer() -> None:
    document, offset = cursor('s = "🎉"; print(|)\r\n', language="plaintext")
    completion = service("s)")[0].complete(document, offset, "invoked")
    answer = completion.to_json(document.text)
    assert list(answer) == [
        *("text", "range", "span", "reason", "confidence", "forwards", "tokens", "accepted"),
        *("cached_tokens", "suffix", "ms"),
    ]
    assert list(answer["forwards"]) == ["prefill", "verify", "canvas"]
    assert list(answer["accepted"]) == ["syntax", "file", "denoiser"]
    assert list(answer["ms"]) == ["total", "prefill", "verify", "canvas", "polish"]
    assert answer["range"]["start"] == {"line": 0, "character": 16}
    assert json.loads(json.dumps(answer)) == answer


def test_json_of_nothing() -> None:
    document, offset = cursor("|")
    answer = service("x")[0].complete(document, offset, "automatic").to_json(document.text)
    assert (answer["text"], answer["span"], answer["reason"]) == (None, None, "too-little-text")
    zero = {"line": 0, "character": 0}
    assert answer["range"] == {"start": zero, "end": zero}


# --- properties


def applied(text: str, completion: Completion) -> str:
    if completion.text is None:
        return text
    return text[: completion.start] + completion.text + text[completion.end :]


LANGUAGES = st.sampled_from(["python", "javascript", "typescript", "json", "plaintext"])
PIECES = (
    *("a", "f(", ")", "[", "]", "{", "}", ", ", ":", ";", "\n", "\n    ", "\r\n", "\t", '"', "'"),
    *("def f(x):", "if (x) {", "return ", "# ", "/*", "🎉", "\f", '"""', "=", "\ud83c"),
)
CODE = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(LANGUAGES, CODE, CODE, CODE, st.sampled_from(["automatic", "invoked"]))
def test_any_document_any_answer(
    language: str, before: str, after: str, answer: str, trigger: Trigger
) -> None:
    """Nothing is an error; an edit stays on the cursor's line and is told with its cost."""
    document = snapshot(before + after, language)
    completion = service(answer)[0].complete(document, len(before), trigger)
    assert completion.reason in REASONS
    assert completion.reason != "error"
    assert (completion.text is None) == (completion.reason != "offered")
    if completion.text is not None:
        assert completion.text.strip()
        assert completion.tokens > 0
        start = position_at(document.text, completion.start)
        assert start[0] == position_at(document.text, completion.end)[0]
        assert completion.start <= len(before) <= completion.end + 1
    json.dumps(completion.to_json(document.text))


@given(LANGUAGES, CODE, CODE, CODE, CODE)
def test_any_region_any_answer(
    language: str, before: str, old: str, after: str, answer: str
) -> None:
    document = snapshot(before + old + after, language)
    completion = service(answer)[0].infill(document, len(before), len(before + old))
    assert completion.reason in REASONS
    assert completion.reason != "error"
    assert len(before) - 1 <= completion.start <= completion.end <= len(before + old)


@given(
    st.sampled_from(["python", "javascript", "plaintext"]),
    st.lists(st.sampled_from(["f(", "[", "{", "a, ", "g(1), "]), min_size=1, max_size=5),
    st.lists(st.sampled_from(["a", "g(x)", "[1]", ", ", " + "]), min_size=1, max_size=5),
    st.integers(min_value=0, max_value=5),
)
def test_auto_closed_brackets_are_never_doubled(
    language: str, opening: list[str], body: list[str], again: int
) -> None:
    """However much of the auto-closed brackets the answer types again, the result is balanced."""
    before = HEAD + "x = " + "".join(opening)
    rest = "".join({"(": ")", "[": "]", "{": "}"}[b] for b in reversed(unclosed(before, GENERIC)))
    document = snapshot(before + rest + "\ny = 1\n", language)
    engine, _ = service("".join(body) + rest[:again])
    completion = engine.complete(document, len(before), "invoked")
    result = applied(document.text, completion)
    assert not unclosed(result, GENERIC)
    assert not foreign(result, GENERIC)
