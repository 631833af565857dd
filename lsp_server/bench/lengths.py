"""Documents of a given length, around the same passage."""

from __future__ import annotations

from lsp_server.bench.keystrokes import Passage, Place, take_out


def document_of_length(passage: Passage, filler: str, length: int) -> tuple[str, list[Place]]:
    """A text of about ``length`` characters with a passage taken out in its middle, and the place.

    Around the passage is its own file, as much as fits; around that, ``filler`` over and over. All
    parts are whole lines.
    """
    text = passage.file.text
    half = max(0, length - (passage.end - passage.start)) // 2
    before = _last_lines(text[: _line_start(text, passage.start)], half)
    indentation = text[_line_start(text, passage.start) : passage.start]
    after = _first_lines(text[passage.end :], half)
    above = _last_lines(_repeated(filler, half - len(before)), half - len(before))
    below = _first_lines(_repeated(filler, half - len(after)), half - len(after))
    start = len(above) + len(before) + len(indentation)
    end = start + passage.end - passage.start
    written = text[passage.start : passage.end]
    whole = above + before + indentation + written + after + below
    return take_out(whole, [(start, end)])


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def _repeated(filler: str, length: int) -> str:
    return filler * (-(-length // len(filler))) if length > 0 else ""


def _last_lines(text: str, length: int) -> str:
    """The end of a text, from the start of a line."""
    if length <= 0:
        return ""
    if len(text) <= length:
        return text
    return text[text.find("\n", len(text) - length - 1) + 1 :]


def _first_lines(text: str, length: int) -> str:
    """The beginning of a text, up to the end of a line."""
    if len(text) <= length:
        return text
    return text[: text.rfind("\n", 0, max(length, 1)) + 1]
