"""The situations in which a key is pressed, and the places where the benchmark does that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from lsp_server.bench.holes import RealFile
from lsp_server.bench.keystrokes import Passage, passages
from lsp_server.bench.typist import Keystroke

COLD: Final = "cold"
WARM: Final = "warm"
THROUGH: Final = "typed through"
NEW: Final = "new place, at once"
RESTED: Final = "new place, after a rest"
BACK: Final = "back to an earlier place"
BACK_FROM: Final = "back from another document"
WITHHELD: Final = "withheld"

SITUATIONS: Final = (COLD, WARM, THROUGH, NEW, RESTED, BACK, BACK_FROM, WITHHELD)
"""``cold``: the first request in a document. ``warm``: the model ran, the same place was asked for
before. ``typed through``: the rest of an earlier answer. ``withheld``: refused by the gate. Else
the first request after the cursor has moved; ``after a rest``: of a
second and a half at the new place."""

TRIES: Final = 4
"""The most keys after the cursor has moved, until a request is not withheld."""


@dataclass(slots=True)
class Score:
    """The keystrokes of one variant, or of one step of a series, by situation."""

    name: str
    keys: dict[str, list[Keystroke]] = field(
        default_factory=lambda: {situation: [] for situation in SITUATIONS}
    )

    def add(self, pressed: Sequence[Keystroke], first: str = WARM) -> None:
        """Count keys typed at one place; ``first`` is the situation of the first one answered."""
        for key in pressed:
            if key.kind == "withheld":
                self.keys[WITHHELD].append(key)
                continue
            through = key.kind == "cached" and first == WARM
            self.keys[THROUGH if through else first].append(key)
            first = WARM


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
    """``places`` plans, alternating between languages; fewer if the files have too few."""
    by_language: dict[str, list[Plan]] = {}
    for number, file in enumerate(opened):
        chosen = passages(file, 3, keys + 2 * TRIES, seed + number)
        if len(chosen) == 3:
            by_language.setdefault(file.path.suffix, []).append(Plan(file, tuple(chosen)))
    turns = max(map(len, by_language.values()), default=0)
    plans = [
        group[turn] for turn in range(turns) for group in by_language.values() if turn < len(group)
    ]
    return plans[:places]
