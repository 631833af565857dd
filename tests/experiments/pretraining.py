"""Training a small model from scratch: a training loop that can be resumed.

Batches and the files of a model folder come from ``synthetic`` and ``code_model``.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from lsp_server.models.storage import replacing

NOTHING: Final = -100
"""The target of a position without a loss."""

_WEIGHTS: Final = "model.safetensors"
_WARM_UP: Final = 40  # steps of rising rates, which then fall to the end
_REPORTED: Final = 200  # steps between two reports
_SAVED: Final = 60.0  # seconds between two savings


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's texts: tokens and targets, both (texts, positions), and the attention mask.

    ``targets``: NOTHING for positions without a loss. ``seen``: (texts, 1, positions, positions).
    """

    tokens: Tensor
    targets: Tensor
    seen: Tensor


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained."""

    steps: int
    rate: float  # of AdamW, for embeddings and norms
    matrix_rate: float  # of Muon, for the matrices of the layers
    half: bool = False  # products in bf16


@dataclass(frozen=True, slots=True)
class Milestone:
    """The training's progress: steps, the mean loss since the last report, seconds."""

    step: int
    loss: float
    seconds: float

    def __str__(self) -> str:
        return f"step {self.step:,}, {self.seconds:.0f} s: loss {self.loss:.3f}"


def train(
    model: Any,
    folder: Path,
    batches: Callable[[int], Iterable[Batch]],
    recipe: Recipe,
    resume: bool,
    save: Callable[[Path, int], None],
    report: Callable[[Milestone], None],
) -> None:
    """Train a causal backbone with explicit attention masks; writes its folder at the end.

    ``batches`` yields the batches after a number of steps done. ``save`` writes a model folder
    with ``write_folder``. Once a minute the weights are saved beside ``folder`` as ``*.part``, from
    which ``resume`` continues, with new optimizer states.
    """
    part, done = folder.with_name(folder.name + ".part"), 0
    if resume and (part / _WEIGHTS).is_file():
        done = _restore(model, part / _WEIGHTS)
    optimizers = _optimizers(model, recipe)
    started = saved = time.monotonic()
    losses: list[float] = []
    for step, batch in _numbered(batches(done), done, recipe.steps):
        rate = min(1.0, (step - done) / _WARM_UP) * (recipe.steps - step + 1) / recipe.steps
        losses.append(_learn(model, optimizers, batch, rate, recipe.half))
        if step % _REPORTED == 0 or step == recipe.steps:
            report(Milestone(step, fmean(losses), time.monotonic() - started))
            losses.clear()
        if time.monotonic() - saved > _SAVED:
            save(part, step)
            saved = time.monotonic()
    save(part, max(recipe.steps, done))
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)


def write_folder(
    folder: Path, files: Mapping[str, Any], tensors: Mapping[str, Tensor], steps: int
) -> None:
    """Write a model folder in fp16, each file atomically.

    ``files``: text, or what becomes JSON. The weights come last, so that a folder that has them has
    everything.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else _to_json(content)
        with replacing(folder / name) as temporary:
            temporary.write_text(text, "utf-8")
    halves = {name: tensor.detach().to(torch.float16) for name, tensor in tensors.items()}
    with replacing(folder / _WEIGHTS) as temporary:
        save_file(halves, temporary, {"format": "pt", "steps": str(steps)})


def _to_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _numbered(batches: Iterable[Batch], done: int, steps: int) -> Iterator[tuple[int, Batch]]:
    """Batches by the steps that they are for."""
    return zip(range(done + 1, steps + 1), batches, strict=False)


def _learn(
    model: Any,
    optimizers: Sequence[torch.optim.Optimizer],
    batch: Batch,
    rate: float,
    half: bool,
) -> float:
    """One step; its loss, the mean over what is to be learnt."""
    wanted = batch.targets != NOTHING
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        states = model.model(
            input_ids=batch.tokens, attention_mask=batch.seen, use_cache=False
        ).last_hidden_state
        logits = model.lm_head(states[wanted])
    loss = functional.cross_entropy(logits.float(), batch.targets[wanted])
    model.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["full_rate"] * rate
        optimizer.step()
    return float(loss.item())


def _optimizers(model: Any, recipe: Recipe) -> list[torch.optim.Optimizer]:
    matrices = [p for name, p in model.named_parameters() if "layers" in name and p.ndim == 2]
    others = [p for name, p in model.named_parameters() if "layers" not in name or p.ndim != 2]
    muon = torch.optim.Muon(
        matrices, lr=recipe.matrix_rate, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"
    )
    adam = torch.optim.AdamW(others, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=0.0)
    for optimizer in (muon, adam):
        for group in optimizer.param_groups:
            group["full_rate"] = group["lr"]
    return [muon, adam]


def _restore(model: Any, file: Path) -> int:
    """Bring back what was saved; the steps done until then."""
    model.load_state_dict(load_file(file), strict=False)  # a tied head is not saved
    with safe_open(file, "pt") as opened:
        return int(opened.metadata()["steps"])
