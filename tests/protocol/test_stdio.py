"""The real server with the real model, over standard input and output."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcRequestCancelled

from lsp_server.server import messages
from tests.protocol.editor import AUTOMATIC, Editor, position, within

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]

SOURCE = (Path(__file__).parents[2] / "lsp_server" / "settings.py").read_text()
DEFINITION = '''def read_lines(path):
    """Return the lines of a file."""
    with open(path) as file:
        return file.'''


async def test_announces_inline_completion(real: Editor) -> None:
    provider = real.capabilities.inline_completion_provider
    assert isinstance(provider, types.InlineCompletionOptions)
    assert real.capabilities.position_encoding == types.PositionEncodingKind.Utf16
    status = real.statuses[-1]
    assert status.model is not None
    assert status.model.name
    assert any(0 < (status.progress or 0) < 1 for status in real.statuses)


async def test_completes_in_a_real_file(real: Editor) -> None:
    uri = "file:///project/settings.py"
    line = "        return self.languages.get(language, self.languages.get("
    start = SOURCE.index(line) + len("        return self.")
    real.open(uri, SOURCE)
    real.replace(uri, start, SOURCE.index("\n", start), "")
    item = await within(120, real.complete(uri, start))
    assert item is not None
    assert str(item.insert_text).strip()
    assert item.range == types.Range(
        position(real.text(uri), start), position(real.text(uri), start)
    )
    latency = real.latencies[-1]
    assert latency.offered
    assert latency.forwards.verify > 0
    assert latency.tokens > 0
    assert latency.ms > 0
    assert latency.span
    assert any(f"{latency.ms:.1f} ms" in line for line in real.logged)
    real.close(uri)


async def test_typing_through_costs_no_forward(real: Editor) -> None:
    uri = "file:///project/through.py"
    real.open(uri, DEFINITION)
    item = await within(120, real.complete(uri))
    assert item is not None
    text = str(item.insert_text)
    assert len(text) > 2
    end = real.insert(uri, len(DEFINITION), text[0])
    rest = await within(120, real.complete(uri, end, AUTOMATIC))
    assert rest is not None
    assert rest.insert_text == text[1:]
    assert real.latencies[-1].cached
    assert real.latencies[-1].forwards == messages.ForwardCounts(0, 0, 0)
    real.close(uri)


async def test_what_is_written_ahead_is_what_would_be_asked_for(real: Editor) -> None:
    texts: dict[bool, list[str | None]] = {True: [], False: []}
    for rests, offered in texts.items():
        uri = f"file:///project/ahead{rests}.py"
        real.open(uri, DEFINITION)
        for _ in range(2):
            item = await within(120, real.complete(uri, trigger=AUTOMATIC))
            offered.append(None if item is None else str(item.insert_text))
            if item is None:
                break
            if rests:
                await asyncio.sleep(3)
            real.insert(uri, len(real.text(uri)), str(item.insert_text))
        real.close(uri)
    assert texts[True][0]
    assert texts[True] == texts[False]


async def test_a_request_that_is_overtaken_is_gone_on_with(real: Editor) -> None:
    uri = "file:///project/typed.py"
    real.open(uri, DEFINITION)
    whole = await within(120, real.complete(uri))
    assert whole is not None
    text = str(whole.insert_text)
    real.close(uri)
    real.open(uri, DEFINITION)
    overtaken = [real.ask(uri, trigger=AUTOMATIC)]
    for letter in text[:3]:
        await asyncio.sleep(0.02)
        end = real.insert(uri, len(real.text(uri)), letter)
        overtaken.append(real.ask(uri, end, AUTOMATIC))
    *older, newest = await within(120, asyncio.gather(*overtaken))
    assert older == [None] * 3
    assert newest.items[0].insert_text == text[3:]
    real.close(uri)


async def test_carriage_returns_and_emoji(real: Editor) -> None:
    uri = "file:///project/emoji.py"
    line = 'names = {"👩‍🚀": "astronaut", "😀": "smile"}; print(names['
    real.open(uri, f"# 😀\r\n{line}")
    item = await within(120, real.complete(uri))
    assert item is not None
    assert item.range is not None
    where = position(real.text(uri), len(real.text(uri)))
    assert item.range.start == where == item.range.end
    assert where.character == len(line.encode("utf-16-le")) // 2
    after = real.apply(uri, item)
    assert after == real.text(uri) + str(item.insert_text)
    assert "\n" not in after.replace("\r\n", "")
    real.replace(uri, 2, 3, "🚀🚀")
    real.replace(uri, 4, 6, "\r")
    assert await real.in_step(uri)
    real.close(uri)


async def test_cancellation_in_the_middle_of_a_request(real: Editor) -> None:
    uri = "file:///project/cancelled.py"
    real.open(uri, SOURCE)
    before = await real.stats()
    answer = real.infill(uri, len(SOURCE) // 3, 2 * len(SOURCE) // 3, identity="withdrawn")
    await asyncio.sleep(0.1)
    real.cancel("withdrawn")
    with pytest.raises(JsonRpcException) as error:
        await within(120, answer)
    assert error.value.code == JsonRpcRequestCancelled.CODE
    assert (await real.stats()).cancelled == before.cancelled + 1
    assert await within(120, real.complete(uri)) is not None or real.latencies
    real.close(uri)


async def test_latest_request_wins(real: Editor) -> None:
    uri = "file:///project/latest.py"
    real.open(uri, SOURCE + "\n\n" + DEFINITION)
    places = [len(SOURCE) * share // 10 for share in range(1, 5)]
    older = [real.ask(uri, place) for place in places]
    newest = real.complete(uri)
    item = await within(120, newest)
    assert item is not None
    assert await within(120, asyncio.gather(*older)) == [None] * len(older)
    real.close(uri)


async def test_secret_files_are_left_alone(real: Editor) -> None:
    uri = "file:///project/.env"
    real.open(uri, "DATABASE_PASSWORD=correct-horse\nDATABASE_", "dotenv")
    assert await within(120, real.complete(uri)) is None
    assert real.latencies[-1].reason == "secret-file"
    assert real.latencies[-1].forwards == messages.ForwardCounts(0, 0, 0)
    infill = await within(120, real.infill(uri, 0, 8))
    assert (infill["text"], infill["reason"]) == (None, "secret-file")
    assert not any("correct-horse" in line or ".env" in line for line in real.logged)
    real.close(uri)


async def test_suggest_widget_is_followed(real: Editor) -> None:
    uri = "file:///project/widget.py"
    real.open(uri, DEFINITION + "re")
    start = position(DEFINITION, len(DEFINITION))
    end = position(DEFINITION + "re", len(DEFINITION) + 2)
    where = types.Range(start, end)
    selected = types.SelectedCompletionInfo(where, "readlines")
    item = await within(120, real.complete(uri, selected=selected))
    assert item is not None
    assert str(item.insert_text).startswith("readlines")
    assert item.range == where
    other = types.SelectedCompletionInfo(where, "writelines")
    assert await within(120, real.complete(uri, selected=other)) is None
    assert real.latencies[-1].reason == "suggestion-not-extended"
    real.close(uri)


async def test_infill_with_progress(real: Editor) -> None:
    uri = "file:///project/infill.py"
    text = "def area(width, height):\n    return 0\n\n\nprint(area(2, 3))\n"
    real.open(uri, text)
    start = text.index("0\n")
    infill = await within(
        60,
        real.infill(uri, start, start + 1, work_done_token="work", partial_result_token="cells"),
    )
    assert set(infill) == {
        *("text", "range", "span", "reason", "confidence", "forwards", "tokens", "accepted"),
        *("cached_tokens", "suffix", "ms", "version", "message"),
    }
    assert infill["reason"] == "offered"
    assert "width" in infill["text"]
    assert infill["version"] == 1
    work = [value["kind"] for value in real.reported("work")]
    assert (work[0], work[-1]) == ("begin", "end")
    assert "report" in work
    canvases = real.reported("cells")
    forwards = infill["forwards"]
    # The slices of a prefill are shown as one.
    assert len(canvases) == 1 + forwards["verify"] + forwards["canvas"]
    real.close(uri)


async def test_statistics_and_status(real: Editor) -> None:
    uri = "file:///project/stats.py"
    real.open(uri, DEFINITION)
    before = await real.stats()
    item = await within(120, real.complete(uri))
    assert item is not None
    assert item.command is not None
    await real.client.workspace_execute_command_async(
        types.ExecuteCommandParams(item.command.command, item.command.arguments)
    )
    after = await real.stats()
    assert after.requests == before.requests + 1
    assert after.offered == before.offered + 1
    assert after.accepted == before.accepted + 1
    assert after.p50 is not None
    assert after.p95 is not None
    assert after.p50 <= after.p95
    assert after.forwards.verify >= before.forwards.verify
    assert after.rss_bytes > 0
    assert after.status.state == "ready"
    real.close(uri)


async def test_pause(real: Editor) -> None:
    uri = "file:///project/paused.py"
    real.open(uri, DEFINITION)
    assert (await real.request(messages.PAUSE, {})).state == "paused"
    assert await within(120, real.complete(uri)) is None
    assert (await real.request(messages.RESUME, {})).state == "ready"
    assert await within(120, real.complete(uri)) is not None
    real.close(uri)


@pytest.mark.parametrize(
    ("text", "language_id"),
    [
        ("", "python"),
        ("\n", "plaintext"),
        ("\ufeff", "json"),
        ("\x0c\n\x0cdef f(:\n\x0c", "python"),
        ("{" * 300, "javascript"),
        ("\u2028\u2029\x85", "typescript"),
        ("<|fim_prefix|><|endoftext|><|fim_middle|>", "python"),
        ("😀" * 50, "a-language-nobody-knows"),
    ],
)
async def test_odd_documents_get_an_answer(real: Editor, text: str, language_id: str) -> None:
    uri = "file:///project/odd"
    real.open(uri, text, language_id)
    for offset in (0, len(text) // 2, len(text)):
        item = await within(120, real.complete(uri, offset))
        # Where the document has such names, they are ordinary text.
        assert item is None or "<|" in text or "<|" not in str(item.insert_text)
    assert await real.in_step(uri)
    assert real.latencies[-1].reason != "error"
    real.close(uri)


async def test_documents_that_are_not_open_or_not_ours(real: Editor) -> None:
    assert await within(120, real.complete("file:///project/unknown.py", 0)) is None
    infill_of_nothing = messages.InfillParams(
        types.TextDocumentIdentifier("file:///project/unknown.py"),
        types.Range(types.Position(0, 0), types.Position(3, 0)),
    )
    infill = await within(120, real.request(messages.INFILL, infill_of_nothing))
    assert (infill["text"], infill["reason"]) == (None, "closed")
    real.open("git:/project/old.py?ref", DEFINITION)
    assert await within(120, real.complete("git:/project/old.py?ref")) is None
    real.close("git:/project/old.py?ref")
    digest = messages.DocumentParams(types.TextDocumentIdentifier("file:///project/unknown.py"))
    assert await real.request(messages.DIGEST, digest) is None
