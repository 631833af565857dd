"""Training the code model: masked diffusion over windows of code, with holes as later asked for.

A third of the windows have masks anywhere, as in the pre-training of masked diffusion models (arXiv
2502.09992). The others have holes: the rest of a line, or some consecutive tokens over up to a few
lines, masked in whole or in part. A hole always has as many masks as tokens are missing: as for the
published models of this kind, training never shows a wrong number of masks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

import torch
from tokenizers import Tokenizer
from torch import Tensor

from lsp_server.models.precision import measured
from lsp_server.source_files import SourceError
from tests.experiments import pretraining
from tests.experiments.code_model.checkpoint import CONFIG, TOKENIZER, write_checkpoint
from tests.experiments.code_model.corpus import MASK, tokenize, train_tokenizer
from tests.experiments.pretraining import NOTHING, Batch, Milestone, Recipe

LONGEST: Final = 32
"""Tokens of a hole, at most."""

_WINDOW: Final = CONFIG["max_position_embeddings"]  # tokens of a text
_BATCH: Final = 32  # texts per step
_ANYWHERE: Final = 0.33  # share of texts with masks anywhere
_APART: Final = 64  # one file in this many is held out
_CHECKED: Final = 512  # holes, each time
_RATE: Final = 3e-3
_MATRIX_RATE: Final = 3e-3


@dataclass(frozen=True, slots=True)
class Check:
    """The training's progress, and the share of held-out tokens predicted right in one forward."""

    milestone: Milestone
    right: float


@dataclass(frozen=True, slots=True)
class Corpus:
    """Tokens in a row, those of files kept apart, and which tokens end a line."""

    tokenizer: Tokenizer
    tokens: Tensor
    apart: Tensor
    breaks: Tensor  # (entries,) of bool

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer: Tokenizer | None) -> Corpus:
        """Tokenize texts, by a tokenizer made from them unless there is one."""
        chosen = list(texts)
        Random("order").shuffle(chosen)
        tokenizer = tokenizer or train_tokenizer(chosen, CONFIG["vocab_size"])
        pieces = sorted(tokenizer.get_vocab().items(), key=lambda piece: piece[1])
        breaks = torch.tensor(["Ċ" in piece for piece, _ in pieces])
        rest = [text for index, text in enumerate(chosen) if index % _APART]
        apart = tokenize(chosen[::_APART], tokenizer)
        return cls(tokenizer, tokenize(rest, tokenizer), apart, breaks)


def train(
    folder: Path,
    texts: Sequence[str],
    steps: int,
    resume: bool,
    report: Callable[[Check], None],
    seed: int = 0,
) -> None:
    """Train for ``steps`` steps in all and write the model folder.

    ``resume`` continues from the saved state and tokenizer; the texts must be the same. Raises
    SourceError when there is too little to learn from.
    """
    from transformers import Qwen3Config, Qwen3ForCausalLM

    saved = folder.with_name(folder.name + ".part") / TOKENIZER
    known = Tokenizer.from_file(str(saved)) if resume and saved.is_file() else None
    corpus = Corpus.of(texts, known)
    if min(len(corpus.tokens), len(corpus.apart)) <= _WINDOW:
        raise SourceError("there is too little code in these folders to learn from")
    mask: Any = corpus.tokenizer.token_to_id(MASK)  # it has one
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(Qwen3Config(**CONFIG))
    holes = _check_batch(corpus, mask)

    def save(place: Path, step: int) -> None:
        write_checkpoint(place, model.state_dict(), corpus.tokenizer, step)

    def tell(milestone: Milestone) -> None:
        report(Check(milestone, _count_right(model, holes)))

    def batches(done: int) -> Iterator[Batch]:
        return (_draw_batch(corpus, mask, Random(f"train {seed} {step}")) for step in count(done))

    timings = measured()
    recipe = Recipe(steps, _RATE, _MATRIX_RATE, half=timings["bf16"] < timings["fp32"])
    pretraining.train(model, folder, batches, recipe, resume, save, tell)


def mask_window(breaks: Sequence[bool], chance: Random) -> list[bool]:
    """Which tokens of a window are masked; ``breaks``: which of them end a line."""
    if chance.random() < _ANYWHERE:
        share = chance.uniform(0.05, 0.6)
        return [chance.random() < share for _ in breaks]
    masked = [False] * len(breaks)
    for _ in range(chance.randint(2, 10)):
        start, end = _draw_hole(breaks, chance)
        share = 1.0 if chance.random() < 0.5 else chance.random()
        for place in range(start, end):
            masked[place] = chance.random() < share
    return masked


def _draw_hole(breaks: Sequence[bool], chance: Random) -> tuple[int, int]:
    """The rest of a line, or some tokens in a row, up to LONGEST."""
    start = chance.randrange(len(breaks))
    if chance.random() < 0.5:
        end = next((at for at in range(start, len(breaks)) if breaks[at]), len(breaks))
        end = max(end, start + 1)
    else:
        end = start + min(int(chance.expovariate(1 / 8)) + 1, LONGEST)
    return start, min(end, start + LONGEST, len(breaks))


def _draw_batch(corpus: Corpus, mask: int, chance: Random) -> Batch:
    """Windows from anywhere in the corpus, some of their tokens masked."""
    windows, masked = [], []
    for _ in range(_BATCH):
        start = chance.randrange(len(corpus.tokens) - _WINDOW)
        window = corpus.tokens[start : start + _WINDOW].long()
        windows.append(window)
        masked.append(mask_window(corpus.breaks[window].tolist(), chance))
    return _hide(torch.stack(windows), torch.tensor(masked), mask)


def _check_batch(corpus: Corpus, mask: int) -> Batch:
    """Windows of files kept apart with a hole in the middle, all of it masked."""
    chance = Random("check")
    windows, masked = [], []
    for _ in range(_CHECKED):
        start = chance.randrange(len(corpus.apart) - _WINDOW)
        window = corpus.apart[start : start + _WINDOW].long()
        hidden = torch.zeros(len(window), dtype=torch.bool)
        breaks = corpus.breaks[window].tolist()
        first = len(window) // 2
        begin, end = _draw_hole(breaks[first : first + 2 * LONGEST], chance)
        hidden[first + begin : first + end] = True
        windows.append(window)
        masked.append(hidden)
    return _hide(torch.stack(windows), torch.stack(masked), mask)


def _hide(windows: Tensor, masked: Tensor, mask: int) -> Batch:
    seen = torch.ones(len(windows), 1, 1, windows.shape[1], dtype=torch.bool)
    return Batch(
        windows.masked_fill(masked, mask),
        windows.masked_fill(~masked, NOTHING),
        seen.expand(-1, 1, windows.shape[1], -1),
    )


@torch.no_grad()
def _count_right(model: Any, batch: Batch) -> float:
    """The share of masks whose best token is the right one."""
    right = total = 0
    for start in range(0, len(batch.tokens), _BATCH):
        part = slice(start, start + _BATCH)
        wanted = batch.targets[part] != NOTHING
        states = model.model(
            input_ids=batch.tokens[part], attention_mask=batch.seen[part], use_cache=False
        ).last_hidden_state
        best = model.lm_head(states[wanted]).argmax(-1)
        right += int((best == batch.targets[part][wanted]).sum())
        total += int(wanted.sum())
    return right / max(1, total)
