"""Brackets and quotes around a completion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.brackets import excess, foreign, retyped, unclosed
from lsp_server.syntax.languages import Lexis, language_for
from lsp_server.syntax.lexer import GENERIC, Inside

MARKS = st.lists(st.sampled_from([*"()[]{}\"'`#;: \n\\/*a", '"""', "'''"])).map("".join)
INSIDE = st.sampled_from(
    [None, Inside("comment", ""), Inside("comment", "*/")]
    + [Inside("string", quote) for quote in ('"', "'", "`", '"""')]
)


def lexis(language: str) -> Lexis:
    found = language_for(language, None)
    assert found is not None
    return found.lexis


def string(quote: str) -> Inside | None:
    return Inside("string", quote) if quote else None


def test_strings_and_comments_hide_brackets() -> None:
    code = 'f(a, "(", \'[\', """\n{\n""", [  # ((\n {'
    assert unclosed(code, lexis("python")) == ["(", "[", "{"]
    assert unclosed("f( /* [ { \n ( */ {", lexis("javascript")) == ["(", "{"]


def test_closers_of_what_was_not_opened() -> None:
    assert foreign("a) + (b)) ]", GENERIC) == [1, 8, 10]
    assert foreign("[ ( ]", GENERIC) == []
    assert foreign('a)" + b)', GENERIC, string('"')) == [7]
    assert foreign("a)", GENERIC, string('"')) == []


@pytest.mark.parametrize(
    ("rest", "text", "quote", "again"),
    [
        (")", "a)", "", ")"),
        ("))", "a)", "", ")"),
        (");", "a, b)", "", ")"),
        (");", "a)\nbar();", "", ");"),
        ("):", "a) -> int:\n    return a", "", "):"),
        ('")', 'hello %s" % name)', '"', '")'),
        ('")', "hello", '"', ""),
        (')"', 'x)"', '"', ')"'),
        (" )", "a)", "", ""),
        (" )", "a )", "", " )"),
        (")", "g(x)", "", ""),
        (",", "1, 2", "", ""),
        ("),", "1),", "", "),"),
        ("),", "1),\n  h(3)", "", ")"),
        ("),", "1),\n  h(3),", "", "),"),
        (");", "1);\nf()", "", ")"),
        (");", "1);  // one", "", ");"),
        ("]", "a)", "", ""),
        ("})", "\n  a();\n})", "", "})"),
    ],
)
def test_what_is_typed_again(rest: str, text: str, quote: str, again: str) -> None:
    found = retyped(rest, text, GENERIC, string(quote))
    assert "".join(text[offset] for offset in found) == again == rest[: len(again)]


@given(MARKS, MARKS, INSIDE, st.sampled_from(["python", "javascript"]))
def test_what_is_typed_again_stands_in_both(
    rest: str, text: str, inside: Inside | None, language: str
) -> None:
    found = retyped(rest, text, lexis(language), inside)
    assert found == sorted(set(found))
    assert [text[offset] for offset in found] == list(rest[: len(found)])


@pytest.mark.parametrize(
    ("before", "text", "behind", "taken", "expected"),
    [
        ("f(\n a,\n", "b)", "\n)", 0, 1),
        ("f(", "b)", "\n", 0, None),
        ("f(", "b)", ")\n", 1, None),
        ("f(", "b)", ")\n", 0, 1),
        ("", "b)", "", 0, 1),
        ("", "b)", ")", 1, None),
        ("if (x) {\n  ", "y\n}", "\n} else {\n", 0, 2),
        ("if (x) {\n  ", "y\n} else {\n  z", "\n}\n", 0, None),
        ("f(", "b)", "}", 0, None),
    ],
)
def test_brackets_in_excess(
    before: str, text: str, behind: str, taken: int, expected: int | None
) -> None:
    assert excess(before, text, behind, taken, GENERIC) == expected
