"""Offsets and positions against a slow reference that walks the text unit by unit."""

from hypothesis import given
from hypothesis import strategies as st

from lsp_server.positions import (
    clamp,
    line_start,
    line_stop,
    offset_at,
    position_at,
    utf16_length,
)

texts = st.text(alphabet=st.sampled_from("ab\t\r\n\f\v\x1c\x85\u2028é漢🎉𝒳́"), max_size=40)
numbers = st.integers(min_value=-3, max_value=50)


def reference_positions(text: str) -> list[tuple[int, int]]:
    """The position of every offset 0..len(text), by walking."""
    positions: list[tuple[int, int]] = []
    line = column = 0
    for index, character in enumerate(text):
        inside_crlf = character == "\n" and index > 0 and text[index - 1] == "\r"
        positions.append(positions[-1] if inside_crlf else (line, column))
        if character == "\n" or (character == "\r" and text[index + 1 : index + 2] != "\n"):
            line, column = line + 1, 0
        else:
            column += len(character.encode("utf-16-le")) // 2
    positions.append((line, column))
    return positions


def reference_offset(text: str, line: int, character: int) -> int:
    """The last offset that an editor can stand on and that is not after the position."""
    positions = reference_positions(text)
    if line < 0:
        return 0
    if line > positions[-1][0]:
        return len(text)
    wanted = (line, max(character, 0))
    reachable = [at for at, position in enumerate(positions) if position <= wanted]
    best = positions[reachable[-1]]
    return positions.index(best)


@given(texts, numbers)
def test_position_of_an_offset(text: str, offset: int) -> None:
    expected = reference_positions(text)[min(max(offset, 0), len(text))]
    assert position_at(text, offset) == expected


@given(texts, numbers, numbers)
def test_offset_of_a_position(text: str, line: int, character: int) -> None:
    assert offset_at(text, line, character) == reference_offset(text, line, character)


@given(texts, numbers)
def test_there_and_back(text: str, offset: int) -> None:
    assert offset_at(text, *position_at(text, offset)) == clamp(text, offset)


@given(texts, st.integers(min_value=0, max_value=40))
def test_line_bounds_enclose_no_line_break(text: str, offset: int) -> None:
    offset = clamp(text, offset)
    start, stop = line_start(text, offset), line_stop(text, offset)
    assert start <= offset <= stop
    assert not set(text[start:stop]) & {"\r", "\n"}
    assert position_at(text, start) == (position_at(text, offset)[0], 0)
    assert stop == len(text) or text[stop] in "\r\n"


def test_half_of_a_surrogate_pair_is_its_start() -> None:
    assert [offset_at("a🎉b", 0, unit) for unit in range(6)] == [0, 1, 1, 2, 3, 3]


def test_unicode_separators_do_not_end_a_line() -> None:
    assert position_at("a\fb\u2028c\x85d", 7) == (0, 7)


def test_lone_surrogates_are_one_unit_each() -> None:
    assert utf16_length("\ud83c🎉") == 3
