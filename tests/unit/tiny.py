"""Tiny models with random weights: real networks through the real protocols, too small to be good.

``TinyDiffusion`` is a bidirectional masked diffusion model; what it writes depends on tokens known
to the right of a mask. ``TinyCausal`` is the project's own Qwen2 in a toy size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lsp_server.models.base import MASK, Cancelled, Canvas, Marginals, ModelInfo, Prefill, Stop
from lsp_server.models.quantization import DenseLinear
from lsp_server.models.qwen2 import Block, Qwen2, Shape

ALPHABET = "abcdef ()\n:,"
END = len(ALPHABET)
SHAPE = Shape(3, 32, 4, 2, 8, 64, END + 1, 1e-6, 1e4, 4096)
INFO = ModelInfo("tiny", "random", "none", 0, "cpu", "fp32", "seen", 0.0)


class TinyTokenizer:
    """One token per character of a small alphabet; everything else is written as a blank."""

    ends = frozenset({END})

    def encode(self, text: str) -> list[int]:
        return [max(ALPHABET.find(c), 0) if c in ALPHABET else ALPHABET.index(" ") for c in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(ALPHABET[i] for i in ids if i != END)

    def pieces(self) -> list[bytes]:
        return [*(c.encode() for c in ALPHABET), b""]


class TinyDiffusion:
    """A bidirectional transformer over prefix, canvas and suffix, with fixed random weights."""

    two_sided = False
    growth = None

    def width(self, known: int) -> int:
        return 12

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self._mask = END + 1
        self._embed = nn.Embedding(END + 2, 32)
        self._place = nn.Embedding(512, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self._layers = nn.TransformerEncoder(layer, 2).eval()
        self._head = nn.Linear(32, END + 1)

    @torch.inference_mode()
    def denoise(self, canvas: Canvas, refresh: bool = True) -> Marginals:
        tokens = [self._mask if t == MASK else t for t in canvas.tokens]
        before, after = list(canvas.prefix)[-64:], list(canvas.suffix)[:64]
        row = torch.tensor([[*before, *tokens, *after]])
        states = self._layers(self._embed(row) + self._place(torch.arange(row.shape[1])))[0]
        masks = [len(before) + i for i, t in enumerate(canvas.tokens) if t == MASK]
        return Marginals(6 * self._head(states[masks]))


def random_qwen2(shape: Shape = SHAPE, seed: int = 0, scale: float = 0.3) -> Qwen2:
    """A Qwen2 with random weights."""
    generator = torch.Generator().manual_seed(seed)

    def linear(outputs: int, inputs: int, bias: bool = False) -> DenseLinear:
        weight = scale * torch.randn(outputs, inputs, generator=generator)
        return DenseLinear(weight, torch.randn(outputs, generator=generator) if bias else None)

    def norm() -> Tensor:
        return 1 + 0.1 * torch.randn(shape.width, generator=generator)

    fused = (shape.heads + 2 * shape.key_heads) * shape.head_width
    blocks = [
        Block(
            norm(),
            linear(fused, shape.width, bias=True),
            linear(shape.width, shape.heads * shape.head_width),
            norm(),
            linear(2 * shape.inner, shape.width),
            linear(shape.width, shape.inner),
        )
        for _ in range(shape.layers)
    ]
    embedding = torch.randn(shape.vocabulary, shape.width, generator=generator)
    return Qwen2(shape, embedding, blocks, norm(), linear(shape.vocabulary, shape.width))


class TinyCausal:
    """A verifier over the toy Qwen2; the prompt is suffix, end token, prefix."""

    def __init__(self, seed: int = 0) -> None:
        self.model = random_qwen2(seed=seed)
        self.cache = self.model.new_cache()
        self.forwards = 0

    def prefill(self, prefix: Sequence[int], suffix: Sequence[int], stop: Stop) -> Prefill:
        if stop():
            raise Cancelled
        self.cache.truncate(0)
        return Prefill(self.extend([*suffix, END, *prefix])[-1], 1, 0)

    @torch.inference_mode()
    def extend(self, tokens: Sequence[int]) -> Tensor:
        self.forwards += 1
        states, _ = self.model.forward(tokens, self.cache)
        return self.model.head(states)

    def truncate(self, count: int) -> None:
        self.cache.truncate(self.cache.length - count)


@dataclass
class TinyModel:
    """A model as the decoder sees it."""

    denoiser: TinyDiffusion
    verifier: TinyCausal | None = None
    tokenizer: TinyTokenizer = TinyTokenizer()  # noqa: RUF009
    info: ModelInfo = INFO
