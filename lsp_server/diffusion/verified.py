"""Verified decoding: drafts from syntax, file and denoiser, checked by the base's causal mode.

A cycle is one verifying forward over the pending token and its drafts, then one canvas for the
next drafts. Agreeing drafts stay; at the first disagreement the base's own token takes over. The
text is the base's greedy text, in fewer forwards. Relatives: speculative decoding (arXiv
2211.17192), set block decoding (arXiv 2509.04185).
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from lsp_server.diffusion.boundary import Vocabulary, Writing, split
from lsp_server.diffusion.canvas import (
    Accepted,
    Forwards,
    Hole,
    Infill,
    Milliseconds,
    Origin,
    Reason,
)
from lsp_server.diffusion.drafts import (
    Drafts,
    FileDrafter,
    compete,
    cut,
    expected_length,
    propose_denoiser,
    propose_syntax,
)
from lsp_server.diffusion.trace import Trace
from lsp_server.models.base import Cancelled, Denoiser, Stop, Tokenizer, Verifier
from lsp_server.settings import Settings

_JUDGED = 3  # tokens whose joint probability decides whether an answer is hopeless
_SURE_ENOUGH = 4.0  # accepted file drafts to expect before the canvas is left out
_CANVAS_COST = 0.35  # of a verifying forward
_PAUSE = 8  # cycles without a canvas once canvases have stopped paying


class _Gauge:
    """Whether canvases pay for themselves in this text, by a moving average of their gain."""

    def __init__(self) -> None:
        self._gain, self._idle = 1.0, 0

    def worthwhile(self) -> bool:
        """Whether to run a canvas in this cycle."""
        if self._gain >= _CANVAS_COST or self._idle >= _PAUSE:
            self._idle = 0
            return True
        self._idle += 1
        return False

    def learn(self, accepted: int) -> None:
        """A canvas brought ``accepted`` tokens."""
        self._gain += 0.25 * (accepted - self._gain)


class VerifiedDecoding:
    """One hole being filled; made new for every request."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        verifier: Verifier,
        denoiser: Denoiser,
        vocabulary: Vocabulary,
        settings: Settings,
        trace: Trace,
    ) -> None:
        self._tokenizer, self._verifier, self._denoiser = tokenizer, verifier, denoiser
        self._vocabulary, self._settings, self._trace = vocabulary, settings, trace
        self._forwards, self._accepted, self._ms = Forwards(), Accepted(), Milliseconds()
        self._gauge = _Gauge()
        self._drafted = 0
        self._probability = 1.0  # of the first tokens, to the base

    def run(self, hole: Hole, stop: Stop) -> Infill:
        """Fill the hole; raises Cancelled between two forwards."""
        started = time.perf_counter()
        stem, stub = split(hole.prefix)
        self._prefix = self._tokenizer.encode(stem)
        self._suffix = self._tokenizer.encode(hole.suffix)
        self._writing = Writing(self._tokenizer.pieces(), stub)
        self._file = FileDrafter([*self._suffix, *self._prefix])
        prefill = self._verifier.prefill(self._prefix, self._suffix, stop)
        self._forwards.prefill = prefill.forwards
        self._ms.prefill = _since(started)
        self._trace.show("prefill", self._ms.prefill)
        self._commit(self._choose(prefill.logits), "base")
        while (reason := self._finished(hole)) is None:
            if stop():
                raise Cancelled
            self._cycle(hole, stop)
        self._ms.total = _since(started)
        return self._answer(hole, reason, prefill.cached_tokens)

    def _cycle(self, hole: Hole, stop: Stop) -> None:
        """Draft, verify, keep what agrees and the base's token behind it."""
        drafts = () if self._writing.owed else self._propose(hole, stop)
        started = time.perf_counter()
        pending = self._writing.ids[-1]
        rows = self._verifier.extend([pending, *(draft.token for draft in drafts)])
        self._forwards.verify += 1
        greedy = rows.argmax(-1).tolist()
        kept = 0
        while kept < len(drafts) and drafts[kept].token == greedy[kept]:
            kept += 1
        self._verifier.truncate(len(drafts) - kept)
        for row, draft in enumerate(drafts[:kept]):
            self._judge(rows[row], draft.token)
            self._accepted.add(draft.source, 1)
            self._commit(draft.token, draft.source)
        self._commit(self._choose(rows[kept]), "base")
        self._drafted += len(drafts)
        if any(draft.source == "denoiser" for draft in drafts):
            self._gauge.learn(sum(draft.source == "denoiser" for draft in drafts[:kept]))
        elapsed = _since(started)
        self._ms.verify += elapsed
        self._trace.show(
            "verify", elapsed, [(draft.token, draft.source, "refused") for draft in drafts[kept:]]
        )

    def _propose(self, hole: Hole, stop: Stop) -> Drafts:
        """The best drafts for what follows the pending token."""
        allowed = self._settings.drafts
        room = hole.max_tokens - len(self._writing.ids) - 1
        if not allowed or room < 1:
            return ()
        candidates = []
        if "file" in allowed:
            candidates.append(self._file.propose())
        if "syntax" in allowed:
            candidates.append(propose_syntax(self._tokenizer, hole, self._writing.text))
        floor = self._settings.draft_confidence
        candidates = [cut(candidate, floor, room) for candidate in candidates]
        sure = max(map(expected_length, candidates), default=0.0) >= _SURE_ENOUGH
        if "denoiser" in allowed and not sure and self._gauge.worthwhile():
            if stop():
                raise Cancelled
            candidates.append(cut(self._denoise(), floor, room))
        return cut(compete(candidates), floor, room)

    def _denoise(self) -> Drafts:
        started = time.perf_counter()
        known = [*self._prefix, *self._writing.ids]
        drafts = propose_denoiser(self._denoiser, known, self._suffix)
        self._forwards.canvas += 1
        elapsed = _since(started)
        self._ms.canvas += elapsed
        self._trace.show("canvas", elapsed, [(d.token, "denoiser", "draft") for d in drafts])
        return drafts

    def _choose(self, logits: Tensor) -> int:
        """The base's token; while the stub is not written, the best that goes on with it."""
        owed = self._writing.owed
        if owed:
            allowed = torch.tensor(self._vocabulary.continuing(owed), device=logits.device)
            logits = torch.full_like(logits, float("-inf")).index_copy_(0, allowed, logits[allowed])
        token = int(logits.argmax())
        self._judge(logits, token)
        return token

    def _judge(self, logits: Tensor, token: int) -> None:
        if len(self._writing.ids) < _JUDGED:
            self._probability *= float((logits[token] - logits.logsumexp(-1)).exp())

    def _commit(self, token: int, origin: Origin) -> None:
        if self._ended:  # what was drafted behind an end token is not part of the text
            return
        self._writing.append(token)
        self._file.append(token)
        if not self._ended:
            self._trace.commit(token, origin)

    @property
    def _ended(self) -> bool:
        ids = self._writing.ids
        return bool(ids) and ids[-1] in self._tokenizer.ends

    def _finished(self, hole: Hole) -> Reason | None:
        if self._ended or hole.end(self._writing.text) is not None:
            return "ended"
        if len(self._writing.ids) >= hole.max_tokens:
            return "length"
        return "hopeless" if self._probability < hole.min_confidence else None

    def _answer(self, hole: Hole, reason: Reason, cached_tokens: int) -> Infill:
        text = self._writing.text
        end = hole.end(text)
        return Infill(
            text=text if end is None else text[:end],
            reason=reason,
            confidence=0.0 if reason == "hopeless" else 1.0,
            tokens=len(self._writing.ids),
            forwards=self._forwards,
            accepted=self._accepted,
            drafted=self._drafted,
            cached_tokens=cached_tokens,
            ms=self._ms,
            ids=tuple(self._writing.ids),
        )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
