"""What is cut out of a valid document and written again restores it, wherever it is cut."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.completion.candidate import Candidate
from lsp_server.completion.place import Place
from lsp_server.completion.postprocess import COMPLETION, REGION, postprocess
from lsp_server.syntax.brackets import match_brackets
from lsp_server.syntax.languages import Language, language_for
from lsp_server.syntax.spans.find import find_region, find_span
from lsp_server.syntax.tree import SyntaxTree
from tests.unit.nested_code import documents

ROOT: Final = Path(__file__).parents[2]
FILES: Final = [*(ROOT / "lsp_server/bench/data").iterdir(), *ROOT.glob("grammars/*/sample.*")]
SAMPLES: Final = sorted(path for path in FILES if language_for(None, path.name))


def sample_language(path: Path) -> Language:
    language = language_for(None, path.name)
    assert language is not None
    return language


def well_formed(text: str) -> str:
    """A text without the white space that no completion has."""
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_rest_of_a_line_comes_back(path: Path, data: st.DataObject) -> None:
    """The model writes what was cut out, and goes on with what stood below it.

    All of it comes back or, of a list on one line, its beginning.
    """
    text = path.read_text("utf-8")
    lines = [found.span() for found in re.finditer(r"(?<=\S)[^\n]*\w[^\n]*(?=\n)", text)]
    first, stop = data.draw(st.sampled_from(lines))
    last = max(found.start() for found in re.finditer(r"\w", text[first:stop]))
    at = data.draw(st.integers(first, first + last))
    tree = SyntaxTree.parse(text[:at] + text[stop:], sample_language(path))
    place = Place.of(tree, at, at)
    end = find_span(tree, at, around=place.around).end(text[at:])
    shown = postprocess(Candidate(place, text[at:][:end]), COMPLETION)
    if shown == "blank":  # the beginning of a list's rest that is empty: a member was complete
        assert text[at:].lstrip().startswith(",")
        return
    assert not isinstance(shown, str), shown
    restored = text[:at] + shown.text + tree.text[at + shown.taken :]
    assert well_formed(restored) == well_formed(text) or text.startswith(shown.text, at)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_word_that_is_replaced_comes_back(path: Path, data: st.DataObject) -> None:
    """The model writes what stood there, and goes on with what still stands right of it."""
    text = path.read_text("utf-8")
    words = [
        (at, at + len(word))
        for at, word in zip(offsets(text), text.split(), strict=True)
        if word.isalnum()
    ]
    start, stop = data.draw(st.sampled_from(words))
    tree = SyntaxTree.parse(text, sample_language(path))
    place = Place.of(tree, start, stop)
    end = find_region(tree, start, stop, around=place.around).end(text[start:])
    shown = postprocess(Candidate(place, text[start:][:end], old=text[start:stop]), REGION)
    assert not isinstance(shown, str), shown
    assert text[:start] + shown.text + text[stop:] == text


def offsets(text: str) -> list[int]:
    """Where the words of a text begin."""
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append(at)
        at += len(word)
    return found


@pytest.mark.parametrize("name", ["python", "javascript", "tsx"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_balanced_brackets_stay_balanced(name: str, data: st.DataObject) -> None:
    """Whatever a model writes below well-nested code, no bracket is left without a partner."""
    before = "".join(data.draw(documents(name)))
    written = "".join(data.draw(documents(name))[: data.draw(st.integers(1, 12))])
    after = data.draw(st.sampled_from(["", "\n"]))
    language = language_for(name, None) or language_for(None, f"x.{name}")
    tree = SyntaxTree.parse(before + after, language)
    place = Place.of(tree, len(before), len(before))
    end = find_span(tree, len(before), around=place.around).end(written)
    shown = postprocess(Candidate(place, written[:end]), COMPLETION)
    if isinstance(shown, str):
        return
    result = match_brackets(before + shown.text + after[shown.taken :], place.lexical)
    assert (result.opened, result.unopened) == ([], [])
