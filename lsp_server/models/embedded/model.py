"""The embedded default: Qwen2.5-Coder-0.5B, untouched, and our denoiser on its upper layers.

The base verifies, in its causal mode, over a sequence laid out suffix first (so that the cached
sequence grows at its end while a user types). The denoiser fills canvases: its layers are copies
of the base's top layers with the adapter merged in; they see the base's cached keys and values,
the pending token, and one learned vector per mask. All masks are filled at once, each by itself; a
small network then says what a token changes in the mask behind it, so that the drafts fit together
(the sequential dependence of Hydra's heads, arXiv 2402.05109). Knows arrays and token ids, not
text.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import numpy as np

from lsp_server.models.arrays import Array, Floats
from lsp_server.models.embedded.network import Network, centred
from lsp_server.models.embedded.prefill_slices import PrefillSlices
from lsp_server.models.embedded.spec import SPEC
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
from lsp_server.models.sequences import Cache, CachedSequences
from lsp_server.models.tokenizers import EmbeddedTokenizer


class CausalBase:
    """The base model over cached sequences: the *verifier*.

    A sequence is ``[fim_prefix][fim_suffix] suffix [fim_middle] prefix`` and what follows.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._sequences = CachedSequences(network.new_cache)
        self._slices = PrefillSlices()
        self._states = np.empty((0, 0, 0), np.float32)  # of the rows run last

    @property
    def tokens(self) -> list[int]:
        """The active sequence."""
        return self._sequences.active.tokens

    @property
    def cache(self) -> Cache:
        """The keys and values of the active sequence."""
        cache: Cache = self._sequences.active.cache
        return cache

    @property
    def feature(self) -> Floats:
        """Hidden features of the last cached row: (width * (taps + 1),)."""
        return centred(self._states[-1]).flatten()

    @staticmethod
    def lay_out(prompt: PromptTokens) -> list[int]:
        """The layout that the base was trained on, in the order that measured best."""
        return [SPEC.fim_prefix, SPEC.fim_suffix, *prompt.suffix, SPEC.fim_middle, *prompt.prefix]

    def prefill(self, prompt: PromptTokens, stop: Stop) -> Prefill:
        """Bring the cache to a prompt, in slices; see ``Verifier``."""
        return self.fill(self.lay_out(prompt), prompt.document, stop)

    def count_missing(self, prompt: PromptTokens) -> int:
        """How many tokens a prefill of a prompt would run; see ``Verifier``."""
        sequence = self.lay_out(prompt)
        return len(sequence) - min(self._sequences.count_cached(sequence), len(sequence) - 1)

    def holds(self, sequence: Sequence[int], document: str) -> bool:
        """Whether the active sequence is this one, and the row run last is its last."""
        active = self._sequences.active
        return active.tokens == sequence and active.document == document and len(self._states) > 0

    def fill(self, wanted: Sequence[int], document: str, stop: Stop) -> Prefill:
        """Bring the cache to a sequence of tokens; as ``prefill`` does."""
        # The last row is always run again: its logits and features are wanted.
        cached = min(self._sequences.activate(wanted, document), len(wanted) - 1)
        self._sequences.active.cut(cached)
        self._states = self._states[:0]
        forwards = 0
        while len(self.tokens) < len(wanted):
            if stop():
                raise Cancelled(forwards)
            started = time.perf_counter()
            done = len(self.tokens)
            self._run(wanted[done : done + self._slices.rows])
            taken = (time.perf_counter() - started) * 1000
            self._slices.record(len(self.tokens) - done, taken)
            forwards += 1
        logits = self._network.head(self._states[-1:, -1])[0]
        return Prefill(logits, forwards, cached)

    def extend(self, tokens: Sequence[int]) -> Floats:
        """Append tokens; logits (tokens, vocabulary), fp32."""
        return self._network.head(self._run(tokens)[:, -1])

    def truncate(self, count: int) -> None:
        """Drop the last ``count`` tokens of the active sequence."""
        self._sequences.active.cut(len(self.tokens) - count)
        self._states = self._states[: len(self._states) - count]

    def forget(self, document: str | None = None) -> None:
        """Drop the sequences of a document, or all of them."""
        self._sequences.forget(document)
        self._states = self._states[:0]

    def _run(self, tokens: Sequence[int]) -> Floats:
        sequence = self._sequences.active
        self._states = self._network.forward(tokens, sequence.cache)
        sequence.tokens.extend(tokens)
        self._sequences.shrink()
        return self._states


class CanvasDenoiser:
    """The denoiser: a few layers, bidirectional over the canvas, on the base's cache."""

    def __init__(self, network: Network, base: CausalBase) -> None:
        self._network, self._base = network, base
        self._vocabulary = network.vector("canvas.vocabulary")
        self._masks = len(network.vector("canvas.masks"))
        self._of_token = network.vector("canvas.coupling.token")
        self._out = network.vector("canvas.coupling.out")

    two_sided = False  # the suffix is in the base's prompt
    growth = None

    def width(self, known: int) -> int:
        """The most masks that one canvas may hold."""
        return self._masks

    def denoise(
        self, prompt: PromptTokens, canvas: Sequence[int], refresh: bool = True
    ) -> Marginals[Array]:
        """Distributions for the masks behind the pending token, the last known one.

        The base's cache is brought to the prompt up to the pending token when it is not there
        yet, and is exact: ``refresh`` changes nothing. Anchors to the right of a mask are not seen.
        """
        free = [index for index, token in enumerate(canvas) if token == MASK]
        *before, pending = CausalBase.lay_out(prompt.continued(canvas[: free[0]]))
        base = self._base
        if not base.holds(before, prompt.document):
            base.fill(before, prompt.document, never)
        offsets = [index - free[0] for index in free if index - free[0] < self._masks]
        states = self._network.denoise(base.feature, pending, offsets[-1] + 1, base.cache)
        coupling = partial(self._couple, states.of_state[offsets])
        return Marginals(states.logits[offsets], self._vocabulary, coupling)

    def _couple(self, of_state: Floats, row: int, token: int, entries: Array) -> Floats:
        """See ``Coupling``; ``of_state``: the part of the hidden layer that masks determine."""
        embed = self._network.embed
        hidden = of_state[row] + self._of_token @ centred(embed([token])[0])
        added = self._out @ (hidden / (1 + np.exp(-hidden)))  # SiLU
        rows: Floats = embed(self._vocabulary[entries]) @ added
        return rows


class EmbeddedModel:
    """The embedded model, loaded: base as verifier, denoiser on top of it."""

    def __init__(
        self, network: Network, tokenizer: EmbeddedTokenizer, precision: str, started: float
    ) -> None:
        """``started``: when loading began, by ``time.perf_counter``."""
        self.network, self.tokenizer = network, tokenizer
        self.verifier = CausalBase(network)
        self.denoiser = CanvasDenoiser(network, self.verifier)
        self.info = ModelInfo(
            name=SPEC.name,
            family=SPEC.family,
            licence=SPEC.licence,
            parameters=SPEC.parameters,
            device=network.device,
            precision=precision,
            suffix="prompt",
            load_ms=(time.perf_counter() - started) * 1000,
            runtime=network.runtime,
        )

    def forget(self, document: str | None = None) -> None:
        """Drop what is cached of a document, or of all."""
        self.verifier.forget(document)
