"""Masked decoding: denoises a canvas over several forwards, without a verifier.

For masked diffusion models, which have no causal mode. Each forward commits some masks, in any
order, chosen by the sampler. For a two-sided model one canvas is the whole hole, between prefix and
suffix, with the number of masks chosen by the length strategy; for the others, canvases follow one
another from left to right.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from lsp_server.diffusion.canvas import Canvas, CanvasPosition
from lsp_server.diffusion.length import (
    CODE,
    Bias,
    LengthHints,
    Prior,
    choose_length,
    measure_density,
    published_bias,
)
from lsp_server.diffusion.output import JUDGED_TOKENS, Output
from lsp_server.diffusion.refresh import Refresh
from lsp_server.diffusion.samplers import (
    choose_doubtful,
    commit_bounded_entropy,
    commit_confident,
    commit_factor,
    commit_top_k,
    is_certain,
)
from lsp_server.diffusion.token_healing import Vocabulary, tokenize
from lsp_server.diffusion.trace import Trace
from lsp_server.diffusion.types import Cost, Hole, Infill, Length, Reason
from lsp_server.models.interfaces import Cancelled, Marginals, Model, Stop
from lsp_server.settings import Settings


class MaskedDecoding:
    """Fills one hole; created anew for every request.

    The number of forwards is bounded: with m = ``hole.max_tokens``, a two-sided canvas takes at
    most m, plus m / 2 if tokens are taken back, plus 3m if it may expand, else m for its length.
    """

    def __init__(
        self,
        hole: Hole,
        model: Model,
        vocabulary: Vocabulary,
        settings: Settings,
        trace: Trace,
        cost: Cost,
        bias: Bias = published_bias,
    ) -> None:
        self._hole, self._tokenizer, self._denoiser = hole, model.tokenizer, model.denoiser
        self._vocabulary, self._settings, self._trace = vocabulary, settings, trace
        self._cost, self._bias = cost, bias
        self._prompt, self._partial = tokenize(hole, model.tokenizer, model.denoiser.two_sided)
        self._output = Output(hole, model.tokenizer, self._partial)
        self._refresh = Refresh(settings.refresh_every)
        self._last_ms = 0.0  # of the last forward
        self._length: Length | None = None
        self._confidences: list[float] = []  # of the tokens written
        self._resizing = 1.0  # joint probability of the expand and delete tokens
        self._beginning = 1.0  # joint probability of the first tokens

    def run(self, stop: Stop) -> Infill:
        """Fill the hole; raises Cancelled between two forwards."""
        two_sided = self._denoiser.two_sided
        reason = self._fill_one_canvas(stop) if two_sided else self._fill_canvases(stop)
        return Infill(
            text=self._output.answer,
            reason=reason,
            confidence=self._resizing * prod(self._confidences),
            cost=self._cost,
            ids=tuple(self._output.ids),
            length=self._length,
        )

    def _fill_one_canvas(self, stop: Stop) -> Reason:
        """Fill the hole by one canvas."""
        most = min(self._hole.max_tokens, self._denoiser.width(len(self._prompt.prefix)))
        self._length = self._choose_length(most, stop)
        growth = self._denoiser.growth if self._length.strategy == "grow" else None
        canvas = Canvas(self._length.masks, most, growth)
        self._fill(canvas, stop)
        self._write(canvas)
        if self._beginning < self._hole.min_confidence:
            return "hopeless"
        return "length" if self._output.required else "ended"

    def _fill_canvases(self, stop: Stop) -> Reason:
        """Fill one canvas after the other until the text is complete."""
        while (reason := self._output.finished(self._beginning)) is None:
            known = len(self._prompt.prefix) + len(self._output.ids)
            width = min(self._denoiser.width(known), self._output.room)
            canvas = Canvas(width, width)
            self._fill(canvas, stop)
            self._write(canvas)
        return reason

    def _fill(self, canvas: Canvas, stop: Stop) -> None:
        """Denoise a canvas until its text is settled, or its beginning too improbable."""
        revised = self._settings.sampler != "remask"
        while True:
            self._commit(canvas, self._forward(canvas.tokens, stop))
            if not canvas.masks and self._required(canvas):
                canvas.append()
            settled = self._settled(canvas)
            if settled and not revised:
                revised, settled = True, not self._take_back(canvas)
            self._trace.show("canvas", self._last_ms, canvas.cells)
            self._beginning = prod([*self._confidences, *canvas.confidences][:JUDGED_TOKENS])
            if settled or self._beginning < self._hole.min_confidence:
                return

    def _commit(self, canvas: Canvas, marginals: Marginals[Tensor]) -> None:
        """Commit the sampler's masks; first those that token healing requires, one per forward."""
        masks, required = canvas.masks, self._required(canvas)
        logits = self._allow(canvas, marginals)
        if required:
            masks[0].required = True
            continuing = self._vocabulary.continuing(required)
            allrequired = self._entries(marginals, continuing)
            if not len(allrequired):  # a head with a reduced vocabulary may lack all of them
                canvas.commit(masks[0], continuing[0], 1.0)
                return
            logits = _constrain(logits, allrequired)
        best = logits.softmax(-1).max(-1)
        probabilities, tokens = best.values.tolist(), _tokens(marginals, best.indices)
        rows = self._choose(logits, masks, tokens)
        if required:
            canvas.commit(masks[0], tokens[0], probabilities[0])
            # Others are committed in this forward only if no more tokens are required.
            rows = [] if self._required(canvas) else [row for row in rows if row > 0]
        for row in rows:
            canvas.commit(masks[row], tokens[row], probabilities[row])

    def _choose(
        self, logits: Tensor, masks: Sequence[CanvasPosition], tokens: Sequence[int]
    ) -> list[int]:
        """The rows to commit: all of a stable canvas, else the sampler's choice.

        A canvas is stable if the best tokens are those of the last forward and almost certain:
        DiffusionGemma's early stop.
        """
        stable = all(mask.best == token for mask, token in zip(masks, tokens, strict=True))
        for mask, token in zip(masks, tokens, strict=True):
            mask.best = token
        if stable and is_certain(logits):
            return list(range(len(masks)))
        settings = self._settings
        match settings.sampler:
            case "factor":
                return commit_factor(logits, settings.factor)
            case "entropy":
                return commit_bounded_entropy(logits, settings.entropy_bound)
            case "top_k":
                return commit_top_k(logits, settings.top_k)
            case _:
                return commit_confident(logits, settings.threshold)

    def _allow(self, canvas: Canvas, marginals: Marginals[Tensor]) -> Tensor:
        """The logits without expand and delete tokens, where the canvas may not use them."""
        logits, growth = marginals.logits, self._denoiser.growth
        if growth is None or (canvas.growth and canvas.expandable):
            return logits
        unwanted = [growth.expand] if canvas.growth else [growth.expand, growth.delete]
        entries = self._entries(marginals, unwanted)
        return logits.index_fill(-1, entries, float("-inf"))

    def _take_back(self, canvas: Canvas) -> bool:
        """Turn the least certain tokens back into masks; returns whether there were any."""
        free = [position for position in canvas.leading if not position.required]
        doubtful = choose_doubtful([each.confidence for each in free], self._settings.threshold)
        canvas.take_back(free[index] for index in doubtful)
        self._cost.drafted += len(doubtful)
        return bool(doubtful)

    def _settled(self, canvas: Canvas) -> bool:
        """Whether denoising is done: no mask is left, or none before the end of the text."""
        leading = [position.token for position in canvas.leading]
        return len(leading) == len(canvas.positions) or (
            bool(leading) and self._output.would_end(leading)
        )

    def _required(self, canvas: Canvas) -> bytes:
        return self._output.required_after([position.token for position in canvas.leading])

    def _choose_length(self, most: int, stop: Stop) -> Length:
        """Choose the number of masks; probing forwards are counted and traced like all others."""

        def probe(masks: int) -> float:
            canvas = Canvas(masks, masks)
            marginals = self._forward(canvas.tokens, stop)
            self._trace.show("canvas", self._last_ms, canvas.cells)
            return float(self._allow(canvas, marginals).softmax(-1).amax(-1).mean())

        hole = self._hole
        forced = len(self._tokenizer.encode(self._partial + hole.expect("")))
        prior = None
        if hole.lengths is not None:
            characters = sum(len(part.text) for part in hole.prompt.parts) - len(self._partial)
            code = self._tokenizer.encode(CODE)
            density = measure_density(characters, len(self._prompt.ids), len(code))
            prior = Prior.of(hole.lengths, density, len(self._partial), most)
        hints = LengthHints(
            least=min(max(1, forced), most),
            most=most,
            usual=self._settings.fixed_tokens,
            prior=prior,
            growing=self._denoiser.growth is not None,
        )
        return choose_length(self._settings.length, hints, probe, self._bias)

    def _forward(self, tokens: Sequence[int], stop: Stop) -> Marginals[Tensor]:
        if stop() or self._hole.late:  # an unfinished canvas has no usable text
            raise Cancelled
        started = time.perf_counter()
        prompt = self._prompt.continued(self._output.ids)
        refresh = self._refresh.due(len(prompt.prefix), len(tokens))
        marginals = self._denoiser.denoise(prompt, tokens, refresh)
        self._last_ms = self._cost.count("canvas", started)
        vocabulary = marginals.vocabulary
        return Marginals(
            torch.as_tensor(marginals.logits),
            None if vocabulary is None else torch.as_tensor(vocabulary),
        )

    def _entries(self, marginals: Marginals[Tensor], tokens: Sequence[int]) -> Tensor:
        """The columns of the logits that stand for ``tokens``."""
        wanted = torch.tensor(tokens, dtype=torch.long, device=marginals.logits.device)
        if marginals.vocabulary is None:
            return wanted
        return torch.isin(marginals.vocabulary, wanted).nonzero().flatten()

    def _write(self, canvas: Canvas) -> None:
        """Append the tokens before the first mask to the output, up to the end of the text."""
        self._resizing *= canvas.resizing
        for position in canvas.leading:
            self._output.append(position.token)
            self._confidences.append(position.confidence)
            self._cost.tokens += 1
            self._cost.drafted += 1
            self._cost.accepted["denoiser"] += 1
            self._trace.commit(position.token, "denoiser")
            if self._output.complete:
                return


def _constrain(logits: Tensor, entries: Tensor) -> Tensor:
    """The logits, with the first row restricted to ``entries``."""
    first = torch.full_like(logits[:1], float("-inf"))
    return torch.cat([first.index_copy(-1, entries, logits[:1, entries]), logits[1:]])


def _tokens(marginals: Marginals[Tensor], entries: Tensor) -> list[int]:
    """The token ids of ``entries``."""
    tokens = entries if marginals.vocabulary is None else marginals.vocabulary[entries]
    return [int(token) for token in tokens.tolist()]
