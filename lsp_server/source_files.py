"""Source files on disk: finding them in folders and reading them as an editor would.

``read`` does not check for secrets: callers must do so first.
"""

from __future__ import annotations

import codecs
import random
import stat
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lsp_server.completion.exclusions import is_secret_file
from lsp_server.syntax.languages import language_for

_MARKS: Final = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_FILES: Final = 80  # at most, per language and folder
_LARGEST: Final = 100_000  # bytes of a file


class SourceError(Exception):
    """A file or folder cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text of a file and the encoding that it was read in."""

    text: str
    encoding: str


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


def read(path: Path) -> SourceText:
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
    """Files of known languages under each folder, drawn at random.

    At most 80 per language and folder. Leaves out files that may hold secrets, files over 100 kB,
    and files with two suffixes, which are mostly minified or declarations only. Raises SourceError
    if one is not a folder.
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


def _decode(path: Path, data: bytes) -> SourceText:
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    try:
        return SourceText(data.decode(marked or "utf-8"), marked or "utf-8")
    except UnicodeDecodeError as error:
        if marked:
            raise SourceError(
                f"cannot read {path}: it is marked as {marked} but is not valid: {error.reason}"
            ) from error
        return SourceText(data.decode("latin-1"), "latin-1")
