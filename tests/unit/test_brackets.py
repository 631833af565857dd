"""Brackets: matched by kind, in every language's own strings and comments."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.syntax.brackets import closes_open, find_excess, match_brackets
from lsp_server.syntax.languages import LexicalRules, names
from lsp_server.syntax.lexer import GENERIC, Inside, Nesting
from tests.unit.nested_code import documents, lexical


def opened(text: str, rules: LexicalRules, nesting: Nesting = ()) -> str:
    return "".join(bracket.char for bracket in match_brackets(text, rules, nesting).opened)


def unopened(text: str, rules: LexicalRules, nesting: Nesting = ()) -> list[int]:
    return [bracket.offset for bracket in match_brackets(text, rules, nesting).unopened]


def test_strings_and_comments_hide_brackets() -> None:
    code = 'f(a, "(", \'[\', """\n{\n""", [  # ((\n {'
    assert opened(code, lexical("python")) == "([{"
    assert opened("f( /* [ { \n ( */ {", lexical("javascript")) == "({"


def test_closers_of_what_was_not_opened() -> None:
    assert unopened("a) + (b)) ]", GENERIC) == [1, 8, 10]
    assert unopened('a)" + b)', GENERIC, (Inside("string", '"'),)) == [7]
    assert unopened("a)", GENERIC, (Inside("string", '"'),)) == []


@pytest.mark.parametrize(
    ("text", "left", "without"),
    [
        ("[ ( ]", "", []),  # what was left open in between is closed with it
        ("( ]", "(", [2]),  # another kind closes nothing
        ("{ [ ) ( }", "", [4]),
        ("(])", "", [1]),
    ],
)
def test_kinds_have_to_match(text: str, left: str, without: list[int]) -> None:
    assert opened(text, GENERIC) == left
    assert unopened(text, GENERIC) == without


@pytest.mark.parametrize("name", names())
@settings(max_examples=40)
@given(data=st.data())
def test_well_nested_code_leaves_nothing_open_and_closes_nothing(
    name: str, data: st.DataObject
) -> None:
    code = "".join(data.draw(documents(name)))
    assert opened(code, lexical(name)) == ""
    assert unopened(code, lexical(name)) == []


@pytest.mark.parametrize(
    ("before", "text", "behind", "taken", "expected"),
    [
        ("(", "b)", "\n)", 0, 1),
        ("(", "b)", "\n", 0, None),
        ("(", "b)", ")\n", 1, None),
        ("(", "b)", ")\n", 0, 1),
        ("", "b)", "", 0, 1),
        ("", "b)", ")", 1, None),
        ("{", "y\n}", "\n} else {\n", 0, 2),
        ("{", "y\n} else {\n  z", "\n}\n", 0, None),
        ("(", "b)", "}", 0, None),
    ],
)
def test_brackets_in_excess(
    before: str, text: str, behind: str, taken: int, expected: int | None
) -> None:
    own, was, below = (match_brackets(each, GENERIC) for each in (text, behind, behind[taken:]))
    assert find_excess(before, own, was, below) == expected


@pytest.mark.parametrize(
    ("before", "text", "replaced"),
    [
        ("(", "a, b)", ""),
        ("([", "1], 2)", "]"),
        ("", "f(x)[0]", ""),
        ("", '")))"', ""),
        ("(", "b  # c)\n)", ""),
        ("", "a) + (b)", ")"),  # what the replaced text closed may be closed again
    ],
)
def test_closing_what_is_open_is_allowed(before: str, text: str, replaced: str) -> None:
    rules = lexical("python")
    assert closes_open(before, match_brackets(text, rules), match_brackets(replaced, rules))


@pytest.mark.parametrize(
    ("before", "text", "replaced"),
    [
        ("", ")", ""),
        ("", "y)\n", ""),
        ("[", "a)", ""),
        ("([", "a)", ""),
        ("(", "a))", ")"),
    ],
)
def test_closing_what_is_not_open_is_not(before: str, text: str, replaced: str) -> None:
    rules = lexical("python")
    assert not closes_open(before, match_brackets(text, rules), match_brackets(replaced, rules))
