from itertools import pairwise

from lsp_server.bench.holes import Cut, RealFile, open_files, samples_folder
from lsp_server.bench.keystrokes import Passage, Place, TypedDocument, passages, take_out
from lsp_server.bench.lengths import document_of_length
from lsp_server.bench.situations import plan
from tests.protocol.editor import position


def python() -> RealFile:
    (file,) = open_files(list(samples_folder().glob("*.py")))
    return file


def type_all(document: TypedDocument, place: Place) -> None:
    while place.keys:
        change = document.press(place)
        assert change.range.start == change.range.end
        assert place.position == position(document.text, place.offset)


def test_a_passage_is_typed_key_by_key() -> None:
    file = python()
    start = file.text.index("reserved = sum(")
    passage = Passage.of(Cut(file, "line", start + 5, start + 9), keys=100)
    assert passage.start == start
    document = TypedDocument.of("file:///a.py", [passage])
    assert document.language_id == "python"
    assert document.text.count("reserved = sum(") == 0
    (place,) = document.places
    assert list(place.keys)[:3] == ["r", "e", "s"]
    assert "\n        " in place.keys  # the editor indents
    type_all(document, place)
    assert document.text == file.text


def test_several_passages_are_typed_in_turns() -> None:
    for file in open_files(sorted(samples_folder().iterdir())):
        chosen = passages(file, 3, 32, seed=0)
        assert len(chosen) == 3, file.path.name
        document = TypedDocument.of("file:///a", chosen)
        places = list(document.places)
        while any(place.keys for place in places):
            for place in places:
                if place.keys:
                    document.press(place)
                assert all(p.position == position(document.text, p.offset) for p in places)
        assert document.text == file.text


def test_characters_are_counted_as_the_protocol_does() -> None:
    text = "x = '😀'\ny = '😀👩‍🚀'; z = 1\nend\n"
    start = text.index("y")
    rest, (place,) = take_out(text, [(start, text.index("\nend"))])
    document = TypedDocument("file:///a.py", "python", rest, [place])
    type_all(document, place)
    assert document.text == text


def test_a_document_is_as_long_as_wanted_around_the_same_lines() -> None:
    file = python()
    passage = passages(file, 1, 32, seed=0)[0]
    filler = "def other():\n    return 1\n\n\n"
    words = file.text[passage.start : passage.end]
    for length in (1_000, 10_000, 100_000):
        text, (place,) = document_of_length(passage, filler, length)
        assert abs(len(text) + len(words) - length) < 200
        assert "".join(place.keys) == words
        document = TypedDocument("file:///a.py", "python", text, [place])
        before, after = text[: place.offset], text[place.offset :]
        assert file.text[: passage.start].endswith(before[-100:])
        assert file.text[passage.end :].startswith(after[:100])
        type_all(document, place)
        assert words in document.text


def test_plans_alternate_between_languages() -> None:
    opened = open_files(sorted(samples_folder().iterdir()))
    plans = plan(opened, 5, 20, seed=0)
    assert [each.file.path.suffix for each in plans] == [".py", ".ts", ".json", ".md", ".go"]
    assert plan(opened, 5, 20, seed=0) == plans
    for each in plans:
        starts = sorted((passage.start, passage.end) for passage in each.passages)
        assert all(end < start for (_, end), (start, _) in pairwise(starts))
