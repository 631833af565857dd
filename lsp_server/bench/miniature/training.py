"""Training the miniature from scratch: masked diffusion with holes that are too short or too long.

Knows the loss, the examples and the optimizer; makes a model folder of what it has learnt. Does
not know how the model is used afterwards.

Half of what it sees are texts with masks anywhere, as a masked diffusion model is pre-trained
(arXiv 2502.09992); the others are holes, some tokens of which are known, with as many masks as are
missing, with fewer, or with more (DreamOn, arXiv 2602.01326). There the masks stand for tokens
from the left. Where they are too few, each of the last ones stands for two tokens and is to be
expanded; where they are too many, the last ones are to be deleted. So each mask has exactly one
right answer, however many there are.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from lsp_server.bench.miniature.checkpoint import (
    CONFIG,
    END,
    EXPAND,
    MASK,
    START,
    write_checkpoint,
)
from lsp_server.bench.miniature.language import KINDS, LONGEST, Kind, Puzzle, draw_puzzles

_BATCH = 64  # texts per step
_POOL = 8  # steps whose texts are drawn together, so that those of one length share a batch
_MOST_MASKS = 2 * LONGEST
_ANYWHERE = 0.4  # share of texts with masks anywhere
_RATE = 3e-3  # of AdamW, for embeddings and norms
_MATRIX_RATE = 5e-3  # of Muon, for the matrices of the layers
_WARM_UP = 40  # steps of rising rates, which then fall to the end
_CHECKED = 64  # held-out puzzles per kind, each time
_EVERY = 200  # steps between two checks
_SAVED = 60.0  # seconds between two savings
_NOTHING = -100  # a row without a target

Row = tuple[list[int], list[int]]
"""Token ids, and what each of them should be; _NOTHING where that is known."""


@dataclass(frozen=True, slots=True)
class Check:
    """How training stands: the mean loss since the last check, held-out puzzles solved exactly."""

    step: int
    loss: float
    exact: dict[Kind, float]  # share, one token per forward in the true number of masks
    seconds: float


def train(
    folder: Path, steps: int, resume: bool, report: Callable[[Check], None], seed: int = 0
) -> None:
    """Train for ``steps`` steps in all and write the model folder; the same seed, the same model.

    Once a minute what has been learnt so far is written to ``folder``'s neighbour ``*.part``, which
    ``resume`` goes on from (with fresh moments of the optimizers); ``folder`` appears at the end.
    """
    part = folder.with_name(folder.name + ".part")
    torch.manual_seed(seed)
    model, done = _build(), 0
    if resume and (part / "model.safetensors").is_file():
        done = _restore(model, part / "model.safetensors")
    optimizers = _optimizers(model)
    started = saved = time.monotonic()
    losses: list[float] = []
    for step, rows in enumerate(islice(_batches(seed, done), max(0, steps - done)), done + 1):
        rate = min(1.0, (step - done) / _WARM_UP) * (steps - step + 1) / steps
        losses.append(_learn(model, optimizers, rows, rate))
        if step % _EVERY == 0 or step == steps:
            exact = {kind: check(model, kind, _CHECKED) for kind in KINDS}
            loss = sum(losses) / len(losses)
            report(Check(step, loss, exact, time.monotonic() - started))
            losses.clear()
        if time.monotonic() - saved > _SAVED:
            write_checkpoint(part, model.state_dict(), step)
            saved = time.monotonic()
    write_checkpoint(part, model.state_dict(), max(steps, done))
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)


def check(model: Any, kind: Kind, number: int) -> float:
    """The share of held-out puzzles that the model solves, one token per forward."""
    puzzles = list(islice(draw_puzzles(kind, "check", held_out=True), number))
    rows = [_frame(puzzle, [MASK] * len(puzzle.answer), []) for puzzle in puzzles]
    right = [_frame(puzzle, list(puzzle.answer.encode()), [])[0] for puzzle in puzzles]
    tokens, _, mask = _stack(rows)
    with torch.no_grad():
        while bool((masked := tokens[:, 1:] == MASK).any()):
            confidence, best = _logits(model, tokens, mask)[:, :-1].softmax(-1).max(-1)
            surest = (confidence * masked).argmax(1)
            open_rows = masked.any(1).nonzero().flatten()
            tokens[open_rows, surest[open_rows] + 1] = best[open_rows, surest[open_rows]]
    solved = zip(tokens.tolist(), right, strict=True)
    return sum(1 for row, wanted in solved if row[: len(wanted)] == wanted) / number


def make_row(puzzle: Puzzle, random: Random) -> Row:
    """A training row: masks, what stands around them, and the one right answer for each."""
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
        _NOTHING if each else token for token, each in zip(answer[:settled], known, strict=False)
    ]
    return _frame(puzzle, canvas + [MASK] * masks, targets + fit(answer[settled:], masks))


def fit(tokens: Sequence[int], masks: int) -> list[int]:
    """What each of ``masks`` masks stands for, where ``tokens`` are missing."""
    doubled = min(masks, len(tokens) - masks)
    if doubled > 0:
        return [*tokens[: masks - doubled], *[EXPAND] * doubled]
    return [*tokens, *[END] * (masks - len(tokens))]


def _mask_anywhere(puzzle: Puzzle, random: Random) -> Row:
    text = list((puzzle.prefix + puzzle.answer + puzzle.suffix).encode())
    share = random.uniform(0.05, 0.5)
    masked = [random.random() < share for _ in text]
    canvas = [MASK if each else token for token, each in zip(text, masked, strict=True)]
    targets = [token if each else _NOTHING for token, each in zip(text, masked, strict=True)]
    return [START, *canvas, END], [_NOTHING, *targets, _NOTHING]


def _frame(puzzle: Puzzle, canvas: list[int], targets: list[int]) -> Row:
    before, behind = [START, *puzzle.prefix.encode()], [*puzzle.suffix.encode(), END]
    nothing = [_NOTHING]
    return [*before, *canvas, *behind], nothing * len(before) + targets + nothing * len(behind)


def _stack(rows: Sequence[Row]) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens and targets, both (rows, longest), and which tokens each token sees.

    Targets are moved to the row whose logits are theirs, the one before (Dream's shift).
    """
    longest = max(len(tokens) for tokens, _ in rows)
    stacked = torch.full((len(rows), longest), END)
    targets = torch.full((len(rows), longest), _NOTHING)
    seen = torch.zeros(len(rows), 1, 1, longest, dtype=torch.bool)
    for index, (tokens, wanted) in enumerate(rows):
        stacked[index, : len(tokens)] = torch.tensor(tokens)
        if wanted:
            targets[index, : len(wanted) - 1] = torch.tensor(wanted[1:])
        seen[index, ..., : len(tokens)] = True
    return stacked, targets, seen.expand(-1, 1, longest, -1)


def _batches(seed: int, done: int) -> Iterator[list[Row]]:
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


def _learn(
    model: Any, optimizers: Sequence[torch.optim.Optimizer], rows: Sequence[Row], rate: float
) -> float:
    """One step; its loss, the mean over masks."""
    tokens, targets, mask = _stack(rows)
    wanted = targets != _NOTHING
    states = model.model(input_ids=tokens, attention_mask=mask, use_cache=False).last_hidden_state
    loss = functional.cross_entropy(model.lm_head(states[wanted]), targets[wanted])
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["full_rate"] * rate
        optimizer.step()
    return float(loss.item())


def _logits(model: Any, tokens: Tensor, mask: Tensor) -> Tensor:
    logits: Tensor = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
    return logits


def _build() -> Any:
    """A new model; with a mask of four dimensions, transformers' Qwen2 sees both sides."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(Qwen2Config(**CONFIG))


def _optimizers(model: Any) -> list[torch.optim.Optimizer]:
    matrices = [p for name, p in model.named_parameters() if "layers" in name and p.ndim == 2]
    others = [p for name, p in model.named_parameters() if "layers" not in name or p.ndim != 2]
    muon = torch.optim.Muon(
        matrices, lr=_MATRIX_RATE, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"
    )
    adam = torch.optim.AdamW(others, lr=_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    for optimizer in (muon, adam):
        for group in optimizer.param_groups:
            group["full_rate"] = group["lr"]
    return [muon, adam]


def _restore(model: Any, file: Path) -> int:
    """Bring back what was saved; the steps done until then."""
    model.load_state_dict(load_file(file))
    with safe_open(file, "pt") as opened:
        return int(opened.metadata()["steps"])
