"""Training the denoiser: it learns on what it is later run with, and what it learns is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from lsp_server.models.embedded.gguf import Checkpoint
from lsp_server.models.embedded.model import CanvasDenoiser, CausalBase
from lsp_server.models.embedded.spec import SPEC, Shape
from lsp_server.models.embedded.torch_network import TorchNetwork
from lsp_server.models.embedded.weights import DenseWeights
from lsp_server.models.interfaces import MASK, PromptTokens
from lsp_server.source_files import SourceError
from lsp_server.training import trainer
from lsp_server.training.adapter import Adapter, Layer
from lsp_server.training.contexts import LONGEST, begin, draw_sequence, read
from lsp_server.training.continuations import write
from lsp_server.training.trainer import Trainer, choose_starts, count_following, train

SHAPE = Shape(18, 16, 4, 2, 4, 24, 151936, 1e-6, 1e6, 512)
MASKS, RANK, ENTRIES, COUPLED = 3, 2, 700, 5
TEXTS = [f"def area{n}(width, height):\n    return width * height + {n}\n" * 9 for n in range(130)]


class RandomCheckpoint(Checkpoint):
    """A base of random numbers, and an adapter on it."""

    def __init__(self, adapter: Path) -> None:
        self.shape = SHAPE
        self._adapter = load_file(adapter)

    def _read(self, name: str) -> Tensor:
        shape, fused = SHAPE, SHAPE.heads * SHAPE.head_width
        narrow = shape.key_heads * shape.head_width
        sizes = {
            "token_embd.weight": (shape.vocabulary, shape.width),
            "output.weight": (shape.vocabulary, shape.width),
            "attn_q.weight": (fused, shape.width),
            "attn_q.bias": (fused,),
            "attn_k.weight": (narrow, shape.width),
            "attn_k.bias": (narrow,),
            "attn_v.weight": (narrow, shape.width),
            "attn_v.bias": (narrow,),
            "attn_output.weight": (shape.width, fused),
            "ffn_gate.weight": (shape.inner, shape.width),
            "ffn_up.weight": (shape.inner, shape.width),
            "ffn_down.weight": (shape.width, shape.inner),
        }
        generator = torch.Generator().manual_seed(sum(name.encode()))
        if name.endswith("norm.weight"):
            return 1 + 0.1 * torch.randn(shape.width, generator=generator)
        size = sizes[name.split(".", 2)[-1] if name.startswith("blk.") else name]
        values = 0.3 * torch.randn(size, generator=generator)
        if name == "output.weight":
            values[ENTRIES:] = 0.0  # nearly all that this base writes has an entry
        return values


class Bytes:
    """One token per byte."""

    ends = frozenset({SPEC.end_of_text})

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def decode(self, ids: Sequence[int]) -> str:
        return bytes(ids).decode()

    def pieces(self) -> list[bytes]:
        return [bytes([value]) for value in range(256)]


def test_too_little_code_is_said(file: Path, tmp_path: Path) -> None:
    taught, _, _ = lesson(file)
    with pytest.raises(SourceError, match="too little code"):
        train(taught, tmp_path / "a", ["x = 1\n"] * 9, 1, 1e-2, 0, lambda check: None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An adapter's file in which nothing is zero."""
    torch.manual_seed(0)
    path = tmp_path / "first.safetensors"
    width, fused = SHAPE.width, (SHAPE.heads + 2 * SHAPE.key_heads) * SHAPE.head_width
    adapter = Adapter(SHAPE, torch.arange(ENTRIES), MASKS, RANK, len(SPEC.taps), COUPLED)
    first = adapter.layers[0]
    assert isinstance(first, Layer)
    assert first.qkv.B.shape == (fused, RANK)
    with torch.no_grad():
        for each in adapter.parameters():
            each.copy_(0.2 * torch.randn(each.shape))
    assert adapter.mask.shape == (MASKS, width)
    adapter.save(path, 7)
    return path


def lesson(file: Path) -> tuple[Trainer, DenseWeights, TorchNetwork]:
    store = DenseWeights(RandomCheckpoint(file), torch.float32, torch.device("cpu"))
    network = TorchNetwork(store, SHAPE)
    adapter = Adapter.load(file, SHAPE)
    return Trainer(network.base, adapter, store.linear("canvas.head"), Bytes()), store, network


def test_what_is_trained_is_what_is_run(file: Path) -> None:
    taught, store, network = lesson(file)
    sequence = CausalBase.lay_out(
        PromptTokens.around(list(b"def f(x):\n    return x"), list(b"\nprint(f(1))\n"))
    )
    context = read(network.base, sequence)
    starts = torch.tensor([begin(sequence) + 3, len(sequence) - 1])
    states = taught.adapter(network.base, context, starts)
    run = CanvasDenoiser(network, CausalBase(network))
    for start, state in zip(starts.tolist(), states, strict=True):
        before = sequence[begin(sequence) : start + 1]
        canvas = PromptTokens.around(before, list(b"\nprint(f(1))\n")), [MASK] * MASKS
        expected = run.denoise(*canvas).logits
        got = store.linear("canvas.head")(state)
        assert np.allclose(got.detach(), expected, atol=2e-4)


def test_what_a_token_changes_is_trained_as_it_is_run(file: Path) -> None:
    taught, _, network = lesson(file)
    task = taught.draw(TEXTS, Random(1))
    alone, coupled = taught.logits(task)
    run, entries = CanvasDenoiser(network, CausalBase(network)), np.array([3, 600, 41])
    sequence, rows = task.context.tokens.tolist(), 0
    suffix = sequence[2 : begin(sequence) - 1]
    for start, before, wanted in zip(task.starts, task.before, task.wanted, strict=True):
        known = sequence[begin(sequence) : int(start) + 1]
        marginals = run.denoise(PromptTokens.around(known, suffix), [MASK] * MASKS)
        for row in torch.nonzero(wanted >= 0).flatten().tolist():
            assert marginals.coupling is not None
            added = marginals.coupling(row, int(before[row]), entries)
            expected = (coupled - alone)[rows, entries]
            assert np.allclose(added, expected.detach(), atol=2e-3)
            rows += 1
    assert rows == len(alone)


def test_the_token_before_a_mask_is_what_the_base_writes_there(file: Path) -> None:
    taught, _, _ = lesson(file)
    task = taught.draw(TEXTS, Random(2))
    assert torch.equal(task.before[:, 0], task.context.tokens[task.starts])
    said = task.wanted[:, :-1] >= 0
    behind = task.before[:, 1:][said]
    assert torch.equal(taught.adapter.vocab[task.wanted[:, :-1][said]], behind)


def test_what_the_base_says_is_what_it_writes(file: Path) -> None:
    _, _, network = lesson(file)
    sequence = CausalBase.lay_out(PromptTokens.around(list(b"x = 1\n"), list(b"y\n")))
    context = read(network.base, sequence)
    base = CausalBase(network)
    base.prefill(PromptTokens.around(list(b"x = 1"), list(b"y\n")), lambda: False)
    assert np.allclose(context.features[-2], base.feature, atol=1e-5)
    following = base.extend([ord("\n")])[0].argmax()
    assert context.greedy[-1] == following


@given(st.integers(0, 10**9))
def test_a_sequence_is_a_prompt(seed: int) -> None:
    sequence = draw_sequence(TEXTS, Bytes(), Random(seed))
    assert len(sequence) <= LONGEST
    assert sequence.count(SPEC.fim_middle) == 1
    assert 0 < begin(sequence) < len(sequence)
    assert SPEC.end_of_text not in sequence[:-1]


def test_only_what_the_base_would_write_is_to_be_said(file: Path) -> None:
    taught, _, _ = lesson(file)
    for number in range(3):
        task = taught.draw(TEXTS, Random(number))
        tokens, greedy = task.context.tokens, task.context.greedy
        assert task.starts.tolist() == sorted(set(task.starts.tolist()))
        assert (task.wanted[:, 0] == greedy[task.starts]).logical_or(task.wanted[:, 0] < 0).all()
        for start, wanted in zip(task.starts.tolist(), task.wanted, strict=True):
            assert start >= begin(tokens.tolist())
            for ahead in range(1, MASKS):
                if wanted[ahead] >= 0:  # then the text went on as the base would have
                    assert tokens[start + ahead] == greedy[start + ahead - 1]


def test_many_texts_are_written_as_one_is(file: Path) -> None:
    _, _, network = lesson(file)
    prompts = [
        CausalBase.lay_out(PromptTokens.around(list(text), list(b"y\n")))
        for text in (b"x = 1", b"def f", b"a(b)[")
    ]
    ends = frozenset({SPEC.end_of_text})
    for prompt, text in zip(prompts, write(network.base, prompts, 6, ends), strict=True):
        assert text[: len(prompt)] == prompt
        greedy = read(network.base, text).greedy
        assert greedy[len(prompt) - 1 : -1].tolist() == text[len(prompt) :]
    first = write(network.base, prompts, 6, ends)[0]
    cut = write(network.base, prompts, 6, {first[len(prompts[0]) + 2]})[0]
    assert cut == first[: cut.index(cut[-1], len(prompts[0])) + 1]
    assert len(cut) <= len(prompts[0]) + 3


def test_what_the_base_wrote_is_all_to_be_learnt(file: Path) -> None:
    taught, _, _ = lesson(file)
    task = taught.draw_written(TEXTS, Random(0))
    tokens, starts = task.context.tokens, task.starts
    inside = starts[(starts >= trainer._PROMPT) & (starts < len(tokens) - MASKS)]
    assert len(inside)
    for start in inside.tolist():
        assert torch.equal(
            task.context.greedy[start : start + MASKS], tokens[start + 1 : start + MASKS + 1]
        )


def test_runs_are_counted_up_to_the_end_of_the_text() -> None:
    from lsp_server.training.contexts import Context

    tokens = torch.tensor([5, 1, 2, 9, 3, SPEC.end_of_text])
    greedy = torch.tensor([1, 2, 3, 3, SPEC.end_of_text, 0])
    follows = count_following(Context(tokens, greedy, torch.empty(0), ()))
    assert follows.tolist() == [0, 2, 1, 0, 1, 0, 0, 0]
    follows = torch.tensor([1] * 40 + [0, 0])
    starts = choose_starts(follows, range(40), 4, Random(0))
    assert starts.tolist() == list(range(16, 39))
    again = [*range(20), *range(20)]  # from 21 on, the file itself says what follows
    fewer = choose_starts(follows, again, 4, Random(0)).tolist()
    assert fewer[:5] == [16, 17, 18, 19, 20]
    assert len(fewer) < 10


def test_training_learns_saves_and_goes_on(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "_REPORTED", 2)
    monkeypatch.setattr(trainer, "_CHECKED", 1)
    monkeypatch.setattr(trainer, "_SAVED", 0.0)
    taught, _, _ = lesson(file)
    checks: list[trainer.Check] = []

    def interrupt(check: trainer.Check) -> None:
        checks.append(check)
        if len(checks) == 1:
            raise KeyboardInterrupt

    target = tmp_path / "new.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(taught, target, TEXTS, 4, 1e-2, 0, interrupt)
    assert not target.exists()
    part = tmp_path / "new.safetensors.part"
    assert trainer.saved_steps(part) == 1
    again, _, _ = lesson(part)
    train(again, target, TEXTS, 4, 1e-2, trainer.saved_steps(part), interrupt)
    assert [check.step for check in checks] == [2, 2, 4]
    assert trainer.saved_steps(target) == 4
    assert not part.exists()
    old, new = load_file(file), load_file(target)
    assert {name: each.shape for name, each in old.items()} == {
        name: each.shape for name, each in new.items()
    }
    changed = [name for name in old if not torch.equal(old[name], new[name])]
    assert len(changed) == len(old) - 1  # all but the vocabulary
    assert "held out" in str(checks[-1])


def test_the_loss_falls(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "_REPORTED", 5)
    monkeypatch.setattr(trainer, "_CHECKED", 1)
    taught, _, _ = lesson(file)
    losses: list[float] = []
    train(taught, tmp_path / "a", TEXTS, 30, 1e-2, 0, lambda check: losses.append(check.loss))
    assert losses[-1] < losses[0]
    assert len(taught.adapter.layers) == SPEC.canvas_layers
