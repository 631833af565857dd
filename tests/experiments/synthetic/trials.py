"""Compares samplers, caches and length strategies on the synthetic language.

Uses the same decoder and loader as the language server.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from lsp_server.diffusion.length import Bias
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.types import Hole
from lsp_server.models.interfaces import Model, Tokenizer
from lsp_server.models.loader import load
from lsp_server.settings import Sampler, Settings
from tests.experiments import variants
from tests.experiments.synthetic.language import KINDS, LONGEST, count_lengths, draw_puzzles
from tests.experiments.variants import KnownHole, Variant

TRAINED: Final = Path(__file__).with_name("unmask-synthetic")
"""The folder of the model as it was trained for 12,000 steps."""

MOST_MASKS: Final = 2 * LONGEST
SAFE: Final[Sampler] = "threshold"
"""The most accurate of the samplers that commit several tokens at once."""

CAPTION: Final = (
    "given: the true number of masks · cached: prefix and suffix computed once per canvas, not in "
    "every forward · forwards: with those that look for a length · error: tokens too many or few"
)
_SAMPLERS: Final[tuple[Sampler, ...]] = ("threshold", "factor", "entropy", "top_k", "remask")
_CALIBRATED: Final = 16  # texts per kind, none of them held out, that the bias is measured on


def sampler_variants() -> list[Variant]:
    """Every sampler in the true number of masks; context computed anew each time, or once."""
    exact = Settings(length="fixed", refresh_every=1, min_confidence=0.0)
    made = [Variant(each, replace(exact, sampler=each), given=True) for each in _SAMPLERS]
    cached = [
        Variant(f"{variant.name}, cached", replace(variant.settings, refresh_every=0), given=True)
        for variant in made
    ]
    return [variant for pair in zip(made, cached, strict=True) for variant in pair]


def length_variants(bias: Bias) -> list[Variant]:
    """Every length strategy with a safe sampler, and the true length beside them."""
    settings = Settings(sampler=SAFE, fixed_tokens=MOST_MASKS, min_confidence=0.0)
    return [
        replace(variant, bias=bias) for variant in variants.length_variants(settings, growing=True)
    ]


def load_trained(folder: Path = TRAINED) -> Model:
    """Load the model as any other is loaded. Raises ModelError."""
    return load(Settings(model=str(folder), precision="fp32", device="cpu"))


def draw_trials(tokenizer: Tokenizer, count: int, seed: int | str) -> list[KnownHole]:
    """``count`` held-out puzzles of every kind."""
    return _draw(tokenizer, count, f"trials {seed}", held_out=True)


def calibrate(model: Model) -> Bias:
    """The model's own bias of confidence by length, on texts that it may have been trained on."""
    holes = _draw(model.tokenizer, _CALIBRATED, "bias", held_out=False)
    return variants.calibrate(model, holes, MOST_MASKS)


def _draw(tokenizer: Tokenizer, count: int, seed: str, held_out: bool) -> list[KnownHole]:
    known = []
    for kind in KINDS:
        for puzzle in islice(draw_puzzles(kind, seed, held_out), count):
            lengths = count_lengths(kind)
            prompt = Prompt.around(puzzle.prefix, puzzle.suffix)
            hole = Hole(prompt, max_tokens=MOST_MASKS, lengths=lengths)
            known.append(KnownHole.of(hole, puzzle.answer, tokenizer, kind))
    return known
