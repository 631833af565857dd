"""Trains the denoiser to predict the base's greedy tokens.

A canvas starts at a token of a context. The targets of its masks are the base's greedy tokens, up
to the first place where the text differs from them: beyond that, the base would have read another
text. Each mask is trained twice: on its own, and given the token before it, as in drafting. Starts
with long runs of valid targets are drawn more often, because they teach more and a denoiser saves
most there. Starts where prompt lookup finds a match are mostly left out, because no canvas is run
there in use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn import functional

from lsp_server.models.embedded import download
from lsp_server.models.embedded.files import tokenizer_file
from lsp_server.models.embedded.gguf import Checkpoint
from lsp_server.models.embedded.spec import SPEC
from lsp_server.models.embedded.torch_network import read_base
from lsp_server.models.embedded.transformer import Qwen2
from lsp_server.models.embedded.weights import DenseWeights
from lsp_server.models.interfaces import Tokenizer
from lsp_server.models.precision import measured
from lsp_server.models.quantization import Linear
from lsp_server.models.tokenizers import EmbeddedTokenizer
from lsp_server.source_files import SourceError
from lsp_server.training.adapter import Adapter, parameters
from lsp_server.training.contexts import (
    LONGEST,
    TRIES,
    Context,
    begin,
    draw_prompt,
    draw_sequence,
    read,
)
from lsp_server.training.continuations import write

_CANVASES: Final = 128  # in one context
_LEAST: Final = 8
_WRITTEN: Final = 0.7  # share of contexts that the base writes itself
_TOGETHER: Final = 32  # contexts that it writes in one batch
_PROMPT: Final = 160  # tokens of the prompts that it continues
_AHEAD: Final = 12  # tokens of a prefix before its first canvas
_REFUSED: Final = 0.3  # share of places kept where the text differs from the base's token
_REPEATED: Final = 0.1  # share of places kept where prompt lookup makes the drafts
_FADING: Final = 0.85  # weight of a mask's loss relative to the mask before it
_ALONE: Final = 0.3  # weight of the loss without coupling, by which candidates are chosen
_WARM_UP: Final = 40
_REPORTED: Final = 100  # steps between two reports
_SAVED: Final = 120.0  # seconds between two savings
_APART: Final = 64  # one text in this many is held out
_CHECKED: Final = 8  # contexts of texts kept apart, each time


@dataclass(frozen=True, slots=True)
class Check:
    """The quality of the adapter on held-out texts.

    ``accepted``: mean number of leading drafts that are right, of ``possible``; ``right``: share
    of canvases whose first, second, third draft is right, among those with a target there.
    """

    step: int
    seconds: float
    loss: float
    accepted: float
    possible: float
    right: tuple[float, ...]

    def __str__(self) -> str:
        right = "/".join(f"{100 * share:.0f}" for share in self.right)
        return (
            f"step {self.step:,}, {self.seconds:.0f} s: loss {self.loss:.3f}; held out: "
            f"{self.accepted:.2f} of {self.possible:.2f} drafts in a row, {right}% right"
        )


@dataclass(frozen=True, slots=True)
class Task:
    """Canvases of a context, and their targets as entries of the reduced head."""

    context: Context
    starts: Tensor  # (canvases,): places of the pending tokens
    before: Tensor  # (canvases, masks): the target of the position before each mask
    wanted: Tensor  # (canvases, masks): the targets, -1 for none


class Trainer:
    """Trains an adapter on the base."""

    def __init__(self, model: Qwen2, adapter: Adapter, head: Linear, tokenizer: Tokenizer) -> None:
        self.model, self.adapter = model, adapter
        self._head, self._tokenizer = head, tokenizer
        self._rows = model.embed(adapter.vocab.tolist())  # of the entries
        self._entries = torch.full((model.shape.vocabulary,), -1)
        self._entries[adapter.vocab] = torch.arange(len(adapter.vocab))
        self._written: list[list[int]] = []  # contexts not used yet

    @classmethod
    def open(cls, file: Path) -> Trainer:
        """The embedded base, and an adapter's file to go on from; takes seconds and 4 GB.

        Raises ModelError where the base is not on this machine.
        """
        timings = measured()
        dtype = torch.bfloat16 if timings["bf16"] < timings["fp32"] else torch.float32
        store = DenseWeights(Checkpoint(download.require(), file), dtype, torch.device("cpu"))
        tokenizer, base = EmbeddedTokenizer(tokenizer_file()), read_base(store)
        adapter = Adapter.load(file, base.shape)
        return cls(base, adapter, store.linear("canvas.head"), tokenizer)

    def draw(self, texts: Sequence[str], chance: Random) -> Task:
        """Draw a context from one of the texts, and canvases in it.

        Raises SourceError if the texts yield no canvases.
        """
        for _ in range(TRIES):
            task = self._set(draw_sequence(texts, self._tokenizer, chance), chance)
            if task is not None:
                return task
        raise SourceError("the base would write nothing of the code in these folders")

    def draw_written(self, texts: Sequence[str], chance: Random) -> Task:
        """Draw a context that the base has continued from a prompt, and canvases in it.

        Raises SourceError if these yield no canvases.
        """
        for _ in range(TRIES):
            if not self._written:
                prompts = [
                    draw_prompt(texts, self._tokenizer, _PROMPT, chance) for _ in range(_TOGETHER)
                ]
                count = LONGEST - _PROMPT
                self._written = write(self.model, prompts, count, self._tokenizer.ends)
            task = self._set(self._written.pop(), chance)
            if task is not None:
                return task
        raise SourceError("the base goes on from nothing in these folders")

    def _set(self, sequence: Sequence[int], chance: Random) -> Task | None:
        """Canvases in a sequence, or None if there are too few with targets."""
        context = read(self.model, sequence)
        follows = count_following(context)
        starts = choose_starts(follows, sequence, begin(sequence), chance)
        places = starts[:, None] + torch.arange(len(self.adapter.mask))
        valid = places - starts[:, None] <= follows[starts + 1, None]
        greedy = context.greedy[places.clamp(max=len(sequence) - 1)]
        wanted = torch.where(valid, self._entries[greedy], -1)
        if len(starts) < _LEAST or not bool((wanted >= 0).any()):
            return None
        before = torch.cat([context.tokens[starts, None], greedy[:, :-1]], 1)
        return Task(context, starts, before, wanted)

    def logits(self, task: Task) -> tuple[Tensor, Tensor]:
        """The logits of masks with a target: without and with coupling to the token before.

        Both (masks, entries), fp32.
        """
        said = task.wanted >= 0
        states = self.adapter(self.model, task.context, task.starts)[said]
        alone = self._head(states).float()
        added = self.adapter.coupling(states, self.model.embed(task.before[said].tolist()))
        return alone, alone + functional.linear(added.to(self._rows.dtype), self._rows).float()


def train(
    trainer: Trainer,
    file: Path,
    texts: Sequence[str],
    steps: int,
    rate: float,
    done: int,
    report: Callable[[Check], None],
) -> None:
    """Train for ``steps`` steps in all, of which ``done`` are done; writes ``file``.

    Every two minutes the adapter is saved beside ``file`` as ``*.part``. Raises SourceError if the
    texts yield too few canvases.
    """
    part = file.with_name(file.name + ".part")
    adapter = trainer.adapter
    apart, rest = texts[::_APART], [text for i, text in enumerate(texts) if i % _APART]
    optimizer = torch.optim.AdamW(parameters(adapter, rate), betas=(0.9, 0.98), weight_decay=0.0)
    started = saved = time.monotonic()
    losses: list[float] = []
    for step in range(done + 1, steps + 1):
        share = min(1.0, (step - done) / _WARM_UP) * (steps - step + 1) / steps
        chance = Random(f"train {step}")
        draw = trainer.draw_written if chance.random() < _WRITTEN else trainer.draw
        losses.append(_learn(trainer, draw(rest, chance), optimizer, share))
        if step % _REPORTED == 0 or step == steps:
            loss = sum(losses) / len(losses)
            report(check(trainer, apart, step, time.monotonic() - started, loss))
            losses.clear()
        if time.monotonic() - saved > _SAVED:
            adapter.save(part, step)
            saved = time.monotonic()
    adapter.save(part, max(steps, done))
    part.replace(file)


def saved_steps(file: Path) -> int:
    """The number of steps after which an adapter was saved."""
    with safe_open(file, "pt") as opened:
        return int((opened.metadata() or {}).get("steps", 0))


def count_following(context: Context) -> Tensor:
    """For each position, how many tokens from there on equal the base's greedy tokens.

    (tokens + masks,), zeros at the end; the end of the text counts as a difference.
    """
    tokens, greedy = context.tokens.tolist(), context.greedy.tolist()
    follows = [0] * (len(tokens) + 2)
    for place in range(len(tokens) - 1, 0, -1):
        agreed = tokens[place] == greedy[place - 1] and tokens[place] != SPEC.end_of_text
        follows[place] = follows[place + 1] + 1 if agreed else 0
    return torch.tensor(follows)


def choose_starts(follows: Tensor, sequence: Sequence[int], first: int, chance: Random) -> Tensor:
    """Draw positions of pending tokens in a context whose prefix begins at ``first``, sorted."""
    last = len(follows) - 3
    pairs = list(pairwise(sequence))
    seen = set(pairs[: first + _AHEAD - 1])
    repeated = set()
    for place in range(first + _AHEAD, last):
        if pairs[place - 1] in seen:
            repeated.add(place)
        seen.add(pairs[place - 1])
    places = [
        place
        for place in range(first + _AHEAD, last)
        if (follows[place] or chance.random() < _REFUSED)
        and (place not in repeated or chance.random() < _REPEATED)
    ]
    # By Efraimidis and Spirakis' keys: without replacement, in proportion to the weights.
    keyed = sorted(
        places,
        key=lambda place: chance.random() ** (1 / (0.5 + min(int(follows[place + 1]), 5))),
        reverse=True,
    )
    return torch.tensor(sorted(keyed[:_CANVASES]), dtype=torch.long)


@torch.no_grad()
def check(trainer: Trainer, texts: Sequence[str], step: int, seconds: float, loss: float) -> Check:
    """Evaluate the adapter on contexts of held-out texts, always the same."""
    accepted = possible = canvases = 0
    hits, chances = [0, 0, 0], [0, 0, 0]
    for number in range(_CHECKED):
        task = trainer.draw(texts, Random(f"check {number}"))
        valid = task.wanted >= 0
        right = torch.zeros_like(valid)
        _, coupled = trainer.logits(task)
        right[valid] = coupled.argmax(-1) == task.wanted[valid]
        canvases += len(right)
        accepted += int(right.int().cumprod(1).sum())
        possible += int(valid.int().cumprod(1).sum())
        for index in range(3):
            hits[index] += int(right[:, index].sum())
            chances[index] += int(valid[:, index].sum())
    shares = tuple(hit / max(1, chance) for hit, chance in zip(hits, chances, strict=True))
    return Check(step, seconds, loss, accepted / canvases, possible / canvases, shares)


def _learn(trainer: Trainer, task: Task, optimizer: torch.optim.Optimizer, share: float) -> float:
    """Run one optimizer step; returns its loss."""
    wanted = task.wanted[task.wanted >= 0]
    weights = (_FADING ** torch.arange(task.wanted.shape[1]).float()).expand_as(task.wanted)
    weights = weights[task.wanted >= 0]
    alone, coupled = [
        (functional.cross_entropy(logits, wanted, reduction="none") * weights).sum() / weights.sum()
        for logits in trainer.logits(task)
    ]
    optimizer.zero_grad()
    (coupled + _ALONE * alone).backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(trainer.adapter.parameters(), 1.0)
    for group in optimizer.param_groups:
        group["lr"] = group["full_rate"] * share
    optimizer.step()
    return float(coupled.item())
