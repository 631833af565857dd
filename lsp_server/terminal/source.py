"""Files and places as they are named on a command line: ``FILE:LINE:COL``.

Reads a file into text as an editor would, and turns a place into an offset. Lines and columns
count from 1, a column counts code points (a tab is one), lines end where the protocol ends them.
Knows nothing of models; what may be read at all is asked of ``completion.gate`` by the caller.
"""

from __future__ import annotations

import codecs
import random
import re
import stat
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lsp_server.completion.exclusions import is_secret_file
from lsp_server.positions import LINE_END, line_stop
from lsp_server.syntax.languages import language_for

_PLACE: Final = re.compile(r"(.+):([0-9]{1,9}):([0-9]{1,9})", re.DOTALL)
_REGION: Final = re.compile(r"(.+):([0-9]{1,9}):([0-9]{1,9})-([0-9]{1,9}):([0-9]{1,9})", re.DOTALL)
_MARKS: Final = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


_FILES: Final = 80  # of one language, taken from one folder
_LARGEST: Final = 100_000  # bytes of a file


class SourceError(Exception):
    """A file cannot be used as what it should be; the message says which and why."""


class PlaceError(ValueError):
    """A place is not written as it should be, or lies outside its file."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column, both from 1."""

    line: int
    column: int

    def offset(self, text: str) -> int:
        """The offset in code points; raises PlaceError when ``text`` has no such place."""
        start = 0
        for number in range(1, self.line):
            ending = LINE_END.search(text, start)
            if ending is None:
                raise PlaceError(f"there is no line {self.line}: the file has {number}")
            start = ending.end()
        length = line_stop(text, start) - start
        if self.column > length + 1:
            raise PlaceError(
                f"there is no column {self.column} in line {self.line}: "
                f"it has {length} characters, so that {length + 1} is its end"
            )
        return start + self.column - 1


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file and the encoding that it was read in."""

    text: str
    encoding: str


def parse_place(argument: str) -> tuple[Path, Place]:
    """Read ``FILE:LINE:COL``; raises PlaceError."""
    found = _PLACE.fullmatch(argument)
    if found is None:
        raise PlaceError(f"{argument!r} is not FILE:LINE:COL")
    return Path(found[1]), _place(found[2], found[3])


def parse_region(argument: str) -> tuple[Path, Place, Place]:
    """Read ``FILE:L1:C1-L2:C2``, the end exclusive; raises PlaceError."""
    found = _REGION.fullmatch(argument)
    if found is None:
        raise PlaceError(f"{argument!r} is not FILE:L1:C1-L2:C2")
    start, end = _place(found[2], found[3]), _place(found[4], found[5])
    if (start.line, start.column) > (end.line, end.column):
        raise PlaceError(f"the region ends before it starts: {argument!r}")
    return Path(found[1]), start, end


def size_of(path: Path) -> int:
    """The size of a regular file in bytes; raises SourceError for anything else."""
    try:
        status = path.stat()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"cannot read {path}: it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"cannot read {path}: it is not a regular file")
    return status.st_size


def read(path: Path) -> Source:
    """The text of a file: by its byte order mark, else UTF-8, else Latin-1.

    Raises SourceError when it cannot be read or is no text.
    """
    size_of(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    source = _decode(path, data)
    if "\0" in source.text:
        raise SourceError(f"cannot complete in {path}: it is a binary file")
    return source


def find_files(folders: Sequence[Path], seed: int) -> list[Path]:
    """Files of known languages under each folder, so many of every language, drawn at random.

    Left out are files that hold secrets, long files, and files with two suffixes: what is minified
    or only declared is not what people type. Raises SourceError for what is no folder.
    """
    chance = random.Random(seed)
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise SourceError(f"{folder} is no folder")
        by_language: defaultdict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")):
            language = language_for(None, str(path))
            if language and _is_typed(path) and not is_secret_file(path):
                by_language[language.name].append(path)
        for paths in by_language.values():
            found += chance.sample(paths, min(_FILES, len(paths)))
    return found


def find_texts(folders: Sequence[Path], seed: int) -> list[str]:
    """The texts of such files, in an order drawn at random. Raises SourceError."""
    texts = [read(path).text for path in find_files(folders, seed)]
    random.Random(seed).shuffle(texts)
    return texts


def _is_typed(path: Path) -> bool:
    """Whether a file may have been written by hand."""
    return len(path.suffixes) == 1 and path.is_file() and path.stat().st_size <= _LARGEST


def _decode(path: Path, data: bytes) -> Source:
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    try:
        return Source(data.decode(marked or "utf-8"), marked or "utf-8")
    except UnicodeDecodeError as error:
        if marked:
            raise SourceError(
                f"cannot read {path}: it is marked as {marked} but is not valid: {error.reason}"
            ) from error
        return Source(data.decode("latin-1"), "latin-1")


def _place(line: str, column: str) -> Place:
    place = Place(int(line), int(column))
    if not place.line or not place.column:
        raise PlaceError("lines and columns count from 1")
    return place
