"""Documents stay in step with the editor, whatever is edited and however it is sent."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from lsp_server.positions import offset_at
from lsp_server.server import documents as module
from lsp_server.server import line_index
from lsp_server.server.documents import Document, Documents
from lsp_server.server.edits import Edits
from lsp_server.syntax import tree
from lsp_server.syntax.languages import language_for
from lsp_server.syntax.tree import SyntaxTree

URI = "file:///project/a.py"


# An editor in a few lines, independent of the code under test: text as UTF-16 code units, lines
# broken by the protocol's three line ends.


def units_of(text: str) -> list[int]:
    data = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]


def text_of(units: list[int]) -> str:
    data = b"".join(unit.to_bytes(2, "little") for unit in units)
    return data.decode("utf-16-le", "surrogatepass")


def places(units: list[int]) -> list[tuple[int, int, int]]:
    """Every place for a cursor: index, line and character; none inside CRLF or a character."""
    line = start = index = 0
    found = []
    while index <= len(units):
        found.append((index, line, index - start))
        if index == len(units):
            break
        if units[index] == 13 and units[index + 1 : index + 2] == [10]:
            index += 2
            line, start = line + 1, index
        elif units[index] in (10, 13):
            index += 1
            line, start = line + 1, index
        elif 0xD800 <= units[index] < 0xDC00:
            index += 2
        else:
            index += 1
    return found


def change_of(
    line: int, character: int, to_line: int, to_character: int, text: str
) -> types.TextDocumentContentChangePartial:
    start, end = types.Position(line, character), types.Position(to_line, to_character)
    return types.TextDocumentContentChangePartial(types.Range(start, end), text)


# what documents are made of, with every character that somebody breaks a line at
PIECES = [
    *("a", "x = 1", "    ", "\t", "(", ")", '"', "\n", "\r", "\r\n", "é", "漢", "😀", "👩\u200d🚀"),
    *("\f", "\v", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\x00", "\ufeff"),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(st.data())
def test_random_edits_keep_the_document_in_step(data: st.DataObject) -> None:
    units = units_of(data.draw(TEXTS, label="opened"))
    document = Document(URI, text_of(units), 1, "python")
    for _ in range(data.draw(st.integers(1, 8), label="edits")):
        choice = st.sampled_from(places(units))
        first, last = sorted((data.draw(choice), data.draw(choice)))
        inserted = data.draw(TEXTS, label="inserted")
        units = units[: first[0]] + units_of(inserted) + units[last[0] :]
        document.apply_change(change_of(*first[1:], *last[1:], inserted))
        assert document.source == text_of(units)
        if data.draw(st.booleans(), label="looked at"):
            snapshot = document.snapshot()
            assert snapshot.text == snapshot.tree.text == text_of(units)
            assert snapshot.tree.errors() == fresh(text_of(units)).errors()
    assert "".join(document.lines) == text_of(units)
    lines_seen = {line for _, line, _ in places(units)}
    assert len(document.lines) == len(lines_seen)


def fresh(text: str) -> SyntaxTree:
    return SyntaxTree.parse(text, language_for("python", None))


def test_form_feed_does_not_end_a_line() -> None:
    document = Document(URI, "def f():\n\x0c    pass\nx\x85y\u2028z = 1\n", 1, "python")
    document.apply_change(change_of(2, 4, 2, 5, "Z"))
    assert document.source == "def f():\n\x0c    pass\nx\x85y\u2028Z = 1\n"
    assert document.lines[1] == "\x0c    pass\n"


def test_change_at_the_end_of_a_last_line_without_a_line_end() -> None:
    document = Document(URI, "return 😀", 1, "python")
    document.apply_change(change_of(0, 9, 0, 9, "!"))
    assert document.source == "return 😀!"


@pytest.mark.parametrize(
    ("range_", "expected"),
    [
        ((0, 99, 0, 99), "ab+\ncd"),  # past the end of its line
        ((9, 0, 9, 0), "ab\ncd+"),  # past the last line
        ((1, 1, 0, 1), "a+d"),  # the wrong way round
        ((0, 0, 99, 99), "+"),
    ],
)
def test_position_outside_is_moved_inside(range_: tuple[int, int, int, int], expected: str) -> None:
    document = Document(URI, "ab\ncd", 1, "python")
    document.apply_change(change_of(*range_, "+"))
    assert document.source == expected


def test_change_without_a_range_replaces_everything() -> None:
    document = Document(URI, "old", 1, "python")
    document.snapshot()
    document.apply_change(types.TextDocumentContentChangeWholeDocument("new = (\n"))
    snapshot = document.snapshot()
    assert snapshot.text == snapshot.tree.text == "new = (\n"
    assert snapshot.tree.errors() == fresh("new = (\n").errors() > 0


def test_edits_parse_nothing_and_a_look_parses_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parses: list[str] = []
    parse_bytes = tree._parse

    def watched(data: bytes, *rest: object) -> object:
        parses.append(data.decode())
        return parse_bytes(data, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(tree, "_parse", watched)
    document = Document(URI, "", 1, "python")
    assert document.snapshot().tree.errors() == 0
    for number in range(40):
        document.apply_change(change_of(0, number, 0, number, "("))
        snapshot = document.snapshot()
    assert parses == [""]
    assert snapshot.tree.errors() == fresh("(" * 40).errors()
    assert snapshot.tree.root is not None
    assert parses == ["", "(" * 40, "(" * 40], "one for the snapshot and one for what is expected"


def test_a_key_goes_through_no_whole_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pattern that is looked for while a key is handled sees a few characters."""
    text = "x = 1\n" * 5_000 + "é = 2\n" * 5_000
    document, longest = Document(URI, text, 1, "python"), 0

    class Watched:
        def __init__(self, pattern: re.Pattern[str]) -> None:
            self.pattern = pattern

        def __getattr__(self, name: str) -> object:
            def call(*arguments: Any) -> object:
                nonlocal longest
                subject, *bounds = arguments[1:] if name == "sub" else arguments
                start, stop = bounds if len(bounds) == 2 else (*bounds, len(subject))[-2:]
                longest = max(longest, stop - start if bounds else len(subject))
                return getattr(self.pattern, name)(*arguments)

            return call

    for owner, name in (
        (module, "LONE_SURROGATES"),
        (module, "SURROGATE_PAIR"),
        (line_index, "LINE_END"),
    ):
        monkeypatch.setattr(owner, name, Watched(getattr(owner, name)))
    for line in (9_000, 2, 9_001):
        document.apply_change(change_of(line, 3, line, 3, "("))
        document.end_changes()
        document.offset(types.Position(line, 4))
        snapshot = document.snapshot()
    assert snapshot.text == document.source
    assert 0 < longest < 20


@given(st.data())
def test_positions_after_edits_are_those_of_the_text(data: st.DataObject) -> None:
    document = Document(URI, data.draw(TEXTS, label="opened"), 1, "python")
    numbers = st.integers(0, 8)
    for _ in range(data.draw(st.integers(1, 6), label="edits")):
        where = data.draw(st.tuples(numbers, numbers, numbers, numbers))
        document.apply_change(change_of(*where, data.draw(TEXTS, label="inserted")))
    for line in range(12):
        for character in range(12):
            position = types.Position(line, character)
            assert document.offset(position) == offset_at(document.source, line, character)


def test_snapshot_does_not_change_with_the_document() -> None:
    document = Document(URI, "x = 1\n", 3, "python")
    before = document.snapshot()
    document.apply_change(change_of(0, 0, 1, 0, ""))
    assert (before.text, before.tree.text, before.version) == ("x = 1\n", "x = 1\n", 3)
    assert document.snapshot().text == ""


def test_halves_of_a_character_join_where_they_meet() -> None:
    document = Document(URI, "", 1, "plaintext")
    document.apply_change(change_of(0, 0, 0, 0, json.loads('"\\ud83d"')))
    assert document.snapshot().text == "\N{REPLACEMENT CHARACTER}"
    document.apply_change(change_of(0, 1, 0, 1, json.loads('"x\\ude00"')))
    assert len(document.snapshot().text) == 3
    document.apply_change(change_of(0, 1, 0, 2, ""))
    assert document.source == document.snapshot().text == "😀"
    document.apply_change(change_of(0, 2, 0, 2, "!"))
    assert document.source == "😀!"
    document.apply_change(change_of(0, 0, 0, 0, json.loads('"\\ud83d"') + json.loads('"\\ude00"')))
    document.apply_change(change_of(0, 0, 0, 0, "\n"))
    assert document.source == "\n😀😀!"
    assert document.offset(types.Position(1, 4)) == 3
    assert sha256(document.source.encode()).digest() == sha256("\n😀😀!".encode()).digest()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (change_of(0, 5, 0, 5, "2"), "typed"),
        (change_of(0, 4, 0, 5, ""), "deleted"),
        (change_of(0, 5, 0, 5, "\ny = 2\nz = 3\n"), "pasted"),
    ],
)
def test_kind_of_the_last_change(change: types.TextDocumentContentChangePartial, kind: str) -> None:
    document = Document(URI, "x = 1", 1, "python")
    assert document.last_change.kind == "none"
    document.apply_change(change)
    document.end_changes()
    assert document.last_change.kind == kind


def test_accepting_an_offer_is_not_pasting() -> None:
    document = Document(URI, "x = 1", 1, "python")
    document.apply_change(change_of(0, 5, 0, 5, "\ny = 2\nz = 3\n"))
    document.end_changes(["\ny = 2\nz = 3\n"])
    assert document.last_change.kind == "typed"


def test_changes_in_several_places() -> None:
    document = Document(URI, "x = 1\nx = 1", 1, "python")
    document.apply_change(change_of(1, 0, 1, 1, "y"))
    document.apply_change(change_of(0, 0, 0, 1, "y"))
    assert document.end_changes() == [("x", "y"), ("x", "y")]
    assert document.last_change.kind == "several"
    assert document.source == "y = 1\ny = 1"


def edited(text: str, *changes: types.TextDocumentContentChangeEvent) -> Document:
    document = Document(URI, text, 1, "python")
    for change in changes:
        document.apply_change(change)
    return document


BLOCK = "if x:\n    y = 1\n    \nz = 2\n"
ENTER = "if x:\n    y = 1\n\n    \nz = 2\n"


@pytest.mark.parametrize(
    "changes",
    [
        [change_of(2, 4, 2, 4, "\n    "), change_of(2, 0, 2, 4, "")],
        [change_of(2, 0, 2, 4, ""), change_of(2, 0, 2, 0, "\n    ")],
        [change_of(2, 0, 2, 4, "\n    ")],
        [change_of(2, 0, 4, 0, "\n    \nz = 2\n")],
        [types.TextDocumentContentChangeWholeDocument(ENTER)],
    ],
)
def test_enter_that_trims_a_blank_line_is_typing(changes: list[Any]) -> None:
    document = edited(BLOCK, *changes)
    document.end_changes()
    assert document.source == ENTER
    assert document.last_change.kind == "typed"


@pytest.mark.parametrize(
    "changes",
    [
        [change_of(0, 5 + at, 0, 5 + at, key) for at, key in enumerate("ret")],
        [change_of(0, 0, 0, 5, "x = 1ret")],
        [types.TextDocumentContentChangeWholeDocument("x = 1ret\ny\n")],
        [change_of(0, 5, 0, 5, "rat"), change_of(0, 6, 0, 7, "e")],
    ],
)
def test_several_keys_in_one_notification_are_typing(changes: list[Any]) -> None:
    document = edited("x = 1\ny\n", *changes)
    assert document.end_changes() == [("", "ret")]
    assert document.last_change.kind == "typed"
    assert document.cursor == 8 or len(changes) == 2


WHOLE = types.TextDocumentContentChangeWholeDocument


def test_undo_of_part_of_a_line_is_not_typing() -> None:
    document = Document(URI, "value = name\n", 1, "python")
    kinds = []
    for change in (
        change_of(0, 8, 0, 12, "o"),
        change_of(0, 9, 0, 9, "p"),
        change_of(0, 8, 0, 10, "name"),
        change_of(0, 12, 0, 12, "s"),
        WHOLE("value = \n"),
        WHOLE("value = names\n"),
    ):
        document.apply_change(change)
        document.end_changes()
        kinds.append(document.last_change.kind)
    assert kinds == ["typed", "typed", "undone", "typed", "deleted", "undone"]


@pytest.mark.parametrize(
    ("new", "kind"),
    [
        ("x = 1\ny\n", "none"),
        ("x = 12\ny\n", "typed"),
        ("x = \ny\n", "deleted"),
        ("x = 1\na = 1\nb = 2\ny\n", "pasted"),
        ("a = 1\nb = 2\n", "pasted"),
    ],
)
def test_editors_that_send_the_whole_text_are_judged_by_what_changed(new: str, kind: str) -> None:
    document = edited("x = 1\ny\n", types.TextDocumentContentChangeWholeDocument(new))
    document.end_changes()
    assert document.source == new
    assert document.last_change.kind == kind


def test_accepting_is_known_where_the_whole_text_is_sent() -> None:
    offer = "\n    a = 1\n    b = 2"
    new = "def f():" + offer + "\n    c = 3\n"
    document = edited("def f():\n    c = 3\n", types.TextDocumentContentChangeWholeDocument(new))
    document.end_changes([offer])
    assert document.last_change.kind == "typed"


@given(st.data())
def test_however_an_edit_is_sent_it_is_the_same(data: st.DataObject) -> None:
    """The whole text, one change, and the same change in pieces."""
    text = data.draw(st.text("ab \n", max_size=20), label="text")
    at = data.draw(st.integers(0, len(text)), label="at")
    stop = data.draw(st.integers(at, len(text)), label="stop")
    new = data.draw(st.text("ab ", max_size=6) | st.just("\n  "), label="new")
    whole = edited(
        text, types.TextDocumentContentChangeWholeDocument(text[:at] + new + text[stop:])
    )
    keys = Document(URI, text, 1, "python")
    once = Document(URI, text, 1, "python")
    for document, pieces in ((once, [new]), (keys, list(new) or [""])):
        offset, end = at, stop
        for piece in pieces:
            lines = [document.source[:each].rsplit("\n", 1) for each in (offset, end)]
            places = [
                (document.source.count("\n", 0, each), len(line[-1]))
                for each, line in zip((offset, end), lines, strict=True)
            ]
            document.apply_change(change_of(*places[0], *places[1], piece))
            offset = end = offset + len(piece)
    assert whole.source == once.source == keys.source
    for document in (whole, once, keys):
        document.end_changes()
    assert whole.last_change == once.last_change == keys.last_change


@given(st.data())
def test_edits_restore_the_old_text(data: st.DataObject) -> None:
    """What was replaced, put back in the places of the edits, is the text before them."""
    old = text = data.draw(st.text("abc", max_size=12))
    edits = Edits()
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, len(text)))
        new = data.draw(st.text("xyz", max_size=4))
        edits.add(text, start, end, new)
        text = text[:start] + new + text[end:]
    back, stops = text, [-1]
    for edit in reversed(edits.all):
        back = back[: edit.start] + edit.replaced + back[edit.stop :]
    for edit in edits.all:
        assert edit.start > stops[-1]
        stops.append(edit.stop)
    assert back == old


def opened(uri: str, text: str = "") -> Documents:
    documents = Documents(None)
    documents.put_text_document(types.TextDocumentItem(uri, "python", 1, text))
    return documents


def test_finds_what_is_open_in_schemes_that_people_write_in() -> None:
    assert opened("file:///a%20b.py", "x").find("file:///a b.py") is not None
    assert opened("untitled:Untitled-1").find("untitled:Untitled-1") is not None
    assert opened("git:/a.py?HEAD").find("git:/a.py?HEAD") is None
    assert opened(URI).find("file:///other.py") is None


def test_nothing_is_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "secret.py"
    file.write_text("password = 1")
    document = Documents(None).get_text_document(file.as_uri())
    assert document.source == ""


def test_change_to_a_document_that_is_not_open_is_ignored() -> None:
    documents = opened(URI, "x")
    other = types.VersionedTextDocumentIdentifier(2, "file:///other.py")
    documents.update_text_document(other, change_of(0, 0, 0, 0, "y"))
    assert documents.find("file:///other.py") is None


def test_a_document_knows_that_it_was_closed() -> None:
    documents = opened(URI, "x")
    first = documents.find(URI)
    assert first is not None
    documents.put_text_document(types.TextDocumentItem(URI, "python", 1, "x"))
    second = documents.find(URI)
    assert second is not None
    assert (first.closed.is_set(), second.closed.is_set()) == (True, False)
    documents.remove_text_document(URI)
    assert second.closed.is_set()


def test_version_follows() -> None:
    documents = opened(URI, "x")
    identifier = types.VersionedTextDocumentIdentifier(7, URI)
    documents.update_text_document(identifier, change_of(0, 0, 0, 0, "y"))
    document = documents.find(URI)
    assert document is not None
    assert (document.version, document.snapshot().version) == (7, 7)
