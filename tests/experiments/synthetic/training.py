"""Training the synthetic language's model: masked diffusion, with too few and too many masks.

Some of its texts have masks anywhere, as in the pre-training of masked diffusion models (arXiv
2502.09992). The others have a hole, some tokens of which are known, with as many masks as tokens
are missing, with fewer, or with more (DreamOn, arXiv 2602.01326). Masks stand for the missing
tokens from the left. If there are too few, each of the last ones stands for two tokens and its
target is expand; if there are too many, the target of the last ones is delete. So each mask has
exactly one right target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any, Final

import torch
from torch import Tensor

from tests.experiments import pretraining
from tests.experiments.pretraining import NOTHING, Batch, Milestone, Recipe
from tests.experiments.synthetic.checkpoint import (
    CONFIG,
    END,
    EXPAND,
    MASK,
    START,
    write_checkpoint,
)
from tests.experiments.synthetic.language import KINDS, LONGEST, Kind, Puzzle, draw_puzzles

_BATCH: Final = 64  # texts per step
_POOL: Final = 8  # steps whose texts are drawn together, so that those of one length share a batch
_MOST_MASKS: Final = 2 * LONGEST
_ANYWHERE: Final = 0.4  # share of texts with masks anywhere
_RATE: Final = 3e-3
_MATRIX_RATE: Final = 5e-3
_CHECKED: Final = 64  # held-out puzzles per kind, each time

Row = tuple[list[int], list[int]]
"""Token ids, and what each of them should be; NOTHING where that is known."""


@dataclass(frozen=True, slots=True)
class Check:
    """The training's progress, and the share of held-out puzzles of each kind solved exactly."""

    milestone: Milestone
    exact: dict[Kind, float]  # one token per forward in the true number of masks


def train(
    folder: Path, steps: int, resume: bool, report: Callable[[Check], None], seed: int = 0
) -> None:
    """Train for ``steps`` steps in all and write the model folder; the same seed, the same model.

    ``resume`` continues from the saved state.
    """
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    model = Qwen2ForCausalLM(Qwen2Config(**CONFIG))

    def save(place: Path, step: int) -> None:
        write_checkpoint(place, model.state_dict(), step)

    def tell(milestone: Milestone) -> None:
        report(Check(milestone, {kind: check(model, kind, _CHECKED) for kind in KINDS}))

    def batches(done: int) -> Iterator[Batch]:
        return map(_stack, _draw_batches(seed, done))

    pretraining.train(
        model, folder, batches, Recipe(steps, _RATE, _MATRIX_RATE), resume, save, tell
    )


def check(model: Any, kind: Kind, number: int) -> float:
    """The share of held-out puzzles that the model solves, one token per forward."""
    puzzles = list(islice(draw_puzzles(kind, "check", held_out=True), number))
    rows = [_frame(puzzle, [MASK] * len(puzzle.answer), []) for puzzle in puzzles]
    right = [_frame(puzzle, list(puzzle.answer.encode()), [])[0] for puzzle in puzzles]
    batch = _stack(rows)
    tokens = batch.tokens
    with torch.no_grad():
        while bool((masked := tokens[:, 1:] == MASK).any()):
            confidence, best = _logits(model, tokens, batch.seen)[:, :-1].softmax(-1).max(-1)
            surest = (confidence * masked).argmax(1)
            open_rows = masked.any(1).nonzero().flatten()
            tokens[open_rows, surest[open_rows] + 1] = best[open_rows, surest[open_rows]]
    solved = zip(tokens.tolist(), right, strict=True)
    return sum(1 for row, wanted in solved if row[: len(wanted)] == wanted) / number


def make_row(puzzle: Puzzle, random: Random) -> Row:
    """A training row: masks, the tokens around them, and the one right target of each mask."""
    answer = list(puzzle.answer.encode())
    if random.random() < _ANYWHERE:
        return _mask_anywhere(puzzle, random)
    share = 0.0 if random.random() < 0.3 else random.random()
    known = [random.random() < share for _ in answer]
    if all(known):
        known[random.randrange(len(known))] = False
    settled = max((index + 1 for index, each in enumerate(known) if each), default=0)
    missing = len(answer) - settled
    masks = missing
    way = random.randrange(4)
    if way == 0 and missing > 1:
        masks = random.randint(1, missing - 1)
    elif way == 1:
        masks = random.randint(missing + 1, _MOST_MASKS - settled)
    canvas = [token if each else MASK for token, each in zip(answer[:settled], known, strict=False)]
    targets = [
        NOTHING if each else token for token, each in zip(answer[:settled], known, strict=False)
    ]
    return _frame(puzzle, canvas + [MASK] * masks, targets + fit(answer[settled:], masks))


def fit(tokens: Sequence[int], masks: int) -> list[int]:
    """The target of each of ``masks`` masks if ``tokens`` are missing."""
    doubled = min(masks, len(tokens) - masks)
    if doubled > 0:
        return [*tokens[: masks - doubled], *[EXPAND] * doubled]
    return [*tokens, *[END] * (masks - len(tokens))]


def _mask_anywhere(puzzle: Puzzle, random: Random) -> Row:
    text = list((puzzle.prefix + puzzle.answer + puzzle.suffix).encode())
    share = random.uniform(0.05, 0.5)
    masked = [random.random() < share for _ in text]
    canvas = [MASK if each else token for token, each in zip(text, masked, strict=True)]
    targets = [token if each else NOTHING for token, each in zip(text, masked, strict=True)]
    return [START, *canvas, END], [NOTHING, *targets, NOTHING]


def _frame(puzzle: Puzzle, canvas: list[int], targets: list[int]) -> Row:
    before, behind = [START, *puzzle.prefix.encode()], [*puzzle.suffix.encode(), END]
    nothing = [NOTHING]
    return [*before, *canvas, *behind], nothing * len(before) + targets + nothing * len(behind)


def _stack(rows: Sequence[Row]) -> Batch:
    """Rows as one batch, as wide as the longest.

    Targets are moved to the row whose logits are theirs, the one before (Dream's shift).
    """
    longest = max(len(tokens) for tokens, _ in rows)
    stacked = torch.full((len(rows), longest), END)
    targets = torch.full((len(rows), longest), NOTHING)
    seen = torch.zeros(len(rows), 1, 1, longest, dtype=torch.bool)
    for index, (tokens, wanted) in enumerate(rows):
        stacked[index, : len(tokens)] = torch.tensor(tokens)
        if wanted:
            targets[index, : len(wanted) - 1] = torch.tensor(wanted[1:])
        seen[index, ..., : len(tokens)] = True
    return Batch(stacked, targets, seen.expand(-1, 1, longest, -1))


def _draw_batches(seed: int, done: int) -> Iterator[list[Row]]:
    """The rows of each step behind ``done``, the same however often training was interrupted."""
    for pool in count(done // _POOL):
        name = f"train {seed} {pool}"
        random = Random(name)
        sources = [draw_puzzles(kind, name, held_out=False) for kind in KINDS]
        rows = [
            make_row(next(sources[index % len(sources)]), random) for index in range(_BATCH * _POOL)
        ]
        rows.sort(key=lambda row: len(row[0]))
        batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
        random.shuffle(batches)
        yield from batches[max(0, done - pool * _POOL) :]


def _logits(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
    logits: Tensor = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
    return logits
