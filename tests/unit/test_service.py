"""The way of a request, with a scripted decoder in place of the model."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.gate import Trigger
from lsp_server.completion.reasons import REASONS
from lsp_server.completion.service import CompletionService, Selected, Snapshot
from lsp_server.diffusion.types import Cost, Hole, Infill, Step
from lsp_server.models.interfaces import Cancelled
from lsp_server.positions import position_at
from lsp_server.settings import Settings
from lsp_server.syntax.brackets import match_brackets
from lsp_server.syntax.lexer import GENERIC
from tests.unit.marked_text import HEAD, applied, complete, cursor, drawn, service, snapshot
from tests.unit.scripted import ScriptedDecoder

# --- what is offered


def test_a_call_that_the_editor_closed() -> None:
    shown, completion = complete(HEAD + "print(|)\n", "area(1, 2))\nfoo()\n")
    assert shown == HEAD + "print(├area(1, 2))┤)╣\n"
    assert completion.reason == "offered"
    assert completion.span is not None
    assert completion.confidence == 0.9
    assert completion.tokens == completion.forwards.verify > 0
    assert completion.cached_tokens == 7
    assert min(completion.ms.gate, completion.ms.span, completion.ms.polish) > 0
    assert completion.ms.total >= completion.ms.gate + completion.ms.span + completion.ms.polish
    assert completion.ms.verify == 2.0


def test_one_line_where_one_line_is_written() -> None:
    shown, _ = complete(HEAD + "size = |\n", "area(1, 2)\nother = 3\n")
    assert shown == HEAD + "size = ├area(1, 2)┤╣\n"


def test_comments_count_in_a_language_without_a_grammar() -> None:
    shown, _ = complete("area(  // option a)\n\twidth|\n", ", height)\n", language="go", uri="a.go")
    assert shown == "area(  // option a)\n\twidth├, height)┤╣\n"
    document, start, end = region("area(  // option a)\n\t«x)»\n", language="go", uri="a.go")
    completion = service("width, height)")[0].infill(document, start, end)
    assert completion.text == "width, height)"


def test_crlf_comes_back_and_offsets_count_the_document_as_it_is() -> None:
    text = HEAD.replace("\n", "\r\n") + "def f(x):\r\n    |\r\n\r\ny = 1\r\n"
    document, offset = cursor(text)
    engine, decoder = service("if x:\n        return 1\n    return 2\n")
    completion = engine.complete(document, offset, "invoked")
    assert completion.text is not None
    assert completion.start == completion.end == offset
    assert "\r" not in decoder.holes[0].prompt.prefix + decoder.holes[0].prompt.suffix
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
        complete(before + "|\n", "1) rest", language="kotlin", uri=uri)[1].reason
        == "bracket-closed-already"
    )


# --- what the model is shown


def test_the_hole() -> None:
    document, offset = cursor(HEAD + "print(|)\nafter()\n")
    engine, decoder = service("1)", max_tokens=11)
    engine.complete(document, offset, "automatic")
    hole = decoder.holes[0]
    assert hole.prompt.prefix == HEAD + "print("
    assert hole.prompt.suffix == "after()\n"
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


def test_reading_ahead_reads_the_prompt_that_completing_will_ask_for() -> None:
    document, offset = cursor(HEAD + "print(|)\nafter()\n")
    engine, decoder = service("1)")
    engine.read_ahead(document, offset, lambda: False)
    engine.complete(document, offset, "automatic")
    asked, prefilled = decoder.holes[0], decoder.prefilled[0]
    assert (prefilled.prompt.prefix, prefilled.prompt.suffix) == (
        asked.prompt.prefix,
        asked.prompt.suffix,
    )
    engine, _ = service("1)")
    with pytest.raises(Cancelled):
        engine.read_ahead(document, offset, lambda: True)


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
    assert decoder.holes[0].prompt.prefix == HEAD + "size = area"
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
    assert "secret" not in hole.prompt.prefix + hole.prompt.suffix
    assert hole.prompt.prefix.endswith("def f(x):\n    ")
    assert hole.prompt.suffix == "    return y\n"
    assert hole.min_confidence == 0.0
    assert drawn(document.text, completion) == (
        HEAD + "def f(x):\n    ├y = area(x, x)┤secret = x╣\n    return y\n"
    )


def test_a_region_in_a_line_sees_the_rest_of_it() -> None:
    document, start, end = region(HEAD + "print(area(«3», 4))\n")
    engine, decoder = service("1, 4))")
    completion = engine.infill(document, start, end)
    assert decoder.holes[0].prompt.suffix == ", 4))\n"
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
    assert list(answer["ms"]) == [
        *("total", "prefill", "verify", "canvas", "gate", "span", "polish")
    ]
    assert answer["range"]["start"] == {"line": 0, "character": 16}
    assert json.loads(json.dumps(answer)) == answer


def test_json_of_nothing() -> None:
    document, offset = cursor("|")
    answer = service("x")[0].complete(document, offset, "automatic").to_json(document.text)
    assert (answer["text"], answer["span"], answer["reason"]) == (None, None, "too-little-text")
    zero = {"line": 0, "character": 0}
    assert answer["range"] == {"start": zero, "end": zero}


# --- properties


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
    rest = "".join(each.closer for each in reversed(match_brackets(before, GENERIC).opened))
    document = snapshot(before + rest + "\ny = 1\n", language)
    engine, _ = service("".join(body) + rest[:again])
    completion = engine.complete(document, len(before), "invoked")
    result = applied(document.text, completion)
    matched = match_brackets(result, GENERIC)
    assert not matched.opened
    assert not matched.unopened


def test_steps_are_made_only_for_who_asked_for_them() -> None:
    class Watched(ScriptedDecoder):
        def infill(self, hole: Hole, stop: Any, observe: Any, cost: Cost) -> Infill:
            observers.append(observe)
            return super().infill(hole, stop, observe, cost)

    observers: list[Any] = []
    document, offset = cursor(HEAD + "size = |\n")
    engine = CompletionService(Watched("area(1, 2)"), Settings())
    engine.complete(document, offset, "automatic")
    engine.infill(document, offset, offset)
    steps: list[Step] = []
    engine.infill(document, offset, offset, observe=steps.append)
    assert [observe is None for observe in observers] == [True, True, False]
    assert steps
