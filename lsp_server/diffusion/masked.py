"""Pure denoising: every mask of a canvas is committed by its own confidence, nothing verifies.

The way of every masked diffusion model that has no causal mode: several masks per forward, in any
order. For a two-sided model the canvas is the whole hole, between prefix and suffix; for the
others canvases follow one another, left to right. Knows what a forward's marginals lead to;
samplers say which masks fall, lengths how many masks there are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from lsp_server.diffusion.canvas import Board, Position
from lsp_server.diffusion.length import (
    CODE,
    Bias,
    Outlook,
    Prior,
    choose_length,
    measure_density,
    published_bias,
)
from lsp_server.diffusion.refresh import Refresh
from lsp_server.diffusion.samplers import (
    choose_doubtful,
    commit_bounded_entropy,
    commit_confident,
    commit_factor,
    commit_top_k,
    is_certain,
)
from lsp_server.diffusion.token_healing import JUDGED, Vocabulary, Writing, tokenize
from lsp_server.diffusion.trace import Trace
from lsp_server.diffusion.types import (
    Accepted,
    Forwards,
    Hole,
    Infill,
    Length,
    Milliseconds,
    Reason,
)
from lsp_server.models.interfaces import Cancelled, Marginals, Model, Stop
from lsp_server.settings import Settings


class PureDenoising:
    """One hole being filled; made new for every request.

    It ends: with m = ``hole.max_tokens``, a two-sided canvas takes at most m forwards, half as many
    again where tokens are taken back, 3m more where it may expand, else m to search its length.
    """

    def __init__(
        self,
        hole: Hole,
        model: Model,
        vocabulary: Vocabulary,
        settings: Settings,
        trace: Trace,
        bias: Bias = published_bias,
    ) -> None:
        self._hole, self._tokenizer, self._denoiser = hole, model.tokenizer, model.denoiser
        self._vocabulary, self._settings, self._trace = vocabulary, settings, trace
        self._bias = bias
        self._prompt, self._stub = tokenize(hole, model.tokenizer, model.denoiser.two_sided)
        self._writing = Writing(hole, model.tokenizer, self._stub)
        self._refresh = Refresh(settings.refresh_every)
        self._forwards, self._ms = Forwards(), Milliseconds()
        self._last_ms = 0.0
        self._length: Length | None = None
        self._confidences: list[float] = []  # of what has been written
        self._growing = 1.0  # of the tokens that changed the canvas's length
        self._beginning = 1.0  # of the first tokens together
        self._taken_back = 0

    def run(self, stop: Stop) -> Infill:
        """Fill the hole; raises Cancelled between two forwards."""
        started = time.perf_counter()
        reason = self._fill_hole(stop) if self._denoiser.two_sided else self._go_on(stop)
        self._ms.total = (time.perf_counter() - started) * 1000
        return Infill(
            text=self._writing.answer,
            reason=reason,
            confidence=self._growing * prod(self._confidences),
            tokens=len(self._writing.ids),
            forwards=self._forwards,
            accepted=Accepted(denoiser=len(self._writing.ids)),
            drafted=len(self._writing.ids) + self._taken_back,
            cached_tokens=0,
            ms=self._ms,
            ids=tuple(self._writing.ids),
            length=self._length,
        )

    def _fill_hole(self, stop: Stop) -> Reason:
        """One canvas that is the hole."""
        most = min(self._hole.max_tokens, self._denoiser.width(len(self._prompt.prefix)))
        self._length = self._choose_length(most, stop)
        growth = self._denoiser.growth if self._length.strategy == "grow" else None
        board = Board(self._length.masks, most, growth)
        self._fill(board, stop)
        self._write(board)
        if self._beginning < self._hole.min_confidence:
            return "hopeless"
        return "length" if self._writing.owed else "ended"

    def _go_on(self, stop: Stop) -> Reason:
        """Canvas after canvas, until the text has come to its end."""
        while (reason := self._writing.finished(self._beginning)) is None:
            known = len(self._prompt.prefix) + len(self._writing.ids)
            width = min(self._denoiser.width(known), self._writing.room)
            board = Board(width, width)
            self._fill(board, stop)
            self._write(board)
        return reason

    def _fill(self, board: Board, stop: Stop) -> None:
        """Denoise a canvas until its text is settled, or its beginning is hopeless."""
        revised = self._settings.sampler != "remask"
        while True:
            self._commit(board, self._forward(board.tokens, stop))
            if not board.masks and self._owed(board):
                board.append()
            settled = self._settled(board)
            if settled and not revised:
                revised, settled = True, not self._take_back(board)
            self._trace.show("canvas", self._last_ms, board.cells())
            self._beginning = prod([*self._confidences, *board.confidences][:JUDGED])
            if settled or self._beginning < self._hole.min_confidence:
                return

    def _commit(self, board: Board, marginals: Marginals) -> None:
        """Commit what the sampler says; before that the stub, one token at a time."""
        masks, owed = board.masks, self._owed(board)
        logits = self._allow(board, marginals)
        if owed:
            masks[0].held = True
            continuing = self._vocabulary.continuing(owed)
            allowed = self._entries(marginals, continuing)
            if not len(allowed):  # a head that is cut down to code may have none of them
                board.commit(masks[0], continuing[0], 1.0)
                return
            logits = _constrain(logits, allowed)
        best = logits.softmax(-1).max(-1)
        probabilities, tokens = best.values.tolist(), _tokens(marginals, best.indices)
        rows = self._choose(logits, masks, tokens)
        if owed:
            board.commit(masks[0], tokens[0], probabilities[0])
            # What follows may fall too, but only where it certainly follows the stub.
            rows = [] if self._owed(board) else [row for row in rows if row > 0]
        for row in rows:
            board.commit(masks[row], tokens[row], probabilities[row])

    def _choose(
        self, logits: Tensor, masks: Sequence[Position], tokens: Sequence[int]
    ) -> list[int]:
        """The rows to commit: all of a stable canvas, else what the sampler says.

        Stable is what the last forward and this one would fill with the same tokens, almost
        without doubt: DiffusionGemma's early stop.
        """
        stable = all(mask.guess == token for mask, token in zip(masks, tokens, strict=True))
        for mask, token in zip(masks, tokens, strict=True):
            mask.guess = token
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

    def _allow(self, board: Board, marginals: Marginals) -> Tensor:
        """The logits without growth where it is out of place: a fixed canvas, or a full one."""
        logits, growth = marginals.logits, self._denoiser.growth
        if growth is None or (board.growth and board.expandable):
            return logits
        unwanted = [growth.expand] if board.growth else [growth.expand, growth.delete]
        entries = self._entries(marginals, unwanted)
        return logits.index_fill(-1, entries, float("-inf"))

    def _take_back(self, board: Board) -> bool:
        """Make masks of the tokens that were least certain; whether there were any."""
        free = [position for position in board.leading if not position.held]
        doubtful = choose_doubtful([each.confidence for each in free], self._settings.threshold)
        board.take_back(free[index] for index in doubtful)
        self._taken_back += len(doubtful)
        return bool(doubtful)

    def _settled(self, board: Board) -> bool:
        """Whether nothing more has to fall: no mask is left, or none before the text's end."""
        leading = [position.token for position in board.leading]
        return len(leading) == len(board.positions) or (
            bool(leading) and self._writing.would_end(leading)
        )

    def _owed(self, board: Board) -> bytes:
        return self._writing.owed_after([position.token for position in board.leading])

    def _choose_length(self, most: int, stop: Stop) -> Length:
        """How many masks the hole gets; its forwards are counted and shown like all others."""

        def probe(masks: int) -> float:
            board = Board(masks, masks)
            marginals = self._forward(board.tokens, stop)
            self._trace.show("canvas", self._last_ms, board.cells())
            return float(self._allow(board, marginals).softmax(-1).amax(-1).mean())

        hole = self._hole
        forced = len(self._tokenizer.encode(self._stub + hole.expect("")))
        prior = None
        if hole.lengths is not None:
            characters = sum(len(part.text) for part in hole.prompt.parts) - len(self._stub)
            code = self._tokenizer.encode(CODE)
            density = measure_density(characters, len(self._prompt.ids), len(code))
            prior = Prior.of(hole.lengths, density, len(self._stub), most)
        outlook = Outlook(
            least=min(max(1, forced), most),
            most=most,
            usual=self._settings.fixed_tokens,
            prior=prior,
            growing=self._denoiser.growth is not None,
        )
        return choose_length(self._settings.length, outlook, probe, self._bias)

    def _forward(self, tokens: Sequence[int], stop: Stop) -> Marginals:
        if stop() or self._hole.late:  # a canvas that is not settled is no text
            raise Cancelled
        started = time.perf_counter()
        prompt = self._prompt.continued(self._writing.ids)
        refresh = self._refresh.due(len(prompt.prefix), len(tokens))
        marginals = self._denoiser.denoise(prompt, tokens, refresh)
        self._forwards.canvas += 1
        self._last_ms = (time.perf_counter() - started) * 1000
        self._ms.canvas += self._last_ms
        return marginals

    def _entries(self, marginals: Marginals, tokens: Sequence[int]) -> Tensor:
        """The columns of the logits that belong to ``tokens``."""
        wanted = torch.tensor(tokens, dtype=torch.long, device=marginals.logits.device)
        if marginals.vocabulary is None:
            return wanted
        return torch.isin(marginals.vocabulary, wanted).nonzero().flatten()

    def _write(self, board: Board) -> None:
        """The tokens before the first mask are the text, up to where it ends."""
        self._growing *= board.growing
        for position in board.leading:
            self._writing.append(position.token)
            self._confidences.append(position.confidence)
            self._trace.commit(position.token, "denoiser")
            if self._writing.complete:
                return


def _constrain(logits: Tensor, entries: Tensor) -> Tensor:
    """The logits with nothing but ``entries`` in the first row."""
    first = torch.full_like(logits[:1], float("-inf"))
    return torch.cat([first.index_copy(-1, entries, logits[:1, entries]), logits[1:]])


def _tokens(marginals: Marginals, entries: Tensor) -> list[int]:
    """Token ids of entries."""
    tokens = entries if marginals.vocabulary is None else marginals.vocabulary[entries]
    return [int(token) for token in tokens.tolist()]
