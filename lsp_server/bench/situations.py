"""The situations in which a key is pressed, and the places where the benchmark does that."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from lsp_server.bench.holes import RealFile
from lsp_server.bench.keystrokes import Passage, passages
from lsp_server.bench.typist import Keystroke
from lsp_server.source_files import SourceError

COLD: Final = "cold"
WARM: Final = "warm"
THROUGH: Final = "typed through"
NEW: Final = "new place, at once"
RESTED: Final = "new place, after a rest"
BACK: Final = "back to an earlier place"
BACK_FROM: Final = "back from another document"
WITHHELD: Final = "withheld"

SITUATIONS: Final = (COLD, WARM, THROUGH, NEW, RESTED, BACK, BACK_FROM, WITHHELD)
"""``typed through``: the rest of an earlier answer. ``withheld``: refused by the gate. In all
others the model runs. ``cold``: the first time in a document. ``new place`` and ``back``: the first
time after the cursor has moved; ``after a rest``: of a second and a half at the new place.
``warm``: any other time."""

_PASSAGES: Final = 3
_FIRST: Final = (".py", ".ts", ".json", ".md", ".go")  # languages of the first places

TRIES: Final = 6
"""The most keys after the cursor has moved, until the model runs for one."""


@dataclass(slots=True)
class Score:
    """The keystrokes of one variant, or of one step of a series, by situation."""

    name: str
    keys: dict[str, list[Keystroke]] = field(
        default_factory=lambda: {situation: [] for situation in SITUATIONS}
    )

    def add(self, pressed: Sequence[Keystroke], first: str = WARM) -> None:
        """Count keys typed at one place; ``first``: the situation of the first one computed."""
        for key in pressed:
            if key.kind == "computed":
                self.keys[first].append(key)
                first = WARM
            else:
                self.keys[THROUGH if key.kind == "cached" else WITHHELD].append(key)


@dataclass(frozen=True, slots=True)
class Plan:
    """A file to type in, and the passages to type there."""

    file: RealFile
    passages: tuple[Passage, ...]

    @property
    def name(self) -> str:
        """For the report."""
        return f"{self.file.path.name}:{self.passages[0].start}"


def plan(opened: Sequence[RealFile], places: int, keys: int, seed: int) -> list[Plan]:
    """``places`` plans, alternating between languages; fewer if the files have too few.

    Files are drawn at random. Raises SourceError if there is no place to type.
    """
    by_language: dict[str, list[Plan]] = {suffix: [] for suffix in _FIRST}
    for file in random.Random(seed).sample(list(opened), len(opened)):
        chosen = passages(file, _PASSAGES, keys + 2 * TRIES, seed)
        if len(chosen) == _PASSAGES:
            by_language.setdefault(file.path.suffix, []).append(Plan(file, tuple(chosen)))
    turns = zip_longest(*by_language.values())
    plans = [each for turn in turns for each in turn if each is not None]
    if not plans:
        raise SourceError("there is no place to type in these files")
    return plans[:places]
