"""Tiny models behind the real protocols, mostly networks with random weights.

``TinyDiffusion`` is a bidirectional masked diffusion model: what it writes depends on the tokens on
both sides of a mask. ``TinyCausal`` is the project's own Qwen2 in a tiny size. ``TinyKnowing`` is a
two-sided denoiser that predicts one fixed text, and ``TinyNoise`` one that returns random logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lsp_server.models.arrays import Array, Floats
from lsp_server.models.embedded.network import CanvasStates
from lsp_server.models.embedded.spec import Shape
from lsp_server.models.embedded.torch_network import read_base
from lsp_server.models.embedded.transformer import Block, Qwen2
from lsp_server.models.interfaces import (
    MASK,
    Cancelled,
    Denoiser,
    Growth,
    Marginals,
    ModelInfo,
    Prefill,
    PromptTokens,
    Stop,
)
from lsp_server.models.kv_cache import KeyValueCache
from lsp_server.models.quantization import DenseLinear, Linear

ALPHABET = "abcdef ()\n:,"
END = len(ALPHABET)
EXPAND = END + 1
SHAPE = Shape(3, 32, 4, 2, 8, 64, END + 1, 1e-6, 1e4, 4096)
INFO = ModelInfo("tiny", "random", "none", 0, "cpu", "fp32", "seen", 0.0)


class TinyTokenizer:
    """One token per character of a small alphabet; everything else is written as a blank."""

    ends = frozenset({END})

    def encode(self, text: str) -> list[int]:
        return [max(ALPHABET.find(c), 0) if c in ALPHABET else ALPHABET.index(" ") for c in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(ALPHABET[i] for i in ids if i < END)

    def pieces(self) -> list[bytes]:
        return [*(c.encode() for c in ALPHABET), b"", b""]


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
    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Tensor]:
        tokens = [self._mask if t == MASK else t for t in canvas]
        before, after = prompt.prefix[-64:], prompt.suffix[:64]
        row = torch.tensor([[*before, *tokens, *after]])
        states = self._layers(self._embed(row) + self._place(torch.arange(row.shape[1])))[0]
        masks = [len(before) + i for i, t in enumerate(canvas) if t == MASK]
        return Marginals(6 * self._head(states[masks]))


class TinyCoupled(TinyDiffusion):
    """The same, with random dependences of each mask on the token before it."""

    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Tensor]:
        pairs = torch.randn(END + 1, END + 1, generator=torch.Generator().manual_seed(1))
        marginals = super().denoise(prompt, canvas, refresh)

        def couple(row: int, token: int, entries: Array) -> Floats:
            return (2 * pairs[token, entries]).numpy()

        return replace(marginals, coupling=couple)


class TinyKnowing:
    """Predicts one fixed text, with more confidence next to known tokens.

    A mask next to a known token or to an edge of the hole has the probability ``sure``, and so have
    the masks of the first ``given`` tokens; the others have ``unsure``. If the canvas's length
    differs from the text's, confidence falls with the difference, or the canvas is resized at its
    end.
    """

    two_sided = True

    def __init__(
        self,
        text: str,
        growing: bool = False,
        given: int = 0,
        sure: float = 0.95,
        unsure: float = 0.5,
    ) -> None:
        self._text, self._given = TinyTokenizer().encode(text), given
        self._sure, self._unsure = sure, unsure
        self.growth = Growth(EXPAND, END) if growing else None
        self.calls: list[tuple[int, bool]] = []  # the canvas's length, and whether to refresh

    def width(self, known: int) -> int:
        return 64

    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Tensor]:
        tokens = list(canvas)
        self.calls.append((len(tokens), refresh))
        masks = [index for index, token in enumerate(tokens) if token == MASK]
        return Marginals(torch.stack([self._row(tokens, index) for index in masks]).log())

    def _row(self, tokens: list[int], index: int) -> Tensor:
        token, probability = self.predict(tokens, index)
        row = torch.full((EXPAND + 1,), (1 - probability) / EXPAND)
        row[token] = probability
        return row

    def predict(self, tokens: list[int], index: int) -> tuple[int, float]:
        """The best token of a mask and its probability."""
        length, off = len(self._text), len(tokens) - len(self._text)
        around = [None, *tokens, None][index : index + 3 : 2]
        known = index < self._given or any(token != MASK for token in around)
        probability = self._sure if known else self._unsure
        if self.growth is not None:
            if index >= length:
                return END, probability
            return (
                EXPAND if off < 0 and index == len(tokens) - 1 else self._text[index]
            ), probability
        if off:
            return self._text[min(index, length - 1)], 0.5 * 0.9 ** abs(off)
        return self._text[index], probability


class TinyNoise:
    """Draws random logits for every canvas."""

    def __init__(self, seed: int, growing: bool, two_sided: bool = True, spread: float = 3) -> None:
        self._seed, self._spread, self.two_sided = seed, spread, two_sided
        self.growth = Growth(EXPAND, END) if growing else None

    def width(self, known: int) -> int:
        return 64 if self.two_sided else 8 - known % 8

    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Tensor]:
        generator = torch.Generator().manual_seed(hash((self._seed, *canvas)) % 2**32)
        masks = sum(token == MASK for token in canvas)
        return Marginals(self._spread * torch.randn(masks, EXPAND + 1, generator=generator))


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
        self.forgotten: list[str | None] = []

    def prefill(self, prompt: PromptTokens, stop: Stop) -> Prefill:
        if stop():
            raise Cancelled
        self.cache.truncate(0)
        return Prefill(self.extend([*prompt.suffix, END, *prompt.prefix])[-1], 1, 0)

    def count_missing(self, prompt: PromptTokens) -> int:
        return len(prompt.ids) + 1

    @torch.inference_mode()
    def extend(self, tokens: Sequence[int]) -> Floats:
        self.forwards += 1
        states, _ = self.model.forward(tokens, self.cache)
        return self.model.head(states).numpy()

    def truncate(self, count: int) -> None:
        self.cache.truncate(self.cache.length - count)

    def forget(self, document: str | None = None) -> None:
        self.forgotten.append(document)
        self.cache.truncate(0)


@dataclass
class TinyModel:
    """A model as the decoder sees it."""

    denoiser: Denoiser
    verifier: TinyCausal | None = None
    tokenizer: TinyTokenizer = TinyTokenizer()  # noqa: RUF009
    info: ModelInfo = INFO

    def forget(self, document: str | None = None) -> None:
        if self.verifier is not None:
            self.verifier.forget(document)


class RandomStore:
    """Weights of the embedded base in a toy size, with its whole vocabulary."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self) -> None:
        self.shape = replace(SHAPE, width=16, head_width=4, inner=24, vocabulary=151936)
        self._model = random_qwen2(self.shape)

    def vector(self, name: str) -> Tensor:
        kind, *rest = name.split(".")
        if kind != "blocks":
            return self._model.embedding if kind == "embedding" else self._model.norm
        vector: Tensor = getattr(self._model.blocks[int(rest[0])], rest[1])
        return vector

    def linear(self, name: str) -> Linear:
        kind, *rest = name.split(".")
        if kind == "head":
            return self._model.head
        linear: Linear = getattr(self._model.blocks[int(rest[0])], rest[1])
        return linear


class RandomBase:
    """The base's forwards with random weights, without a denoiser: half of a ``Network``."""

    runtime, device = "torch", "cpu"

    def __init__(self) -> None:
        store = RandomStore()
        self._base = read_base(store, store.shape)

    def new_cache(self) -> KeyValueCache:
        return self._base.new_cache()

    @torch.inference_mode()
    def forward(self, tokens: Sequence[int], cache: KeyValueCache) -> Floats:
        states, tapped = self._base.forward(tokens, cache)
        return torch.stack([*tapped, states], 1).numpy()

    @torch.inference_mode()
    def head(self, states: Floats) -> Floats:
        return self._base.head(torch.from_numpy(states)).numpy()

    def embed(self, tokens: object) -> Floats:
        raise NotImplementedError

    def vector(self, name: str) -> Floats:
        raise NotImplementedError

    def denoise(self, feature: Floats, pending: int, masks: int, cache: object) -> CanvasStates:
        raise NotImplementedError


if TYPE_CHECKING:
    from lsp_server.models.embedded.network import Network
    from lsp_server.models.interfaces import Model, Tokenizer, Verifier

    # The doubles keep to the protocols.
    _denoisers: tuple[type[Denoiser], ...] = (TinyDiffusion, TinyKnowing, TinyNoise)
    _verifier: type[Verifier] = TinyCausal
    _network: type[Network] = RandomBase
    _tokenizer: type[Tokenizer] = TinyTokenizer
    _model: type[Model] = TinyModel
