"""Pure denoising: every mask of a canvas is committed by its own confidence, nothing verifies.

The way of every masked diffusion model that has no causal mode: several masks per forward, in any
order, conditioned on both sides. Long holes are filled canvas by canvas.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from lsp_server.diffusion.boundary import Prompt, Vocabulary, Writing
from lsp_server.diffusion.canvas import Accepted, Forwards, Hole, Infill, Milliseconds
from lsp_server.diffusion.samplers import commit_bounded_entropy, commit_confident
from lsp_server.diffusion.trace import OpenCell, Trace
from lsp_server.models.base import MASK, Cancelled, Canvas, Marginals, Model, Stop
from lsp_server.settings import Settings


class PureDenoising:
    """One hole being filled; made new for every request."""

    def __init__(
        self, hole: Hole, model: Model, vocabulary: Vocabulary, settings: Settings, trace: Trace
    ) -> None:
        self._tokenizer, self._denoiser = model.tokenizer, model.denoiser
        self._vocabulary, self._settings, self._trace = vocabulary, settings, trace
        self._prompt = Prompt.of(hole, model.tokenizer)
        self._writing = Writing(hole, model.tokenizer, self._prompt.stub)
        self._forwards, self._ms = Forwards(), Milliseconds()
        self._last_ms = 0.0
        self._confidence = 1.0

    def run(self, stop: Stop) -> Infill:
        """Fill the hole; raises Cancelled between two forwards."""
        started = time.perf_counter()
        while (reason := self._writing.finished(self._confidence)) is None:
            known = len(self._prompt.prefix) + len(self._writing.ids)
            room = min(self._denoiser.width(known), self._writing.room)
            if self._writing.owed:
                self._write(self._heal(room, stop))
            else:
                self._write(self._fill(room, stop))
        self._ms.total = (time.perf_counter() - started) * 1000
        return Infill(
            text=self._writing.answer,
            reason=reason,
            confidence=self._confidence,
            tokens=len(self._writing.ids),
            forwards=self._forwards,
            accepted=Accepted(denoiser=len(self._writing.ids)),
            drafted=len(self._writing.ids),
            cached_tokens=0,
            ms=self._ms,
            ids=tuple(self._writing.ids),
        )

    def _fill(self, room: int, stop: Stop) -> list[int]:
        """Denoise one canvas of ``room`` masks until its beginning is settled."""
        tokens = [MASK] * room
        while MASK in tokens and not self._settled(tokens):
            marginals = self._forward(tokens, stop)
            masks = [index for index, token in enumerate(tokens) if token == MASK]
            probabilities, entries = marginals.logits.softmax(-1).max(-1)
            for row in self._sample(marginals):
                tokens[masks[row]] = _token(marginals, int(entries[row]))
                self._confidence *= float(probabilities[row])
            self._show(tokens)
        return tokens[: tokens.index(MASK)] if MASK in tokens else tokens

    def _heal(self, room: int, stop: Stop) -> list[int]:
        """The first mask alone, constrained to what is owed of the stub."""
        marginals = self._forward([MASK] * room, stop)
        allowed = set(self._vocabulary.continuing(self._writing.owed))
        if marginals.vocabulary is None:
            entries = sorted(allowed)
        else:
            known = marginals.vocabulary.tolist()
            entries = [entry for entry, token in enumerate(known) if token in allowed]
        logits = marginals.logits[0, entries]
        best = int(logits.argmax())
        self._confidence *= float(logits.softmax(-1)[best])
        token = _token(marginals, entries[best])
        self._show([token])
        return [token]

    def _forward(self, tokens: Sequence[int], stop: Stop) -> Marginals:
        if stop():
            raise Cancelled
        started = time.perf_counter()
        marginals = self._denoiser.denoise(
            Canvas([*self._prompt.prefix, *self._writing.ids], tokens, self._prompt.suffix)
        )
        self._forwards.canvas += 1
        self._last_ms = (time.perf_counter() - started) * 1000
        self._ms.canvas += self._last_ms
        return marginals

    def _sample(self, marginals: Marginals) -> list[int]:
        if self._settings.sampler == "entropy":
            return commit_bounded_entropy(marginals.logits, self._settings.entropy_bound)
        return commit_confident(marginals.logits, self._settings.threshold)

    def _settled(self, tokens: Sequence[int]) -> bool:
        """An end token with no mask before it: what follows does not matter."""
        for token in tokens:
            if token == MASK:
                return False
            if token in self._tokenizer.ends:
                return True
        return False

    def _write(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            self._writing.append(token)
            self._trace.commit(token, "denoiser")
            if token in self._tokenizer.ends:
                return

    def _show(self, tokens: Sequence[int]) -> None:
        cells: list[OpenCell] = [
            (None, "mask", "mask") if token == MASK else (token, "denoiser", "draft")
            for token in tokens
        ]
        self._trace.show("canvas", self._last_ms, cells)


def _token(marginals: Marginals, entry: int) -> int:
    return entry if marginals.vocabulary is None else int(marginals.vocabulary[entry])
