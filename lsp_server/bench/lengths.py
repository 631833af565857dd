"""Documents of a given length, around the same passage."""

from __future__ import annotations

from lsp_server.bench.keystrokes import Passage, Place, take_out


def document_of_length(passage: Passage, filler: str, length: int) -> tuple[str, list[Place]]:
    """A text of about ``length`` characters with a passage taken out in its middle, and the place.

    Around the passage is its own file, as much as fits; around that, ``filler`` over and over. All
    parts are whole lines.
    """
    text = passage.file.text
    written = text[passage.start : passage.end]
    half = max(0, length - len(written)) // 2
    line = text.rfind("\n", 0, passage.start) + 1
    before = _last_lines(text[:line], half)
    after = _first_lines(text[passage.end :], half)
    if len(before) == line:
        before = _last_lines(_repeated(filler, half - line), half - line) + before
    if len(after) == len(text) - passage.end:
        room = half - len(after)
        after += _first_lines(_repeated(filler, room), room)
    before += text[line : passage.start]  # the indentation
    start = len(before)
    return take_out(before + written + after, [(start, start + len(written))])


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
    if length <= 0:
        return ""
    if len(text) <= length:
        return text
    return text[: text.rfind("\n", 0, length) + 1]
