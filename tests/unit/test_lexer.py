"""Marks of pieces of code: what counts as a bracket, a string, a comment, a line break."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.syntax.lexer import GENERIC, Inside, Nesting, innermost, nesting_after, scan
from tests.unit.nested_code import lexical


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("python", "f(x)[1]", ["(", ")", "[", "]"]),
        ("python", "f('(', b')', rf\"[\")", ["(", "'('", ",", "')'", ",", '"["', ")"]),
        ("python", "x = '''a\n(b'''\n(", ["'''a\n(b'''", "\n", "("]),
        ("python", "x = 'it\\'s ('\r\n)", ["'it\\'s ('", "\r\n", ")"]),
        ("python", "x = 'open\n(", ["'open", "\n", "("]),
        ("python", "x = 'on\\\ntwo' (", ["'on\\\ntwo'", "("]),
        ("python", "x  # it's (\r)", ["# it's (", "\r", ")"]),
        ("javascript", "a = `(${b}\n)`;", ["`(", "{", "}", "\n)`", ";"]),
        (
            "javascript",
            "`${f(`)${x}`)}` + (",
            ["`", "{", "(", "`)", "{", "}", "`", ")", "}", "`", "("],
        ),
        ("javascript", "`\\${a)` + b)", ["`\\${a)`", ")"]),
        ("python", "f'{x[\"}\"]} )' + y", ["'", "{", "[", '"}"', "]", "}", " )'"]),
        ("python", "f'{{(}} {a}' '{('", ["'{{(}} ", "{", "}", "'", "'{('"]),
        ("python", "f'{a(\nb)", ["'", "{", "(", "\n", ")"]),
        ("javascript", "/* ( \n */ {} // }", ["/* ( \n */", "{", "}", "// }"]),
        ("javascript", "x.replace(/[/'\"(]/g, '')", ["(", "/[/'\"(]/g", ",", "''", ")"]),
        ("javascript", "a = b / c / (d)", ["(", ")"]),
        ("javascript", "f(/* ( */ /[)]/, a)", ["(", "/* ( */", "/[)]/", ",", ")"]),
        ("javascript", "a /* ( */ / b / (c)", ["/* ( */", "(", ")"]),
        ("javascript", "x => /\\(/", ["/\\(/"]),
        ("tsx", "<p>don't {x}</p>", ["{", "}"]),
        ("json", '{"a\\"{": [1]}', ["{", '"a\\"{"', "[", "]", "}"]),
    ],
)
def test_marks(name: str, text: str, expected: list[str]) -> None:
    assert [text[mark.start : mark.end] for mark in scan(text, lexical(name))] == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("python", "f('a", Inside("string", "'")),
        ("python", 'f(rb"""a\n', Inside("string", '"""')),
        ("python", "f('a'", None),
        ("python", "f('a\n", None),
        ("python", "x # a", Inside("comment", "")),
        ("javascript", "x /* a", Inside("comment", "*/")),
        ("javascript", "x `a\n", Inside("string", "`")),
        ("json", '{"a": "b', Inside("string", '"')),
        ("json", '{"a": "b\\"', Inside("string", '"')),
    ],
)
def test_where_a_text_stops(name: str, text: str, expected: Inside | None) -> None:
    facts = lexical(name)
    found = innermost(nesting_after(text, facts))
    assert (found and found[:2]) == (expected and expected[:2])


@pytest.mark.parametrize(
    ("head", "expected"), [("total", ["(", ")"]), ("x = ", ["/ (2) /"]), ("", ["/ (2) /"])]
)
def test_what_stands_before_a_text_says_whether_a_slash_divides(
    head: str, expected: list[str]
) -> None:
    text = " / (2) / b"
    marks = scan(text, lexical("javascript"), head=head)
    assert [text[mark.start : mark.end] for mark in marks] == expected


def test_a_text_may_start_inside_a_string() -> None:
    start = Inside("string", "'")
    text = "a (' + b)"
    marks = list(scan(text, lexical("python"), (start,)))
    assert [(mark.kind, mark.start, mark.end) for mark in marks] == [
        ("string", 0, 4),
        ("close", 8, 9),
    ]
    assert nesting_after("a (", GENERIC, (start,)) == (start,)


@given(
    text=st.text(st.sampled_from("([{}])\"'`#/*\\\n\r ax1,;"), max_size=80),
    name=st.sampled_from(["python", "javascript", "json"]),
    nesting=st.sampled_from([(), (Inside("string", "'"),), (Inside("comment", "*/"),)]),
)
def test_marks_follow_one_another(text: str, name: str, nesting: Nesting) -> None:
    position = 0
    for mark in scan(text, lexical(name), nesting):
        assert position <= mark.start <= mark.end <= len(text)
        position = mark.end
