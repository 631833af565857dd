"""What an editor put right of the cursor and a completion types again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.rest_of_line import find_retyped
from lsp_server.syntax.lexer import GENERIC, Inside, Nesting
from tests.unit.nested_code import lexical

MARKS = st.lists(st.sampled_from([*"()[]{}\"'`#;: \n\\/*a", '"""', "'''"])).map("".join)
INSIDE = st.sampled_from(
    [(), (Inside("comment", ""),), (Inside("comment", "*/"),)]
    + [(Inside("string", quote),) for quote in ('"', "'", "`", '"""')]
)


def string(quote: str) -> Nesting:
    return (Inside("string", quote),) if quote else ()


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
    found = find_retyped(rest, text, GENERIC, string(quote))
    assert "".join(text[offset] for offset in found) == again == rest[: len(again)]


@given(MARKS, MARKS, INSIDE, st.sampled_from(["python", "javascript"]))
def test_what_is_typed_again_stands_in_both(
    rest: str, text: str, nesting: Nesting, language: str
) -> None:
    found = find_retyped(rest, text, lexical(language), nesting)
    assert found == sorted(set(found))
    assert [text[offset] for offset in found] == list(rest[: len(found)])
