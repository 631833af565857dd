"""What samplers, caches and length strategies do where every hole has exactly one right answer.

Knows ways of decoding and counts of what they cost; the decoder and the model are those that
everything else uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import torch
from rich.table import Table

from lsp_server.bench.miniature.language import (
    KINDS,
    LONGEST,
    Kind,
    Puzzle,
    count_lengths,
    draw_puzzles,
)
from lsp_server.bench.report import Progress, new_table, ratio, share
from lsp_server.diffusion.canvas import Hole, Infill
from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.lengths import Bias, measure_bias, published_bias
from lsp_server.models.base import MASK, Canvas, Model
from lsp_server.models.registry import load
from lsp_server.settings import Sampler, Settings, Strategy

SHIPPED: Final = Path(__file__).with_name("unmask-miniature")
"""The folder of the miniature as it comes with the package."""

MOST_MASKS: Final = 2 * LONGEST
CAPTION: Final = (
    "given: the true number of masks · cached: prefix and suffix computed once per canvas, not in "
    "every forward · forwards: with those that look for a length · error: tokens too many or few"
)
_SAMPLERS: Final[tuple[Sampler, ...]] = ("threshold", "factor", "entropy", "top_k", "remask")
_STRATEGIES: Final[tuple[Strategy, ...]] = ("fixed", "prior", "search", "both", "grow")
_SAFE: Final[Sampler] = "threshold"  # the surest of those that commit several tokens
_CALIBRATED: Final = 16  # texts per kind, none of them held out, that the bias is measured on


@dataclass(frozen=True, slots=True)
class Way:
    """A way of decoding; ``given``: a hole has as many masks as its answer has tokens."""

    name: str
    settings: Settings
    given: bool


@dataclass(frozen=True, slots=True)
class Score:
    """What a way did with the holes of one kind."""

    way: str
    kind: Kind
    holes: int
    exact: int
    tokens: int  # of the right answers
    forwards: int
    right_length: int
    error: int  # tokens too many or too few, summed

    @property
    def forwards_per_hole(self) -> float:
        """Forwards, those that look for a length included."""
        return ratio(self.forwards, self.holes)


def sampler_ways() -> list[Way]:
    """Every sampler in the true number of masks; context computed anew each time, or once."""
    exact = Settings(length="fixed", refresh_every=1, min_confidence=0.0)
    ways = [Way(each, replace(exact, sampler=each), given=True) for each in _SAMPLERS]
    cached = [
        Way(f"{way.name}, cached", replace(way.settings, refresh_every=0), given=True)
        for way in ways
    ]
    return [way for pair in zip(ways, cached, strict=True) for way in pair]


def length_ways() -> list[Way]:
    """Every length strategy with a safe sampler, and the true length beside them."""
    settings = Settings(sampler=_SAFE, fixed_tokens=MOST_MASKS, min_confidence=0.0)
    ways = [Way(each, replace(settings, length=each), given=False) for each in _STRATEGIES]
    return [Way("given", replace(settings, length="fixed"), given=True), *ways]


def load_miniature(folder: Path = SHIPPED) -> Model:
    """Load the miniature as any other model is loaded. Raises ModelError."""
    return load(Settings(model=str(folder), precision="fp32", device="cpu"))


def draw_trials(count: int, seed: int) -> list[Puzzle]:
    """``count`` held-out puzzles of every kind."""
    return [
        puzzle
        for kind in KINDS
        for puzzle in islice(draw_puzzles(kind, f"trials {seed}", held_out=True), count)
    ]


def measure(
    model: Model,
    puzzles: Sequence[Puzzle],
    ways: Iterable[Way],
    progress: Progress,
    bias: Bias = published_bias,
) -> list[Score]:
    """Fill every hole in every way; a score for each way and kind."""
    scores = []
    for way in ways:
        for kind in KINDS:
            progress(f"{way.name}: {kind}")
            chosen = [puzzle for puzzle in puzzles if puzzle.kind == kind]
            answers = list(_fill(model, way, chosen, bias))
            scores.append(_score(way, kind, chosen, answers))
    return scores


def calibrate(model: Model) -> Bias:
    """The model's own bias of confidence by length, on texts that it may have been trained on."""
    encode, denoiser = model.tokenizer.encode, model.denoiser

    def look(puzzle: Puzzle, masks: int) -> float:
        canvas = Canvas(encode(puzzle.prefix), [MASK] * masks, encode(puzzle.suffix))
        logits = denoiser.denoise(canvas).logits
        if denoiser.growth is not None:
            unwanted = torch.tensor([denoiser.growth.expand, denoiser.growth.delete])
            logits = logits.index_fill(-1, unwanted, float("-inf"))
        return float(logits.softmax(-1).amax(-1).mean())

    holes = [
        (partial(look, puzzle), len(puzzle.answer))
        for kind in KINDS
        for puzzle in islice(draw_puzzles(kind, "bias", held_out=False), _CALIBRATED)
    ]
    return measure_bias(holes, range(1, MOST_MASKS + 1))


def sampler_table(scores: Sequence[Score]) -> Table:
    """Exact answers and forwards per hole, by kind."""
    return _table("Samplers, each hole with its true number of masks", scores, lengths=False)


def length_table(scores: Sequence[Score]) -> Table:
    """The same for length strategies, with the lengths that they came to."""
    return _table(f"How many masks: sampler {_SAFE}, at most {MOST_MASKS}", scores, lengths=True)


def to_json(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """The scores, with what they mean per hole."""
    return [
        {**asdict(score), "forwards_per_hole": round(score.forwards_per_hole, 3)}
        for score in scores
    ]


def _fill(model: Model, way: Way, puzzles: Iterable[Puzzle], bias: Bias) -> Iterator[Infill]:
    decoders: dict[int, Decoder] = {}
    for puzzle in puzzles:
        masks = len(puzzle.answer) if way.given else way.settings.fixed_tokens
        if masks not in decoders:
            decoders[masks] = Decoder(model, replace(way.settings, fixed_tokens=masks), bias)
        lengths = count_lengths(puzzle.kind)
        hole = Hole(puzzle.prefix, puzzle.suffix, max_tokens=MOST_MASKS, lengths=lengths)
        yield decoders[masks].infill(hole)


def _score(way: Way, kind: Kind, puzzles: Sequence[Puzzle], answers: Sequence[Infill]) -> Score:
    errors = [
        abs(len(answer.text) - len(puzzle.answer))
        for puzzle, answer in zip(puzzles, answers, strict=True)
    ]
    return Score(
        way=way.name,
        kind=kind,
        holes=len(puzzles),
        exact=sum(a.text == p.answer for p, a in zip(puzzles, answers, strict=True)),
        tokens=sum(len(puzzle.answer) for puzzle in puzzles),
        forwards=sum(answer.forwards.canvas for answer in answers),
        right_length=errors.count(0),
        error=sum(errors),
    )


def _table(title: str, scores: Sequence[Score], lengths: bool) -> Table:
    columns = ["exact", *KINDS, "forwards per hole", *KINDS]
    columns += ["right length", "error"] if lengths else []
    table = new_table(title, "way", *columns)
    for way in dict.fromkeys(score.way for score in scores):
        own = [score for score in scores if score.way == way]
        holes = sum(score.holes for score in own)
        row = [share(sum(score.exact for score in own), holes)]
        row += [f"{100 * ratio(score.exact, score.holes):.1f}%" for score in own]
        row.append(f"{ratio(sum(score.forwards for score in own), holes):.2f}")
        row += [f"{score.forwards_per_hole:.2f}" for score in own]
        if lengths:
            row.append(share(sum(score.right_length for score in own), holes))
            row.append(f"{ratio(sum(score.error for score in own), holes):.2f}")
        table.add_row(way, *row)
    return table
