"""Syntax trees that follow a text: whatever the edits, they equal a tree parsed from scratch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.syntax.languages import language_for
from lsp_server.syntax.tree import LIMIT, SyntaxTree

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


@given(text=st.text(st.sampled_from("aé√😀\ud800\n\r\0"), max_size=40))
def test_bytes_and_code_points_agree(text: str) -> None:
    tree = parse(".json", text)
    places = [tree.byte(offset) for offset in range(len(text) + 1)]
    assert places == sorted(set(places))
    assert tree.offsets(places) == {byte: offset for offset, byte in enumerate(places)}


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
