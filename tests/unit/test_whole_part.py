"""Where a text that broke off is cut, so that no half of anything is offered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.question import Question
from lsp_server.completion.whole_part import cut_back
from lsp_server.settings import Settings
from lsp_server.syntax.brackets import match_brackets
from lsp_server.syntax.lexer import GENERIC
from tests.unit.marked_text import HEAD, cursor

BODY = HEAD + "def total(items):\n    |\n"


def cut(marked: str, text: str, language: str = "python", uri: str = "file:///work/app.py") -> str:
    document, offset = cursor(marked, language=language, uri=uri)
    return cut_back(text, Question.at_cursor(document, offset, Settings()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("found = []\n    for item in ite", "found = []"),
        ("for item in items:", ""),  # a header without its block
        ("for item in items:\n", ""),
        (
            "for item in items:\n        total += item\n",
            "for item in items:\n        total += item",
        ),
        ("found = []\n    for item in items:\n        found.a", "found = []"),
        ("if a:\n        b()\n    c()\n    d", "if a:\n        b()\n    c()"),
        ("if a:\n        b()\n    el", ""),  # its else, of which nothing is there yet
        ("if a:\n        b()\n    else:\n        c", ""),
        (
            "if a:\n        b()\n    else:\n        c()\n",
            "if a:\n        b()\n    else:\n        c()",
        ),
        ("try:\n        a()\n    except ", ""),
        ("found = []\n    try:\n        a()\n        b", "found = []"),
        ("total = sum(\n        items,\n        st", ""),
        ("a = 1\n    total = sum(\n        items,\n        st", "a = 1"),
        ('"""Return the total.\n\n    It is', ""),
        ("return reduce(lambda a, b: a + b, it", ""),
        ("a = 1\n    b = a + \\\n", "a = 1"),
        ("a, b = divmod(items, ", ""),
        ("first = 1  # one\n    sec", "first = 1  # one"),
    ],
)
def test_statements(text: str, expected: str) -> None:
    assert cut(BODY, text) == expected


def test_a_decorator_is_not_left_alone() -> None:
    assert cut(HEAD + "class A:\n    x = 1\n\n    |\n", "@property\n    def a(self):\n") == ""


@pytest.mark.parametrize(
    ("marked", "text", "expected"),
    [
        ("print(|)", "first, second(a, b), thi", "first, second(a, b)"),
        ("print(|", "first, second(a, ", "first"),
        ("x = [|]", "1, 2, 3, ", "1, 2, 3"),
        ("x = [|]", "1, 2], [3, ", "1"),
        ("x = [|]", "one_long_name", ""),
        ("print(|)", "key=lambda a, b", ""),
        ("print(|)", '"a, b', ""),
    ],
)
def test_members_of_a_list(marked: str, text: str, expected: str) -> None:
    assert cut(HEAD + marked + "\n", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("const a = 1;\n  if (a) {\n    b(", "const a = 1;"),
        ("if (a) {\n    b();\n    c", ""),
        ("if (a) {\n    b();\n  }\n  c(", "if (a) {\n    b();\n  }"),
        ("if (a) {\n    b();\n  }\n  else {\n", ""),
        ("a();\n  items\n    .filter(a)\n    .ma", "a();"),
        ("const text = `a\n  b", ""),
    ],
)
def test_blocks_in_braces(text: str, expected: str) -> None:
    marked = "function total(items) {\n  |\n}\n"
    assert cut(marked, text, "javascript", "file:///work/app.js") == expected


def test_members_of_an_object() -> None:
    marked = '{\n  "rows": [1],\n  |\n}\n'
    text = '"name": "a",\n  "size": [1, 2],\n  "wid'
    shown = cut(marked, text, "json", "file:///work/a.json")
    assert shown == '"name": "a",\n  "size": [1, 2]'


def test_words_in_prose_comments_and_strings() -> None:
    assert cut("Steps to take:\n|", "Open the do", "markdown", "file:///a.md") == "Open the "
    assert cut(HEAD + "# the width|\n", " of the are") == " of the "
    assert (
        cut(HEAD + 'def f():\n    """Return|"""\n', " the width\n    and the hei") == " the width"
    )


def test_a_language_without_a_grammar() -> None:
    marked = "func total(items []int) int {\n\t|\n}\n"
    text = "sum := 0\n\tfor _, item := range items {\n\t\tsum += it"
    assert cut(marked, text, "go", "file:///work/app.go") == "sum := 0"


PIECES = ("a", "f(", ")", "[", "]", "{", "}", ", ", ":", "\n", "\n    ", "if x:", "return ", '"')


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_is_left_is_a_beginning_and_opens_nothing(text: str) -> None:
    left = cut(BODY, text)
    assert text.startswith(left)
    assert not match_brackets(left, GENERIC).opened
