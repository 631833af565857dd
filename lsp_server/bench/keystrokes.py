"""Simulated typing: lines of a real file are typed key by key into the file without them.

A line break and the indentation after it are one key, because editors indent automatically.
Positions are kept up to date key by key, so that typing costs the same in a file of any size.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lsprotocol import types

from lsp_server.bench.holes import Cut, RealFile, draw_cuts
from lsp_server.source_files import SourceError

_KEY: Final = re.compile(r"\n[ \t]*|[^\n]", re.DOTALL)
_CANDIDATES: Final = 24
_APART: Final = 300  # characters between two passages, where the file is long enough

_LANGUAGE_IDS: Final = {
    ".go": "go",
    ".js": "javascript",
    ".json": "json",
    ".md": "markdown",
    ".py": "python",
    ".ts": "typescript",
    ".tsx": "typescriptreact",
}


def language_id(file: RealFile) -> str:
    """The id that editors give to a file's language."""
    return _LANGUAGE_IDS.get(file.path.suffix, "plaintext")


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of a file to be typed again, from ``start`` to ``end``, the end of a line."""

    file: RealFile
    start: int
    end: int

    @classmethod
    def of(cls, cut: Cut, keys: int) -> Passage:
        """The passage of at least ``keys`` characters that begins in a cut's line."""
        text = cut.file.text
        line = text.rfind("\n", 0, cut.start) + 1
        start = line + len(text[line:]) - len(text[line:].lstrip(" \t"))
        end = text.find("\n", min(start + keys, len(text)))
        return cls(cut.file, start, len(text) if end < 0 else end)


def passages(file: RealFile, count: int, keys: int, seed: int) -> list[Passage]:
    """``count`` passages of a file that do not touch; fewer if there is no room for them.

    They are apart if the file is long enough, in a random order.
    """
    try:
        cuts = draw_cuts([file], _CANDIDATES, seed, shapes=("line",))
    except SourceError:
        return []
    drawn = [Passage.of(cut, keys) for cut in cuts]
    for distance in (_APART, 1):
        chosen: list[Passage] = []
        for each in drawn:
            far = all(
                each.start >= other.end + distance or other.start >= each.end + distance
                for other in chosen
            )
            if far and len(chosen) < count:
                chosen.append(each)
        if len(chosen) == count:
            break
    return chosen


@dataclass(slots=True)
class Place:
    """Where keys are being typed, and those to come."""

    offset: int
    line: int
    character: int  # UTF-16 units
    keys: deque[str]

    @property
    def position(self) -> types.Position:
        """Of the cursor."""
        return types.Position(self.line, self.character)


@dataclass(slots=True)
class TypedDocument:
    """A document with passages taken out, and the places where they are typed again, in order."""

    uri: str
    language_id: str
    text: str
    places: list[Place]

    @classmethod
    def of(cls, uri: str, chosen: Sequence[Passage]) -> TypedDocument:
        """The file of some passages, without them."""
        file = chosen[0].file
        spans = [(passage.start, passage.end) for passage in chosen]
        return cls(uri, language_id(file), *take_out(file.text, spans))

    def press(self, place: Place) -> types.TextDocumentContentChangePartial:
        """Type the next key of a place; returns the change for the server."""
        key, at = place.keys.popleft(), place.position
        self.text = self.text[: place.offset] + key + self.text[place.offset :]
        broken = key.count("\n")
        for other in self.places:
            if other is not place and other.offset >= place.offset:
                other.offset += len(key)
                other.line += broken
        place.offset += len(key)
        place.line += broken
        units = len(key.rpartition("\n")[2].encode("utf-16-le")) // 2
        place.character = units if broken else place.character + units
        return types.TextDocumentContentChangePartial(types.Range(at, at), key)


def take_out(text: str, spans: Iterable[tuple[int, int]]) -> tuple[str, list[Place]]:
    """A text without some spans, each of whole lines, and a place for each, in the same order."""
    spans = list(spans)
    kept, end, places = [], 0, {}
    for start, stop in sorted(spans):
        kept.append(text[end:start])
        end = stop
        before = "".join(kept)
        line = before.rpartition("\n")[2]
        places[start] = Place(
            offset=len(before),
            line=before.count("\n"),
            character=len(line.encode("utf-16-le")) // 2,
            keys=deque(_KEY.findall(text, start, stop)),
        )
    return "".join([*kept, text[end:]]), [places[start] for start, _ in spans]
