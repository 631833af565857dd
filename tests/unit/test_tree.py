"""Syntax trees that follow a text: whatever the edits, they equal a tree parsed from scratch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.syntax import tree as module
from lsp_server.syntax.languages import Language, language_for
from lsp_server.syntax.tree import LIMIT, LONGEST_LINE, SyntaxTree, Trees

SAMPLES = {
    ".py": "class A:\n    def f(self, x):\n        '''Doc.'''\n        return [x, f'{x}']\n\n",
    ".js": "function f(a) {\n  const b = `x${a}`;\n  return a.map((c) => c / 2);\n}\n",
    ".tsx": "const A = (p: P): J => <b className={p.c}>it's {p.d}</b>;\n",
    ".json": '{"a": [1, 2, {"b": null}],\r\n "c": "d"}\n',
    ".txt": "one\ntwo\n",
}
BRACKETS = ["(", ")", "[", "]", "{", "}"]
TEXTS = ['"', "'", "`", "# é", "// 😀", "def f():\n    ", "if (x) {\n", "'''"]
ODD = ["", "x", " ", ",", ":", "\n", "\r\n", "\r", "\t", "\f", "\0", "\ud83d", "\ude00"]
INSERTS = st.sampled_from([*BRACKETS, *TEXTS, *ODD])
EDITS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12), INSERTS), max_size=12)


def parse(extension: str, text: str) -> SyntaxTree:
    return SyntaxTree.parse(text, language_for(None, "x" + extension))


@given(extension=st.sampled_from(sorted(SAMPLES)), edits=EDITS)
def test_edits_equal_splices_and_a_fresh_parse(
    extension: str, edits: list[tuple[int, int, str]]
) -> None:
    text = SAMPLES[extension]
    tree = parse(extension, text)
    for place, length, new in edits:
        start = place % (len(text) + 1)
        end = min(start + length, len(text))
        text = text[:start] + new + text[end:]
        tree = tree.edit(start, end, new)
        fresh = parse(extension, text)
        assert tree.text == text
        assert (tree.errors() > 0) == (fresh.errors() > 0)
        if not fresh.errors():  # how errors are repaired may depend on what was there before
            assert str(tree.root) == str(fresh.root)


@given(
    extension=st.sampled_from(sorted(SAMPLES)),
    edits=EDITS,
    looked_at=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_trees_of_a_document_equal_a_fresh_parse(
    extension: str, edits: list[tuple[int, int, str]], looked_at: list[bool]
) -> None:
    """Any number of edits between two looks."""
    text = SAMPLES[extension]
    trees = Trees(language_for(None, "x" + extension))
    for (place, length, new), look in zip(edits, looked_at, strict=False):
        start = place % (len(text) + 1)
        text = text[:start] + new + text[min(start + length, len(text)) :]
        followed, fresh = trees.of(text), parse(extension, text)
        if look:
            assert (followed.errors() > 0) == (fresh.errors() > 0)
            if not fresh.errors():
                assert str(followed.root) == str(fresh.root)


def watch_parsing(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """Of every parse: the bytes, and whether it went on from an older tree."""
    parses: list[tuple[int, bool]] = []
    parse_bytes = module._parse

    def watched(data: bytes, language: Language, old: object = None) -> object:
        parses.append((len(data), old is not None))
        return parse_bytes(data, language, old)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_parse", watched)
    return parses


def test_a_tree_is_parsed_once_and_only_when_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parses = watch_parsing(monkeypatch)
    trees = Trees(language_for("python", None))
    texts = ["x = 1\n" + "y" * number for number in range(40)]
    made = [trees.of(text) for text in texts]
    assert (made[3].text, parses) == (texts[3], [])
    for _ in range(2):
        assert made[3].errors() == 0
    assert parses == [(9, False)]
    assert made[39].errors() == made[20].errors() == 0
    assert parses[1:] == [(45, True), (26, True)]
    assert str(trees.of(texts[20]).root) == str(made[20].root)
    assert len(parses) == 3, "the same text is not parsed again"


def test_a_tree_looked_at_on_two_threads_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parses = watch_parsing(monkeypatch)
    shared = parse(".py", "x = [1, 2]\n" * 2000)
    with ThreadPoolExecutor(4) as threads:
        roots = list(threads.map(lambda _: str(shared.root), range(8)))
    assert len(set(roots)) == len(parses) == 1


def test_other_threads_run_while_a_tree_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser would hold the interpreter's lock for as long as it takes."""
    inside, go_on = Event(), Event()

    def wait(byte: int, has_error: bool) -> bool:
        inside.set()
        assert go_on.wait(60)
        return False

    monkeypatch.setattr(module, "_go_on", wait)
    with ThreadPoolExecutor(1) as thread:
        parsing = thread.submit(parse(".py", "x = [1, (2, 3)]\n" * 200).errors)
        assert inside.wait(60)
        assert not parsing.done()
        go_on.set()
        assert parsing.result() == 0


@given(text=st.text(st.sampled_from("aé√😀\ud800\n\r\0"), max_size=40))
def test_bytes_and_code_points_agree(text: str) -> None:
    tree = parse(".json", text)
    places = [tree.byte(offset) for offset in range(len(text) + 1)]
    assert places == sorted(set(places))
    assert tree.offsets(places) == {byte: offset for offset, byte in enumerate(places)}


@given(st.data())
def test_bytes_and_code_points_agree_in_any_order(data: st.DataObject) -> None:
    """What is remembered from one question, and from the tree before, does not spoil the next."""
    piece = data.draw(st.sampled_from(["é = 1\n", "x = 'é漢😀'\n", "# 😀😀\n"]))
    text = piece * data.draw(st.integers(200, 500))
    tree = parse(".py", text)
    for _ in range(data.draw(st.integers(1, 3))):
        for _ in range(data.draw(st.integers(0, 6))):
            offset = data.draw(st.integers(0, len(text)))
            byte = len(text[:offset].encode())
            assert tree.byte(offset) == byte
            assert tree.offsets([byte]) == {byte: offset}
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + "ü = '漢'\n" + text[at + 3 :]
        tree = tree.edit(at, at + 3, "ü = '漢'\n")
        assert tree.text == text


def test_an_edit_leaves_the_old_tree_alone() -> None:
    old = parse(".py", "x = 1\n")
    before = str(old.root)
    new = old.edit(4, 5, "foo(")
    assert (old.text, str(old.root)) == ("x = 1\n", before)
    assert new.text == "x = foo(\n"
    assert (old.errors(), new.errors() > 0) == (0, True)


def test_offsets_outside_the_text_are_moved_inside() -> None:
    tree = parse(".py", "x = 1\n")
    assert tree.edit(-3, -1, "y").text == "yx = 1\n"
    assert tree.edit(99, 120, "y").text == "x = 1\ny"
    assert tree.edit(4, 2, "y").text == "x = y1\n"


@pytest.mark.parametrize(
    "text", ["", "\0", "\ud800", "\ufeffx = 1", "\f\n", "\r\r\n", "'😀\ud83d'"]
)
@pytest.mark.parametrize("extension", sorted(SAMPLES))
def test_odd_texts_are_parsed(extension: str, text: str) -> None:
    tree = parse(extension, text).edit(len(text), len(text), "1\n")
    assert tree.text == text + "1\n"


def test_half_a_surrogate_pair_in_a_string_is_no_error() -> None:
    assert parse(".py", "x = '\ud83d'\n").errors() == 0


def test_errors_count_what_the_parser_had_to_add() -> None:
    assert parse(".json", '{"a": [1, 2}').errors() == 1


def test_without_a_grammar_there_is_no_root() -> None:
    tree = parse(".txt", "one").edit(3, 3, " two")
    assert (tree.text, tree.root, tree.errors()) == ("one two", None, 0)


def test_a_text_beyond_the_limit_is_not_parsed_until_it_is_short_again() -> None:
    long = parse(".json", "1" * (LIMIT + 1))
    assert long.root is None
    short = long.edit(1, LIMIT + 1, "")
    assert str(short.root) == "(document (number))"
    assert short.edit(1, 1, "1" * LIMIT).root is None


@pytest.mark.parametrize(("size", "parsed"), [(LONGEST_LINE, True), (LONGEST_LINE + 1, False)])
def test_a_text_with_a_very_long_line_is_not_parsed(size: int, parsed: bool) -> None:
    line = "x = 1".ljust(size)
    for text in (line, "a = 1\n" * 9_000 + line, line + "\nb = 2\n" * 9_000):
        assert (parse(".py", text).root is not None) == parsed
    tree = parse(".py", "a = 1\n")
    for new in (line, "x = 1"):
        tree = tree.edit(0, len(tree.text), new)
        assert (tree.root is not None) == (parsed or new != line)
