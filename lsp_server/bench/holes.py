"""Holes cut into real files: the text that was cut out is known, so completions can be judged.

Cuts the rest of a line, the text between two brackets, a block, or a line with its block, drawn at
random from a seed. Cuts are found by the text alone, so that the grammars being measured do not
decide where. Files are only read.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from lsp_server.completion.exclusions import is_secret_file
from lsp_server.completion.service import Snapshot
from lsp_server.source_files import SourceError, read
from lsp_server.syntax.languages import Language, language_for
from lsp_server.syntax.tree import SyntaxTree

Shape = Literal["line", "brackets", "block", "statement"]

SHAPES: Final[tuple[Shape, ...]] = ("line", "brackets", "block")
_BRACKETS: Final = re.compile(r"\([^()\n]{3,60}\)|\[[^\[\]\n]{3,60}\]|\{[^{}\n]{3,60}\}")
_WORDS: Final = re.compile(r"\w+|[^\w\s]+")
_MOST_LINES: Final = 8
_TRIES: Final = 50


@dataclass(frozen=True, slots=True)
class RealFile:
    """A file as it is."""

    path: Path
    text: str
    language: Language | None

    @classmethod
    def open(cls, path: Path) -> RealFile:
        r"""Read a file; raises SourceError. Line breaks become ``\n``."""
        text = re.sub(r"\r\n?", "\n", read(path).text)
        return cls(path, text, language_for(None, str(path)))

    def snapshot(self, text: str, uri: str, tree: SyntaxTree | None = None) -> Snapshot:
        """The file as an open document, with another text."""
        name = "plaintext" if self.language is None else self.language.name
        return Snapshot(uri, name, 0, text, tree or SyntaxTree.parse(text, self.language))


@dataclass(frozen=True, slots=True)
class Cut:
    """A file with the text from ``start`` to ``end`` taken out."""

    file: RealFile
    shape: Shape
    start: int
    end: int

    @property
    def truth(self) -> str:
        """The text that was cut out."""
        return self.file.text[self.start : self.end]

    @property
    def text(self) -> str:
        """The text without the cut."""
        return self.file.text[: self.start] + self.file.text[self.end :]

    def snapshot(self) -> Snapshot:
        """The text without the cut as an open document; every cut is a document of its own."""
        uri = f"{self.file.path.absolute().as_uri()}?{self.start}-{self.end}"
        return self.file.snapshot(self.text, uri)

    def errors(self, text: str) -> int:
        """The number of syntax errors of ``text`` beyond those of the original file."""
        language = self.file.language
        before = SyntaxTree.parse(self.file.text, language).errors()
        return max(0, SyntaxTree.parse(text, language).errors() - before)


def default_files() -> list[Path]:
    """Files of the package: its own source, and samples in other languages."""
    package = Path(str(files("lsp_server")))
    samples = [path for path in samples_folder().iterdir() if path.is_file()]
    return sorted([*package.rglob("*.py"), *samples])


def samples_folder() -> Path:
    """Where the samples are."""
    return Path(str(files("lsp_server"))) / "bench" / "data"


def open_files(paths: Sequence[Path]) -> list[RealFile]:
    """Read files; raises SourceError for the first that cannot be read, or holds secrets."""
    for path in paths:
        if is_secret_file(path):
            raise SourceError(f"{path} is a file that holds secrets: it is never read")
    opened = [RealFile.open(path) for path in dict.fromkeys(paths)]
    return [file for file in opened if file.text.strip()]


def draw_cuts(
    opened: Sequence[RealFile],
    count: int,
    seed: int,
    shapes: Sequence[Shape] = SHAPES,
    most_lines: int = _MOST_LINES,
) -> list[Cut]:
    """Draw cuts, alternating between languages and shapes; fewer if the files have too few.

    Raises SourceError if there is nothing to cut.
    """
    chance = random.Random(seed)
    by_language: defaultdict[str, list[RealFile]] = defaultdict(list)
    for file in opened:
        by_language[file.path.suffix].append(file)
    languages = sorted(by_language)
    cuts: dict[tuple[Path, int, int], Cut] = {}
    for turn in range(count * len(shapes)):
        if len(cuts) == count:
            break
        among = by_language[languages[turn % len(languages)]]
        shape = shapes[turn // len(languages) % len(shapes)]
        for _ in range(_TRIES):
            cut = _draw(chance, chance.choice(among), shape, most_lines)
            if cut and (cut.file.path, cut.start, cut.end) not in cuts:
                cuts[cut.file.path, cut.start, cut.end] = cut
                break
    if not cuts:
        raise SourceError("there is no place to measure in these files")
    return list(cuts.values())


def _draw(chance: random.Random, file: RealFile, shape: Shape, most_lines: int) -> Cut | None:
    places = list(_places(file.text, shape, most_lines))
    if not places:
        return None
    start, end = chance.choice(places)
    if shape == "line":  # anywhere behind the first word
        words = [word.start() for word in _WORDS.finditer(file.text, start, end)][1:]
        if not words:
            return None
        start = chance.choice(words)
    return Cut(file, shape, start, end)


def _places(text: str, shape: Shape, most_lines: int) -> Iterator[tuple[int, int]]:
    if shape == "line":
        return _lines(text)
    if shape == "brackets":
        return _brackets(text)
    return _blocks(text, most_lines) if shape == "block" else _statements(text, most_lines)


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """Lines with several words, without indentation and line break."""
    for line in re.finditer(r"[^\n]+", text):
        if len(_WORDS.findall(line.group())) > 2:
            yield line.start() + len(line.group()) - len(line.group().lstrip()), line.end()


def _brackets(text: str) -> Iterator[tuple[int, int]]:
    """The text between two brackets of one line, without spaces at its ends."""
    for found in _BRACKETS.finditer(text):
        inside = found.group()[1:-1]
        if inside.strip():
            start = found.start() + 1 + len(inside) - len(inside.lstrip())
            yield start, start + len(inside.strip())


def _blocks(text: str, most: int) -> Iterator[tuple[int, int]]:
    """Blocks of up to ``most`` lines, indented more than the line before."""
    lines = _numbered(text)
    for index, (_, head) in enumerate(lines[:-1]):
        below = _deeper(lines, index)
        if head.strip() and 1 <= below - index - 1 <= most:
            yield _extent(lines[index + 1], lines[below - 1])


def _statements(text: str, most: int) -> Iterator[tuple[int, int]]:
    """A line, the more indented ones below it and a closing one: up to ``most`` lines."""
    lines = _numbered(text)
    for index, (_, head) in enumerate(lines):
        below = _deeper(lines, index)
        after = lines[below][1] if below < len(lines) else ""
        closes = after.lstrip().startswith((")", "]", "}")) and _depth(after) == _depth(head)
        below += closes and below > index + 1
        if head.strip() and below - index <= most:
            yield _extent(lines[index], lines[below - 1])


def _numbered(text: str) -> list[tuple[int, str]]:
    """The lines with where they start."""
    return [(line.start(), line.group()) for line in re.finditer(r"[^\n]*\n", text)]


def _deeper(lines: list[tuple[int, str]], index: int) -> int:
    """The first line below a line that is blank or not indented more."""
    depth, below = _depth(lines[index][1]), index + 1
    while below < len(lines) and lines[below][1].strip() and _depth(lines[below][1]) > depth:
        below += 1
    return below


def _extent(first: tuple[int, str], last: tuple[int, str]) -> tuple[int, int]:
    """From the first line's text to the end of the last line's."""
    return first[0] + _depth(first[1]), last[0] + len(last[1].rstrip())


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
