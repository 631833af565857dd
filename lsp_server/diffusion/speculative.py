"""Speculative decoding: drafts of several drafters, verified by the base's causal mode.

Each cycle drafts tokens to follow the pending token (the last one written, which the base has not
read yet), possibly with one canvas, and verifies them in one forward. Drafts are accepted up to the
first that differs from the base's own token, which is written instead. The text is therefore the
base's greedy text, in fewer forwards. After speculative decoding (arXiv 2211.17192) and set block
decoding (arXiv 2509.04185).
"""

from __future__ import annotations

import math
import time

import numpy as np

from lsp_server.diffusion.draft_policy import MOST_DRAFTS, DraftPolicy, Plan
from lsp_server.diffusion.drafters.drafter import DraftContext, Drafter
from lsp_server.diffusion.drafters.drafts import Drafts, count_agreeing
from lsp_server.diffusion.drafters.factory import make_drafters
from lsp_server.diffusion.drafters.prompt_lookup import TokenIndex
from lsp_server.diffusion.output import JUDGED_TOKENS, Output
from lsp_server.diffusion.token_healing import Vocabulary, tokenize
from lsp_server.diffusion.trace import Trace
from lsp_server.diffusion.types import Cost, Hole, Infill, Origin, Reason
from lsp_server.models.arrays import Floats, logsumexp
from lsp_server.models.interfaces import Cancelled, Model, Stop, Verifier
from lsp_server.settings import Settings


class SpeculativeDecoding:
    """Fills one hole; created anew for every request."""

    def __init__(
        self,
        hole: Hole,
        model: Model,
        verifier: Verifier,
        vocabulary: Vocabulary,
        policy: DraftPolicy,
        settings: Settings,
        trace: Trace,
        cost: Cost,
    ) -> None:
        self._hole, self._verifier, self._vocabulary = hole, verifier, vocabulary
        self._policy, self._trace, self._cost = policy, trace, cost
        self._prompt, partial = tokenize(hole, model.tokenizer)
        self._output = Output(hole, model.tokenizer, partial)
        self._index = TokenIndex(self._prompt.ids)
        for token in hole.written.ids:
            self._write(token, "base")
        self._drafters = make_drafters(
            DraftContext(hole, model, self._prompt, self._output, self._index, settings.drafts)
        )
        policy.begin()
        # Joint probability of the first tokens, by the base.
        self._probability = hole.written.beginning

    def run(self, stop: Stop) -> Infill:
        """Fill the hole, as far as it is wanted; raises Cancelled if no token was written."""
        reason = self._decode(stop)
        return Infill(
            text=self._output.answer,
            reason=reason,
            confidence=0.0 if reason == "hopeless" else 1.0,
            cost=self._cost,
            ids=tuple(self._output.ids),
            beginning=self._probability,
        )

    def _decode(self, stop: Stop) -> Reason:
        """Write tokens until there is a reason to stop, which is returned."""
        try:
            reason = self._finished(stop) if self._output.ids else None
            if reason is None:
                self._commit(self._choose(self._prefill(stop)), "base")
                while (reason := self._finished(stop)) is None:
                    self._cycle(stop)
        except Cancelled:
            if not self._output.ids:
                raise
            return "late" if self._hole.late else "stopped"
        return reason

    def _prefill(self, stop: Stop) -> Floats:
        """The logits, (vocabulary,), of the token after the prompt."""
        started, hole = time.perf_counter(), self._hole
        try:
            prompt = self._prompt.continued(self._output.ids)
            prefill = self._verifier.prefill(prompt, lambda: stop() or hole.late)
        except Cancelled as cancelled:
            self._cost.count("prefill", started, cancelled.forwards)
            raise
        self._cost.cached_tokens = prefill.cached_tokens
        self._trace.show("prefill", self._cost.count("prefill", started, prefill.forwards))
        return prefill.logits

    def _finished(self, stop: Stop) -> Reason | None:
        """Why to stop, or None."""
        reason = self._output.finished(self._probability)
        if reason is not None:
            return reason
        if stop() or not self._hole.go_on(self._output.text):
            return "stopped"
        return "late" if self._hole.late else None

    def _cycle(self, stop: Stop) -> None:
        """Draft, verify, and write the accepted drafts and the base's next token."""
        plan, without_canvas = self._plan(stop)
        drafts = plan.drafts
        started = time.perf_counter()
        pending = self._output.ids[-1]
        rows = self._verifier.extend([pending, *(draft.token for draft in drafts)])
        greedy = rows.argmax(-1).tolist()
        kept = count_agreeing(drafts, greedy)
        self._verifier.truncate(len(drafts) - kept)
        ms = self._cost.count("verify", started)
        self._policy.costs.record_verify(len(rows), ms)
        self._policy.record(plan, greedy[: kept + 1], without_canvas)
        self._cost.drafted += len(drafts)
        for row, draft in enumerate(drafts[:kept]):
            if self._output.complete:  # drafts beyond the end are dropped
                break
            self._judge(rows[row], draft.token)
            self._cost.accepted[draft.source] += 1
            self._commit(draft.token, draft.source)
        if not self._output.complete:
            self._commit(self._choose(rows[kept]), "base")
        self._trace.show(
            "verify", ms, lambda: ((d.token, d.source, "refused") for d in drafts[kept:])
        )

    def _plan(self, stop: Stop) -> tuple[Plan, Plan | None]:
        """What to verify after the pending token; after a canvas, also what without it."""
        limit = 0 if self._output.required else min(self._output.room - 1, MOST_DRAFTS)
        if limit < 1:
            return self._policy.plan((), 0), None
        candidates = [each.propose(limit) for each in self._drafters if not each.runs_denoiser]
        plan = without_canvas = self._policy.plan(candidates, limit)
        denoisers = [each for each in self._drafters if each.runs_denoiser]
        if not denoisers or not self._policy.canvas_pays(plan, limit):
            return plan, None
        candidates += [self._run_canvas(each, limit, stop) for each in denoisers]
        return self._policy.plan(candidates, limit, canvas=True), without_canvas

    def _run_canvas(self, drafter: Drafter, limit: int, stop: Stop) -> Drafts:
        if stop():
            raise Cancelled
        started = time.perf_counter()
        drafts = drafter.propose(limit)
        ms = self._cost.count("canvas", started)
        self._policy.costs.record_canvas(ms)
        self._trace.show("canvas", ms, lambda: ((d.token, d.source, "draft") for d in drafts))
        return drafts

    def _choose(self, logits: Floats) -> int:
        """The base's best token; if bytes are required, the best that fits them."""
        required = self._output.required
        if required:
            allowed, every = self._vocabulary.continuing(required), logits
            logits = np.full_like(every, -np.inf)
            logits[allowed] = every[allowed]
        token = int(logits.argmax())
        self._judge(logits, token)
        return token

    def _judge(self, logits: Floats, token: int) -> None:
        if len(self._output.ids) < JUDGED_TOKENS:
            self._probability *= math.exp(logits[token] - logsumexp(logits))

    def _commit(self, token: int, origin: Origin) -> None:
        self._write(token, origin)
        self._cost.tokens += 1

    def _write(self, token: int, origin: Origin) -> None:
        self._output.append(token)
        self._index.append(token)
        self._trace.commit(token, origin)
