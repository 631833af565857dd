"""Golden spans: documents with a cursor, what is written there, and how much of it is kept."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.syntax.languages import language_for
from lsp_server.syntax.spans.find import Span, find_region, find_span
from lsp_server.syntax.tree import LIMIT, SyntaxTree

GOLDEN = Path(__file__).parents[1] / "golden" / "spans"
EXTENSIONS = {
    "python": ".py",
    "javascript": ".js",
    "typescript": ".ts",
    "tsx": ".tsx",
    "rust": ".rs",
}
NAMES = [file.stem for file in sorted(GOLDEN.glob("*.toml")) if file.stem != "regions"]


def cases() -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}: {case['name']}")
        for name in NAMES
        for case in tomllib.loads((GOLDEN / f"{name}.toml").read_text("utf-8"))["span"]
    ]


def parse(name: str, text: str) -> SyntaxTree:
    return SyntaxTree.parse(text, language_for(None, "x" + EXTENSIONS.get(name, f".{name}")))


def grow(span: Span, written: str) -> int | None:
    """Where the span ends when its text arrives character by character, as from a model."""
    ends = (span.end(written[:size]) for size in range(1, len(written) + 1))
    return next((end for end in ends if end is not None), None)


@pytest.mark.parametrize(("name", "case"), cases())
def test_golden(name: str, case: dict[str, Any]) -> None:
    before, after = case["document"].split("█")
    span = find_span(parse(name, before + after), len(before))
    assert span.kind == case["kind"]
    for fact in {"multiline", "closers", "rule"} & case.keys():
        assert getattr(span, fact) == case[fact], fact
    written = case["written"]
    end = grow(span, written)
    assert (None if end is None else written[:end]) == case.get("kept")
    assert span.end(written) == end, "more text must not change where a span ended"


def regions() -> list[Any]:
    found = tomllib.loads((GOLDEN / "regions.toml").read_text("utf-8"))["span"]
    return [pytest.param(case, id=case["name"]) for case in found]


@pytest.mark.parametrize("case", regions())
def test_golden_region(case: dict[str, Any]) -> None:
    before, old, after = case["document"].split("█")
    tree = parse(case["language"], before + old + after)
    span = find_region(tree, len(before), len(before) + len(old))
    assert span.kind == case["kind"]
    for fact in {"multiline", "closers", "rule"} & case.keys():
        assert getattr(span, fact) == case[fact], fact
    written = case["written"]
    end = grow(span, written)
    assert (None if end is None else written[:end]) == case.get("kept")
    assert span.end(written) == end, "more text must not change where a span ended"


@pytest.mark.parametrize("name", NAMES)
def test_unbounded_spans_go_by_lines(name: str) -> None:
    tree = parse(name, "foo(a, )\n")
    span = find_span(tree, 7, bounded=False)
    assert (span.kind, span.rule, span.multiline) == ("line", "line", False)
    assert span.end("bar(\n1))") == 4


def test_unbounded_region_goes_by_lines() -> None:
    tree = parse("python", "def f():\n    x = 1\n    y = 2\n\n")
    span = find_region(tree, 13, 28, bounded=False)
    assert (span.kind, span.rule, span.multiline) == ("block", "indentation", True)
    assert span.end("z = 3\n    w = 4\n\n    v = 5\n") == len("z = 3\n    w = 4")


@pytest.mark.parametrize("written", [" " * 81, "\n" * 5, "\n    " * 20])
@pytest.mark.parametrize("document", ["x = █\n", "def f():\n    █\n", "x = 1\n█\ny = 2\n"])
def test_a_text_that_does_not_begin_is_given_up(document: str, written: str) -> None:
    before, after = document.split("█")
    assert find_span(parse("python", before + after), len(before)).end(written) == 0


PIECES = st.text(
    alphabet=st.sampled_from("([{}])\"'`#/*,:;=\n\r\t\f \\x1é😀\0\ud800.<>$@"), max_size=120
)


@given(name=st.sampled_from(NAMES), text=PIECES, offset=st.integers(-2, 130), written=PIECES)
def test_any_place_in_any_text_has_a_span(name: str, text: str, offset: int, written: str) -> None:
    span = find_span(parse(name, text), offset)
    for size in range(len(written) + 1):
        end = span.end(written[:size])
        assert end is None or 0 <= end <= size


@given(
    name=st.sampled_from(NAMES),
    text=PIECES,
    start=st.integers(-2, 130),
    written=PIECES,
    size=st.integers(-2, 60),
)
def test_any_region_of_any_text_has_a_span(
    name: str, text: str, start: int, size: int, written: str
) -> None:
    end = find_region(parse(name, text), start, start + size).end(written)
    assert end is None or 0 <= end <= len(written)


@pytest.mark.parametrize(
    ("name", "document", "written", "expected"),
    [
        ("python", "def f():\n    █\n    return 1\n", "if x:", "\n        "),
        ("python", "def f():\n    █\n    return 1\n", "if x:\n", "        "),
        ("python", "def f():\n  █\n  return 1\n", "for x in f(y)", ":\n    "),
        ("python", "def f():\n\t█\n\treturn 1\n", "try", ":\n\t\t"),
        ("python", "def f():\n    █\n    return 1\n", "x = foo(\n", "        "),
        ("python", "def f():\n    █\n", "x = 1\n", "    "),
        ("python", "def f():\n    █\n", "x = 1  # see (\n", "    "),
        ("python", "def f():\n    █\n", "return x\n", ""),
        ("python", "def f():\n    █\n", "x = 1\n  ", ""),
        ("python", "def f():\n    █\n", "if foo(a(1)", ""),
        ("python", "def f():\n    █\n", "x = {y:", ""),
        ("python", "x = '█'\n", "else", ""),
        ("javascript", "function f() {\n  █\n}\n", "if (g(x))", " {"),
        ("javascript", "function f() {\n  █\n}\n", "if (g(x)", ""),
        ("javascript", "function f() {\n  █\n}\n", "if (x) {\n", "    "),
        ("javascript", "foo(\n  █\n);\n", "a,\n", "  "),
        ("json", '{\n  "a": 1,\n  █\n}\n', '"b"', ": "),
        ("json", '{"a":1,█}', '"b"', ":"),
        ("json", '{\n  "a": 1,\n  "█\n}\n', 'b"', ": "),
        ("json", "{\n  █\n}\n", '"b": 1,\n', '  "'),
        ("json", "{\n  █\n}\n", '"b": [\n', "    "),
        ("json", '{\n  "a": █\n  "b": 1\n}\n', '"x"', ","),
        ("json", '{\n  "a": █\n}\n', '"x"', ""),
        ("plain", "a:\n  █\n", "b:\n", ""),
    ],
)
def test_what_the_syntax_forces_next(name: str, document: str, written: str, expected: str) -> None:
    before, after = document.split("█")
    span = find_span(parse(name, before + after), len(before))
    assert span.expect(written) == expected


def test_a_text_too_long_to_parse_goes_by_lines() -> None:
    text = "x = [\n" + "    1,\n" * (LIMIT // 7) + "]\n"
    tree = parse("python", text)
    assert tree.root is None
    assert find_span(tree, 5).rule == "line"
    assert find_region(tree, 6, 19).rule == "indentation"
