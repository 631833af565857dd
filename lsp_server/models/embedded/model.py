"""The embedded default: Qwen2.5-Coder-0.5B, untouched, and our denoiser on its upper layers.

The base verifies, in its causal mode, over a sequence laid out suffix first (so that the cached
sequence grows at its end while a user types). The denoiser fills canvases: its layers are copies
of the base's top layers with the adapter merged in; they see the base's cached keys and values,
the pending token, and one learned vector per mask. All masks are filled at once, each by itself; a
small network then says what a token changes in the mask behind it, so that the drafts fit together
(the sequential dependence of Hydra's heads, arXiv 2402.05109). Knows tensors and token ids, not
text.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from lsp_server.models.embedded.gguf import COUPLING
from lsp_server.models.embedded.prefill_slices import PrefillSlices
from lsp_server.models.embedded.spec import SPEC, Shape
from lsp_server.models.embedded.transformer import (
    Block,
    Qwen2,
    attention_mask,
    rms_norm,
    run_block,
)
from lsp_server.models.embedded.weights import Weights
from lsp_server.models.interfaces import (
    MASK,
    Cancelled,
    Marginals,
    ModelInfo,
    Prefill,
    PromptTokens,
    Stop,
    never,
)
from lsp_server.models.kv_cache import KeyValueCache
from lsp_server.models.sequences import CachedSequences
from lsp_server.models.tokenizers import EmbeddedTokenizer


def _blocks(weights: Weights, kind: str, first: int, count: int) -> list[Block]:
    """``count`` blocks named ``kind``; their norms are those of the base's layers."""
    return [
        Block(
            attention_norm=weights.vector(f"blocks.{first + index}.attention_norm"),
            qkv=weights.linear(f"{kind}.{index}.qkv"),
            output=weights.linear(f"{kind}.{index}.output"),
            mlp_norm=weights.vector(f"blocks.{first + index}.mlp_norm"),
            gate_up=weights.linear(f"{kind}.{index}.gate_up"),
            down=weights.linear(f"{kind}.{index}.down"),
        )
        for index in range(count)
    ]


class CausalBase:
    """The base model over cached sequences: the *verifier*.

    A sequence is ``[fim_prefix][fim_suffix] suffix [fim_middle] prefix`` and what follows.
    """

    def __init__(self, weights: Weights, shape: Shape = SPEC.shape) -> None:
        self.model = Qwen2(
            shape,
            weights.vector("embedding"),
            _blocks(weights, "blocks", 0, shape.layers),
            weights.vector("norm"),
            weights.linear("head"),
            taps=SPEC.taps,
        )
        self._sequences = CachedSequences(self.model.new_cache)
        self._slices = PrefillSlices()
        self._features = torch.empty(0)  # of the rows run last, (rows, taps + 1, width)

    @property
    def cache(self) -> KeyValueCache:
        """The keys and values of the active sequence."""
        return self._sequences.active.cache

    @property
    def tokens(self) -> list[int]:
        """The active sequence."""
        return self._sequences.active.tokens

    @property
    def feature(self) -> Tensor:
        """Hidden features of the last cached row: (width * (taps + 1),)."""
        return self._features[-1].flatten()

    @staticmethod
    def lay_out(prompt: PromptTokens) -> list[int]:
        """The layout that the base was trained on, in the order that measured best."""
        return [SPEC.fim_prefix, SPEC.fim_suffix, *prompt.suffix, SPEC.fim_middle, *prompt.prefix]

    def prefill(self, prompt: PromptTokens, stop: Stop) -> Prefill:
        """Bring the cache to a prompt, in slices; see ``Verifier``."""
        return self.fill(self.lay_out(prompt), prompt.document, stop)

    def holds(self, sequence: Sequence[int], document: str) -> bool:
        """Whether the active sequence is this one, and the row run last is its last."""
        active = self._sequences.active
        return active.tokens == sequence and active.document == document and len(self._features) > 0

    @torch.inference_mode()
    def fill(self, wanted: Sequence[int], document: str, stop: Stop) -> Prefill:
        """Bring the cache to a sequence of tokens; as ``prefill`` does."""
        # The last row is always run again: its logits and features are wanted.
        cached = min(self._sequences.activate(wanted, document), len(wanted) - 1)
        self._sequences.active.cut(cached)
        self._features = torch.empty(0)
        forwards = 0
        state = torch.empty(0)
        while len(self.tokens) < len(wanted):
            if stop():
                raise Cancelled(forwards)
            started = time.perf_counter()
            done = len(self.tokens)
            state = self._run(wanted[done : done + self._slices.rows])
            taken = (time.perf_counter() - started) * 1000
            self._slices.record(len(self.tokens) - done, taken)
            forwards += 1
        logits = self.model.head(state[-1:])[0].float()
        return Prefill(logits, forwards, cached)

    @torch.inference_mode()
    def extend(self, tokens: Sequence[int]) -> Tensor:
        """Append tokens; logits (tokens, vocabulary), fp32."""
        return self.model.head(self._run(tokens)).float()

    def truncate(self, count: int) -> None:
        """Drop the last ``count`` tokens of the active sequence."""
        self._sequences.active.cut(len(self.tokens) - count)
        self._features = self._features[: len(self._features) - count]

    def forget(self, document: str | None = None) -> None:
        """Drop the sequences of a document, or all of them."""
        self._sequences.forget(document)
        self._features = torch.empty(0)

    def _run(self, tokens: Sequence[int]) -> Tensor:
        sequence = self._sequences.active
        state, tapped = self.model.forward(tokens, sequence.cache)
        sequence.tokens.extend(tokens)
        self._sequences.shrink()
        rows = torch.stack([*tapped, state], 1)
        self._features = _centred(rows)
        return state


class CanvasDenoiser:
    """The denoiser: a few layers, bidirectional over the canvas, on the base's cache."""

    def __init__(self, weights: Weights, base: CausalBase) -> None:
        shape = base.model.shape
        self._base, self._shape = base, shape
        self._first = shape.layers - SPEC.canvas_layers
        self._blocks = _blocks(weights, "canvas", self._first, SPEC.canvas_layers)
        self._norm = weights.vector("canvas.norm")
        self._head = weights.linear("canvas.head")
        self._vocabulary = weights.vector("canvas.vocabulary")
        self._masks = weights.vector("canvas.masks")
        self._features = weights.vector("canvas.features")
        self._pending = weights.vector("canvas.pending")
        self._pending_to_masks = weights.vector("canvas.pending_to_masks")
        self._coupling = [weights.vector(f"canvas.coupling.{name}") for name in COUPLING]

    two_sided = False  # the suffix is in the base's prompt
    growth = None

    def width(self, known: int) -> int:
        """The most masks that one canvas may hold."""
        return len(self._masks)

    @torch.inference_mode()
    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals:
        """Distributions for the masks behind the pending token, the last known one.

        The base's cache is brought to the prompt up to the pending token when it is not there
        yet, and is exact: ``refresh`` changes nothing. Anchors to the right of a mask are not seen.
        """
        free = [index for index, token in enumerate(canvas) if token == MASK]
        *before, pending = self._base.lay_out(prompt.continued(canvas[: free[0]]))
        if not self._base.holds(before, prompt.document):
            self._base.fill(before, prompt.document, never)
        reach = free[-1] - free[0] + 1
        offsets = [index - free[0] for index in free if index - free[0] < len(self._masks)]
        states = self._run(pending, min(reach, len(self._masks)))[offsets]
        of_state = functional.linear(_centred(states), self._coupling[0])
        coupling = partial(self._couple, of_state)
        return Marginals(self._head(states).float(), self._vocabulary, coupling)

    def _run(self, pending: int, rows: int) -> Tensor:
        base, model = self._base, self._base.model
        embedded = model.embed([pending])
        state = self._masks[:rows] + functional.linear(base.feature[None], self._features)
        state = state + functional.linear(embedded, self._pending_to_masks)
        first = state[:1] + functional.linear(embedded, self._pending)
        state = torch.cat([first, state[1:]])
        base.cache.reserve(rows)
        rotary = model.rotary.at(base.cache.length, rows)
        mask = attention_mask(rows, base.cache, False, state)
        for index, block in enumerate(self._blocks):
            layer = self._first + index
            state = run_block(self._shape, block, layer, state, rotary, mask, base.cache)
        return rms_norm(state, self._norm, self._shape.epsilon)

    @torch.inference_mode()
    def _couple(self, of_state: Tensor, row: int, token: int, entries: Tensor) -> Tensor:
        """See ``Coupling``; ``of_state``: the part of the hidden layer that masks determine."""
        model, (_, of_token, out) = self._base.model, self._coupling
        hidden = of_state[row] + functional.linear(_centred(model.embed([token])[0]), of_token)
        added = functional.linear(functional.silu(hidden), out)
        return functional.linear(model.embed(self._vocabulary[entries]), added).float()


class EmbeddedModel:
    """The embedded model, loaded: base as verifier, denoiser on top of it."""

    def __init__(
        self, weights: Weights, tokenizer: EmbeddedTokenizer, precision: str, started: float
    ) -> None:
        """``started``: when loading began, by ``time.perf_counter``."""
        self.tokenizer = tokenizer
        self.verifier = CausalBase(weights)
        self.denoiser = CanvasDenoiser(weights, self.verifier)
        self.info = ModelInfo(
            name=SPEC.name,
            family=SPEC.family,
            licence=SPEC.licence,
            parameters=SPEC.parameters,
            device=str(weights.device),
            precision=precision,
            suffix="prompt",
            load_ms=(time.perf_counter() - started) * 1000,
        )

    def forget(self, document: str | None = None) -> None:
        """Drop what is cached of a document, or of all."""
        self.verifier.forget(document)


def _centred(rows: Tensor) -> Tensor:
    return functional.layer_norm(rows, rows.shape[-1:])
