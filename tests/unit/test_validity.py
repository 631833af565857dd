"""What a text does to a document's errors and brackets."""

import pytest

from lsp_server.syntax.languages import language_for
from lsp_server.syntax.tree import SyntaxTree
from lsp_server.syntax.validity import closes_foreign, error_delta


def _tree(text: str) -> SyntaxTree:
    return SyntaxTree.parse(text, language_for("python", None))


def test_error_delta_is_zero_for_a_whole_statement() -> None:
    assert error_delta(_tree("x = 1\n\ny = 2\n"), 6, 6, "z = f(1)") == 0


def test_error_delta_counts_what_a_text_breaks() -> None:
    assert error_delta(_tree("x = 1\n\ny = 2\n"), 6, 6, "z = f(1") > 0


def test_error_delta_counts_what_a_text_repairs() -> None:
    assert error_delta(_tree("x = f(1\ny = 2\n"), 7, 7, ")") < 0


def test_error_delta_is_zero_without_a_grammar() -> None:
    assert error_delta(SyntaxTree.parse("((", None), 0, 2, "))))") == 0


@pytest.mark.parametrize(
    ("before", "text", "replaced"),
    [
        ("foo(", "a, b)", ""),
        ("foo(", "a, b)", ")"),
        ("foo(bar[", "1], 2)", "]"),
        ("", "f(x)[0]", ""),
        ("x = ", '")))"', ""),
        ("x = 'isn\\'t (' + f(", "a)", ""),
        ("print(don't(", "))", ""),
    ],
)
def test_closing_what_is_open_is_allowed(before: str, text: str, replaced: str) -> None:
    assert not closes_foreign(before, text, replaced)


@pytest.mark.parametrize(
    ("before", "text", "replaced"),
    [
        ("foo(a)", ")", ""),
        ("x = 1\n", "y)\n", ""),
        ("foo[", "a)", ""),
        ("foo(", "a))", ")"),
        ("x = '('", ")", ""),
    ],
)
def test_closing_what_is_not_open_is_foreign(before: str, text: str, replaced: str) -> None:
    assert closes_foreign(before, text, replaced)


def test_what_the_replaced_text_closed_may_be_closed_again() -> None:
    assert not closes_foreign("", "a) + (b)", ")")
