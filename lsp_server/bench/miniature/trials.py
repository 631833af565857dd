"""What samplers, caches and length strategies do where every hole has exactly one right answer.

Knows the miniature, its puzzles, and what is to be compared on them; the decoder and the model are
those that everything else uses.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from lsp_server.bench import ways
from lsp_server.bench.miniature.language import KINDS, LONGEST, count_lengths, draw_puzzles
from lsp_server.bench.ways import Known, Way
from lsp_server.diffusion.length import Bias
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.types import Hole
from lsp_server.models.interfaces import Model, Tokenizer
from lsp_server.models.loader import load
from lsp_server.settings import Sampler, Settings

SHIPPED: Final = Path(__file__).with_name("unmask-miniature")
"""The folder of the miniature as it comes with the package."""

MOST_MASKS: Final = 2 * LONGEST
SAFE: Final[Sampler] = "threshold"
"""The surest of the samplers that commit several tokens."""

CAPTION: Final = (
    "given: the true number of masks · cached: prefix and suffix computed once per canvas, not in "
    "every forward · forwards: with those that look for a length · error: tokens too many or few"
)
_SAMPLERS: Final[tuple[Sampler, ...]] = ("threshold", "factor", "entropy", "top_k", "remask")
_CALIBRATED: Final = 16  # texts per kind, none of them held out, that the bias is measured on


def sampler_ways() -> list[Way]:
    """Every sampler in the true number of masks; context computed anew each time, or once."""
    exact = Settings(length="fixed", refresh_every=1, min_confidence=0.0)
    made = [Way(each, replace(exact, sampler=each), given=True) for each in _SAMPLERS]
    cached = [
        Way(f"{way.name}, cached", replace(way.settings, refresh_every=0), given=True)
        for way in made
    ]
    return [way for pair in zip(made, cached, strict=True) for way in pair]


def length_ways(bias: Bias) -> list[Way]:
    """Every length strategy with a safe sampler, and the true length beside them."""
    settings = Settings(sampler=SAFE, fixed_tokens=MOST_MASKS, min_confidence=0.0)
    return [replace(way, bias=bias) for way in ways.length_ways(settings, growing=True)]


def load_miniature(folder: Path = SHIPPED) -> Model:
    """Load the miniature as any other model is loaded. Raises ModelError."""
    return load(Settings(model=str(folder), precision="fp32", device="cpu"))


def draw_trials(tokenizer: Tokenizer, count: int, seed: int | str) -> list[Known]:
    """``count`` held-out puzzles of every kind."""
    return _draw(tokenizer, count, f"trials {seed}", held_out=True)


def calibrate(model: Model) -> Bias:
    """The model's own bias of confidence by length, on texts that it may have been trained on."""
    holes = _draw(model.tokenizer, _CALIBRATED, "bias", held_out=False)
    return ways.calibrate(model, holes, MOST_MASKS)


def _draw(tokenizer: Tokenizer, count: int, seed: str, held_out: bool) -> list[Known]:
    known = []
    for kind in KINDS:
        for puzzle in islice(draw_puzzles(kind, seed, held_out), count):
            lengths = count_lengths(kind)
            hole = Hole(
                Prompt.around(puzzle.prefix, puzzle.suffix), max_tokens=MOST_MASKS, lengths=lengths
            )
            known.append(Known.of(hole, puzzle.answer, tokenizer, kind))
    return known
