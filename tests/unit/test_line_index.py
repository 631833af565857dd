"""The index of lines gives what the text alone gives, after whatever edits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.positions import LINE_END, offset_at
from lsp_server.server import line_index
from lsp_server.server.line_index import LineIndex
from tests.unit.test_positions import numbers, texts

edits = st.lists(st.tuples(numbers, numbers, texts), max_size=8)


@given(texts, edits)
def test_index_follows_edits(text: str, edits: list[tuple[int, int, str]]) -> None:
    """Whatever is edited, wherever, the index gives what the text alone gives."""
    index = LineIndex(text)
    for place, length, new in edits:
        start = min(max(place, 0), len(text))
        end = min(max(start + length, start), len(text))
        text = text[:start] + new + text[end:]
        index.edit(text, start, end, len(new))
        assert index.starts() == LineIndex(text).starts()
    for line in range(-1, text.count("\n") + text.count("\r") + 3):
        for character in range(-1, 45):
            assert index.offset_at(text, line, character) == offset_at(text, line, character)


def test_an_edit_scans_what_it_touches(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "x = 1\n" * 10_000
    index = LineIndex(text)
    scanned: list[int] = []

    class Watched:
        def finditer(self, text: str, start: int, stop: int) -> object:
            scanned.append(stop - start)
            return LINE_END.finditer(text, start, stop)

    monkeypatch.setattr(line_index, "LINE_END", Watched())
    for line in (5_000, 5_001, 4_000):
        start = index.offset_at(text, line, 3)
        text = text[:start] + "yy" + text[start:]
        index.edit(text, start, start, 2)
    assert scanned == [4, 4, 4]
    assert index.offset_at(text, 9_999, 1) == len(text) - 5
