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

from lsp_server.diffusion.drafters.drafts import (
    LONGEST,
    Drafts,
    agreeing,
    compete,
    cut,
    expected_length,
    propose_denoiser,
    propose_file,
    propose_syntax,
)
from lsp_server.diffusion.drafters.prompt_lookup import Echo, History
from lsp_server.diffusion.token_healing import JUDGED, Vocabulary, Writing, tokenize
from lsp_server.diffusion.trace import Trace
from lsp_server.diffusion.types import (
    Accepted,
    Forwards,
    Hole,
    Infill,
    Milliseconds,
    Origin,
    Reason,
)
from lsp_server.models.interfaces import Cancelled, Model, Stop, Verifier
from lsp_server.settings import Settings

_SURE_ENOUGH = 0.85  # accepted drafts to expect without a canvas before it is left out
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

    def learn(self, gain: int) -> None:
        """A canvas brought so many tokens more than there would have been without it."""
        self._gain += 0.1 * (gain - self._gain)


class VerifiedDecoding:
    """One hole being filled; made new for every request."""

    def __init__(
        self,
        hole: Hole,
        model: Model,
        verifier: Verifier,
        vocabulary: Vocabulary,
        settings: Settings,
        trace: Trace,
    ) -> None:
        self._hole, self._tokenizer = hole, model.tokenizer
        self._verifier, self._denoiser = verifier, model.denoiser
        self._vocabulary, self._settings, self._trace = vocabulary, settings, trace
        self._prompt, stub = tokenize(hole, model.tokenizer)
        self._writing = Writing(hole, model.tokenizer, stub)
        self._history = History(self._prompt.ids)
        self._forwards, self._accepted, self._ms = Forwards(), Accepted(), Milliseconds()
        self._gauge = _Gauge()
        self._drafted = 0
        self._otherwise: Drafts = ()  # what would have been drafted without a canvas
        self._probability = 1.0  # of the first tokens, to the base

    def run(self, stop: Stop) -> Infill:
        """Fill the hole, or as much as there is time for; raises Cancelled between two forwards."""
        started = time.perf_counter()
        hole = self._hole
        prefill = self._verifier.prefill(self._prompt, lambda: stop() or hole.late)
        self._forwards.prefill = prefill.forwards
        self._ms.prefill = _since(started)
        self._trace.show("prefill", self._ms.prefill)
        self._commit(self._choose(prefill.logits), "base")
        while (reason := self._finished(stop)) is None:
            self._cycle(stop)
        self._ms.total = _since(started)
        return self._answer(reason, prefill.cached_tokens)

    def _finished(self, stop: Stop) -> Reason | None:
        """Why to write no more, or None; raises Cancelled where nothing can be shown yet."""
        reason = self._writing.finished(self._probability)
        if reason is not None:
            return reason
        late = self._hole.late
        if stop() or (late and not self._writing.answer.strip()):
            raise Cancelled
        return "late" if late else None

    def _cycle(self, stop: Stop) -> None:
        """Draft, verify, keep what agrees and the base's token behind it."""
        canvases = self._forwards.canvas
        drafts = () if self._writing.owed else self._propose(stop)
        started = time.perf_counter()
        pending = self._writing.ids[-1]
        rows = self._verifier.extend([pending, *(draft.token for draft in drafts)])
        self._forwards.verify += 1
        greedy = rows.argmax(-1).tolist()
        kept = agreeing(drafts, greedy)
        self._verifier.truncate(len(drafts) - kept)
        for row, draft in enumerate(drafts[:kept]):
            if self._writing.complete:  # what was drafted behind its end is dropped
                break
            self._judge(rows[row], draft.token)
            self._accepted.add(draft.source, 1)
            self._commit(draft.token, draft.source)
        if not self._writing.complete:
            self._commit(self._choose(rows[kept]), "base")
        self._drafted += len(drafts)
        if self._forwards.canvas > canvases:
            self._gauge.learn(kept - agreeing(self._otherwise, greedy[: kept + 1]))
        elapsed = _since(started)
        self._ms.verify += elapsed
        self._trace.show(
            "verify", elapsed, [(draft.token, draft.source, "refused") for draft in drafts[kept:]]
        )

    def _propose(self, stop: Stop) -> Drafts:
        """The best drafts for what follows the pending token."""
        allowed = self._settings.drafts
        room = min(self._writing.room - 1, LONGEST)  # one is the base's own
        if not allowed or room < 1:
            return ()
        floor, candidates = self._settings.draft_confidence, []
        if "file" in allowed:
            candidates.append(propose_file(Echo(self._history), floor, room))
        if "syntax" in allowed:
            candidates.append(propose_syntax(self._tokenizer, self._hole, self._writing.text))
        self._otherwise = compete(candidates)
        sure = expected_length(self._otherwise) >= _SURE_ENOUGH
        if "denoiser" in allowed and not sure and self._gauge.worthwhile():
            if stop():
                raise Cancelled
            candidates.append(self._denoise(floor, room))
        return cut(compete(candidates), floor, room)

    def _denoise(self, floor: float, room: int) -> Drafts:
        started = time.perf_counter()
        prompt = self._prompt.continued(self._writing.ids)
        echo = Echo(self._history) if "file" in self._settings.drafts else None
        drafts = propose_denoiser(self._denoiser, prompt, echo, floor, room)
        self._forwards.canvas += 1
        elapsed = _since(started)
        self._ms.canvas += elapsed
        self._trace.show("canvas", elapsed, [(d.token, d.source, "draft") for d in drafts])
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
        if len(self._writing.ids) < JUDGED:
            self._probability *= float((logits[token] - logits.logsumexp(-1)).exp())

    def _commit(self, token: int, origin: Origin) -> None:
        self._writing.append(token)
        self._history.append(token)
        self._trace.commit(token, origin)

    def _answer(self, reason: Reason, cached_tokens: int) -> Infill:
        return Infill(
            text=self._writing.answer,
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
