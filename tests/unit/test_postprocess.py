"""Golden documents: what is made of an answer, and that no bracket is ever doubled."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.completion.balance import cut_closed_again, drop_foreign_closers
from lsp_server.completion.candidate import Candidate
from lsp_server.completion.place import Place, line_break, trim_region
from lsp_server.completion.postprocess import COMPLETION, REGION, postprocess
from lsp_server.syntax.languages import language_for, names
from lsp_server.syntax.tree import SyntaxTree
from tests.unit.nested_code import documents

GOLDEN = Path(__file__).parents[1] / "golden" / "completion"


def cases() -> list[Any]:
    found = []
    for file in sorted(GOLDEN.glob("*.toml")):
        for case in tomllib.loads(file.read_text(encoding="utf-8"))["case"]:
            found.append(pytest.param(file.stem, case, id=f"{file.stem}: {case['name']}"))
    return found


def read(case: dict[str, Any], key: str) -> str:
    """A document of a case, with its line breaks."""
    text: str = case[key]
    return text.replace("\n", case.get("line_break", "\n"))


def polished(kind: str, case: dict[str, Any]) -> str:
    """The document with the outcome drawn into it, or the reason why there is none."""
    before, marked = read(case, "document").split("├")
    answer, after = marked.split("┤")
    old, after = after.split("╣") if kind == "region" else ("", after)
    text = before + old + after
    start = end = len(before)
    if kind == "region":
        start, end = trim_region(text, start, start + len(old))
    language = case.get("language", "")
    place = Place.of(SyntaxTree.parse(text, language_for(language, None)), start, end, language)
    candidate = postprocess(
        Candidate(
            place,
            answer.replace(case.get("line_break", "\n"), "\n"),
            prose=case.get("prose", False),
            fixed=case.get("fixed", False),
            old=text[start:end],
        ),
        REGION if kind == "region" else COMPLETION,
    )
    if isinstance(candidate, str):
        return candidate
    shown, end = candidate.text.replace("\n", line_break(text, start)), end + candidate.taken
    return f"{text[:start]}├{shown}┤{text[start:end]}╣{text[end:]}"


@pytest.mark.parametrize(("kind", "case"), cases())
def test_golden(kind: str, case: dict[str, Any]) -> None:
    expected = case["dropped"] if "dropped" in case else read(case, "expected")
    assert polished(kind, case) == expected


PIECES = st.lists(st.sampled_from(["a", "f(", ")", "[", "]", "{", "}", ", ", ";", " ", "\n", '"']))


def auto_closed(code: str) -> str:
    """What an editor that closes every bracket has put right of the cursor."""
    return left_over(code).translate(str.maketrans("([{", ")]}"))[::-1]


def left_over(code: str) -> str:
    """The brackets of a text without strings and comments that have no partner in it."""
    brackets, before = re.sub(r"[^()\[\]{}]", "", code), ""
    while brackets != before:
        before, brackets = brackets, re.sub(r"\(\)|\[\]|\{\}", "", brackets)
    return brackets


@given(
    st.lists(st.sampled_from(["f(", "[", "{", "a, ", "g(1), ", "\n  "]), max_size=6),
    st.lists(st.sampled_from(["a", "g(x)", "[1]", ", ", " + ", "\n  ", "{}"]), min_size=1),
    st.integers(min_value=0, max_value=6),
    st.sampled_from(["", ";", "\nmore(1)\n", ";\n}\n"]),
)
def test_brackets_that_the_editor_closed_are_never_doubled(
    opening: list[str], body: list[str], again: int, tail: str
) -> None:
    """Whatever part of the auto-closed brackets an answer types again, the document is balanced."""
    before = "".join(opening)
    rest = auto_closed(before)
    text = before + rest + tail
    place = Place.of(SyntaxTree.parse(text, None), len(before), len(before))
    candidate = postprocess(Candidate(place, "".join(body) + rest[:again]))
    if not isinstance(candidate, str):
        assert left_over(before + candidate.text + candidate.left + place.below) == left_over(text)


@given(PIECES, PIECES, PIECES, st.booleans(), st.booleans())
def test_any_text_takes_only_what_it_types_again(
    before: list[str], answer: list[str], after: list[str], fixed: bool, prose: bool
) -> None:
    """On any text: no rule fails, the range stays on its line, and its text is in the answer."""
    text = "".join(before) + "".join(after)
    place = Place.of(SyntaxTree.parse(text, None), len("".join(before)), len("".join(before)))
    candidate = postprocess(Candidate(place, "".join(answer), fixed=fixed, prose=prose))
    if isinstance(candidate, str):
        return
    assert candidate.text.strip()
    assert 0 <= candidate.taken <= len(place.rest)
    assert not (fixed and candidate.taken)
    remaining = iter(candidate.text)
    assert all(mark in remaining for mark in place.rest[: candidate.taken])


@pytest.mark.parametrize("name", names())
@settings(max_examples=60)
@given(data=st.data())
def test_brackets_of_well_nested_code_are_never_refused(name: str, data: st.DataObject) -> None:
    """Whatever is left out of it and written again, nothing of it closes too much."""
    tokens = data.draw(documents(name))
    start = data.draw(st.integers(0, len(tokens)))
    end = data.draw(st.integers(start, len(tokens)))
    before, answer, after = (
        "".join(part) for part in (tokens[:start], tokens[start:end], tokens[end:])
    )
    language = language_for(name, None) or language_for(None, f"x.{name}")
    tree = SyntaxTree.parse(before + after, language)
    candidate = Candidate(Place.of(tree, len(before), len(before)), answer)
    assert cut_closed_again(candidate) == candidate
    assert drop_foreign_closers(candidate) == candidate


@pytest.mark.parametrize("size", [1_000, 40_000])
def test_a_bracket_may_be_closed_however_far_above_it_was_opened(size: int) -> None:
    """A comment, a string or a long body in between hides no bracket and adds none."""
    remark = "# option a) is (the default\n"
    before = "table = [\n" + (f'    {remark}    f("(", 1),\n' * (size // 40)) + "    "
    tree = SyntaxTree.parse(before, language_for("python", None))
    place = Place.of(tree, len(before), len(before))
    assert place.opened == "["
    assert drop_foreign_closers(Candidate(place, "2,\n]")) is not None
    assert drop_foreign_closers(Candidate(place, "2,\n)")) is None


@pytest.mark.parametrize("size", [10, 5_000])
def test_what_is_open_in_a_text_without_a_grammar(size: int) -> None:
    """Looked for from an outermost line on: a string that began far above it cannot be known."""
    before = "fn f(a: &[u8]) {\n" + '    let s = "(";\n' * size + "\n\nfn g() {\n    h(["
    place = Place.of(SyntaxTree.parse(before, None), len(before), len(before))
    assert place.opened.endswith("{([")
    assert drop_foreign_closers(Candidate(place, "1], 2);\n}")) is not None
    assert drop_foreign_closers(Candidate(place, "1), 2];\n}")) is None
