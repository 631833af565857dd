from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.token_healing import Vocabulary, Writing, split
from lsp_server.diffusion.types import Hole
from tests.unit.tiny import TinyTokenizer

HALVES = ["é".encode()[:1], "é".encode()[1:]]
PIECES = [b"", b"r", b"re", b"return", b"returns", b" ", b"   ", b" return", b"x", *HALVES]


@pytest.mark.parametrize(
    ("prefix", "stem", "stub"),
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
def test_split(prefix: str, stem: str, stub: str) -> None:
    assert split(prefix) == (stem, stub)


@given(st.text(alphabet="ab_ (\n\t.é1"))
def test_split_loses_nothing(prefix: str) -> None:
    stem, stub = split(prefix)
    assert stem + stub == prefix


@given(st.binary(min_size=1, max_size=6), st.lists(st.binary(max_size=5), max_size=40))
def test_continuing_is_what_fits(stub: bytes, pieces: list[bytes]) -> None:
    fits = {i for i, p in enumerate(pieces) if p and (p.startswith(stub) or stub.startswith(p))}
    found = Vocabulary(pieces).continuing(stub)
    # Equal pieces under two ids: one beginning of the stub is enough.
    assert {pieces[i] for i in found} == {pieces[i] for i in fits}


class Tokenizer(TinyTokenizer):
    """With the pieces above."""

    def pieces(self) -> list[bytes]:
        return PIECES


def start(stub: str = "") -> Writing:
    return Writing(Hole(Prompt.around("", ""), 9), Tokenizer(), stub)


def test_writing_owes_the_stub_first() -> None:
    writing = start("ret")
    assert writing.owed == b"ret"
    writing.append(2)
    assert (writing.owed, writing.text) == (b"t", "")
    writing = start("ret")
    writing.append(4)
    assert (writing.owed, writing.text) == (b"", "urns")


def test_half_a_character_is_left_out() -> None:
    writing = start()
    writing.append(8)
    writing.append(9)
    assert writing.text == "x"
    writing.append(10)
    assert writing.text == "xé"
