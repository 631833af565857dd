"""Brackets and quotes, read by marks alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.brackets import (
    excess,
    foreign,
    foreign_after,
    open_quote,
    retyped,
    string_end,
    unclosed,
)

MARKS = st.lists(st.sampled_from([*"()[]{}\"'`#;: \n\\/*a", '"""', "'''"])).map("".join)
QUOTES = st.sampled_from(["", '"', "'", "`", '"""'])


@pytest.mark.parametrize(
    ("line", "comment", "quote"),
    [
        ("x = ", "", ""),
        ('x = "', "", '"'),
        ('x = "a" + f("b', "", '"'),
        ("x = 'a\"", "", "'"),
        ('x = "\\"', "", '"'),
        ('x = """a "b"', "", '"""'),
        ('x = """a""" + ', "", ""),
        ("s = `a ${b", "", "`"),
        ("# don't", "#", ""),
        ("# don't", "", "'"),
        ("// it's", "//", ""),
    ],
)
def test_the_string_in_which_a_line_stops(line: str, comment: str, quote: str) -> None:
    assert open_quote(line, comment) == quote


def test_strings_and_comments_hide_brackets() -> None:
    code = 'f(a, "(", \'[\', """\n{\n""", `(\n`, [  # ((\n {'
    assert unclosed(code, "#") == ["(", "[", "{"]
    assert unclosed("f( /* [ { \n ( */ {", "//") == ["(", "{"]
    assert unclosed('f( """ [') == ["("]


def test_closers_of_what_was_not_opened() -> None:
    assert foreign("a) + (b)) ]") == [1, 8, 10]
    assert foreign("[ ( ]") == []
    assert foreign_after('a)" + b)', '"') == [7]
    assert foreign_after("a)", '"') == []


def test_where_a_string_ends() -> None:
    assert string_end("abc", "") == 0
    assert string_end('ab" c', '"') == 3
    assert string_end('a\\"b" c', '"') == 5
    assert string_end('a "b" """ c', '"""') == 9
    assert string_end("abc", '"') is None


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
        ("]", "a)", "", ""),
        ("})", "\n  a();\n})", "", "})"),
    ],
)
def test_what_is_typed_again(rest: str, text: str, quote: str, again: str) -> None:
    found = retyped(rest, text, quote)
    assert "".join(text[offset] for offset in found) == again == rest[: len(again)]


@given(MARKS, MARKS, QUOTES, st.sampled_from(["", "#", "//"]))
def test_what_is_typed_again_stands_in_both(rest: str, text: str, quote: str, comment: str) -> None:
    found = retyped(rest, text, quote, comment)
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
    assert excess(before, text, behind, taken) == expected
