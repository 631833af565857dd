"""The synthetic language: puzzles, each a text with a hole that has exactly one right answer.

| kind | a text, its hole in braces | what determines the hole |
|---|---|---|
| copied | ``{bad}=7 / 2:fig / 7:bad`` | the declaration to its right: every letter at once |
| mirrored | ``(1[2{3 / {}3]2})1`` | each bracket, by the one of its depth on the other side |
| chained | ``af bc fb cd / a / {fbc}d`` | each letter by its neighbour: ``a`` links to ``f`` |

(``/`` stands for the end of a line.) All tokens of a copied or mirrored hole can be predicted in
one forward. A letter of a chain follows from its neighbours if they are known, else only from all
links before it. A hole begins a line or follows a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice, pairwise
from random import Random
from typing import Literal, get_args
from zlib import crc32

from lsp_server.diffusion.types import Lengths

Kind = Literal["copied", "mirrored", "chained"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST = 8  # characters of an answer; the shortest has one

_HELD_OUT = 16  # one text in this many is held out
_LETTERS = "abcdefghijklmnop"
_NUMBERS = "0123456789"
_BRACKETS = ("()", "[]", "{}", "<>")
_LEVELS = 8  # of nested brackets
_OTHERS = (3, 6)  # letters of a second chain, as a distraction


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A text with a hole, and the only answer."""

    kind: Kind
    prefix: str
    answer: str
    suffix: str

    @property
    def held_out(self) -> bool:
        """Whether this text is kept from training; decided by the text alone."""
        return crc32((self.prefix + self.answer + self.suffix).encode()) % _HELD_OUT == 0


def draw_puzzles(kind: Kind, seed: int | str, held_out: bool) -> Iterator[Puzzle]:
    """Endless puzzles of a kind, the same for the same seed, with answers of every length."""
    random = Random(f"{kind} {seed}")
    draw = {"copied": _draw_copied, "mirrored": _draw_mirrored, "chained": _draw_chained}[kind]
    while True:
        puzzle = draw(random)
        if puzzle.held_out == held_out:
            yield puzzle


@cache
def count_lengths(kind: Kind, count: int = 2000) -> Lengths:
    """How long answers of a kind are, counted in texts that may be trained on."""
    drawn = islice(draw_puzzles(kind, "lengths", held_out=False), count)
    lengths = [len(puzzle.answer) for puzzle in drawn]
    bounds = tuple(range(1, LONGEST + 1))
    return Lengths(bounds, tuple(lengths.count(bound) / count for bound in bounds))


def _draw_copied(random: Random) -> Puzzle:
    """A use, its number, and two declarations of names that have no letter in common."""
    letters = "".join(random.sample(_LETTERS, 2 * LONGEST))
    names = [
        letters[: random.randint(1, LONGEST)],
        letters[LONGEST : LONGEST + random.randint(1, LONGEST)],
    ]
    numbers = random.sample(_NUMBERS, 2)
    used = random.randrange(2)
    declared = "".join(f"{n}:{name}\n" for n, name in zip(numbers, names, strict=True))
    return Puzzle("copied", "", names[used], f"={numbers[used]}\n{declared}")


def _draw_mirrored(random: Random) -> Puzzle:
    """One line opens brackets, each with its depth behind it; the next closes them all."""
    missing = random.randint(1, LONGEST // 2)
    levels = random.randint(missing, _LEVELS)
    pairs = list(enumerate(random.choices(_BRACKETS, k=levels), 1))
    opening = "".join(f"{pair[0]}{depth}" for depth, pair in pairs)
    closing = "".join(f"{pair[1]}{depth}" for depth, pair in reversed(pairs))
    start = 2 * random.randint(0, levels - missing)
    end = start + 2 * missing
    if random.randrange(2):
        before, line, behind = "", opening, f"\n{closing}\n"
    else:
        before, line, behind = f"{opening}\n", closing, "\n"
    return Puzzle("mirrored", before + line[:start], line[start:end], line[end:] + behind)


def _draw_chained(random: Random) -> Puzzle:
    """Links of two chains in any order, and where one of them begins and ends."""
    length, others = random.randint(1, LONGEST), random.randint(*_OTHERS)
    letters = "".join(random.sample(_LETTERS, length + 2 + others))
    chain = letters[: length + 2]
    links = [a + b for each in (chain, letters[length + 2 :]) for a, b in pairwise(each)]
    random.shuffle(links)
    return Puzzle("chained", f"{' '.join(links)}\n{chain[0]}\n", chain[1:-1], f"{chain[-1]}\n")
