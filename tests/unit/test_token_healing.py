from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.output import Output
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.token_healing import Vocabulary, split
from lsp_server.diffusion.types import Hole
from tests.unit.tiny import TinyTokenizer

HALVES = ["é".encode()[:1], "é".encode()[1:]]
PIECES = [b"", b"r", b"re", b"return", b"returns", b" ", b"   ", b" return", b"x", *HALVES]


@pytest.mark.parametrize(
    ("prefix", "whole", "partial"),
    [
        ("", "", ""),
        ("x = ", "x =", " "),
        ("    ret", "   ", " ret"),
        ("foo.ba", "foo", ".ba"),
        ("foo_ba", "foo", "_ba"),
        ("f(", "f", "("),
        ("self.", "self", "."),
        ("x = ((", "x =", " (("),
        ("((x", "((", "x"),
        ("x.__init", "x.__", "init"),
        ("end;\n", "end;\n", ""),
        ("f(x", "f", "(x"),
        ("a\n", "a\n", ""),
        ("a\n    ", "a\n", "    "),
        ("a\n\t", "a\n", "\t"),
        ("x1", "x1", ""),
        ("\nabc", "\n", "abc"),
        (" " * 300, " " * 300, ""),
    ],
)
def test_split(prefix: str, whole: str, partial: str) -> None:
    assert split(prefix) == (whole, partial)


@given(st.text(alphabet="ab_ (\n\t.é1"))
def test_split_loses_nothing(prefix: str) -> None:
    whole, partial = split(prefix)
    assert whole + partial == prefix


@given(st.binary(min_size=1, max_size=6), st.lists(st.binary(max_size=5), max_size=40))
def test_continuing_is_what_fits(start: bytes, pieces: list[bytes]) -> None:
    fits = {i for i, p in enumerate(pieces) if p and (p.startswith(start) or start.startswith(p))}
    found = Vocabulary(pieces).continuing(start)
    # Equal pieces under two ids: one beginning is enough.
    assert {pieces[i] for i in found} == {pieces[i] for i in fits}


class Tokenizer(TinyTokenizer):
    """With the pieces above."""

    def pieces(self) -> list[bytes]:
        return PIECES


def begin(partial: str = "") -> Output:
    return Output(Hole(Prompt.around("", ""), 9), Tokenizer(), partial)


def test_the_partial_token_is_required_first() -> None:
    output = begin("ret")
    assert output.required == b"ret"
    output.append(2)
    assert (output.required, output.text) == (b"t", "")
    output = begin("ret")
    output.append(4)
    assert (output.required, output.text) == (b"", "urns")


def test_half_a_character_is_left_out() -> None:
    output = begin()
    output.append(8)
    output.append(9)
    assert output.text == "x"
    output.append(10)
    assert output.text == "xé"
