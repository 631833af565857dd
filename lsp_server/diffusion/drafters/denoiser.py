"""The denoiser as drafter: one canvas of masks after the output, filled in one forward."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from torch import Tensor

from lsp_server.diffusion.drafters.drafts import NEGLIGIBLE, Draft, Drafts
from lsp_server.diffusion.drafters.prompt_lookup import Lookup, Prediction, extend_drafts
from lsp_server.models.interfaces import MASK, Denoiser, PromptTokens
from lsp_server.settings import Source

if TYPE_CHECKING:
    from lsp_server.diffusion.drafters.drafter import DraftContext

_CANDIDATES = 32  # most probable entries of each mask among which a draft is chosen


class DenoiserDrafter:
    """Drafts the denoiser's best tokens, mixed with prompt lookup where that is switched on."""

    name: Final[Source] = "denoiser"
    runs_denoiser: Final = True

    def __init__(self, context: DraftContext) -> None:
        self._context = context

    def propose(self, limit: int) -> Drafts:
        """See ``Drafter``."""
        context = self._context
        prompt = context.prompt.continued(context.output.ids)
        lookup = Lookup(context.index) if "file" in context.sources else None
        return draft_masks(context.model.denoiser, prompt, limit, lookup)


def draft_masks(
    denoiser: Denoiser,
    prompt: PromptTokens,
    limit: int,
    lookup: Lookup | None = None,
    floor: float = NEGLIGIBLE,
) -> Drafts:
    """Run one canvas of masks after the prefix and choose a token for each, left to right.

    A mask's distribution is conditioned on the token drafted before it, if the model has a
    coupling, and mixed with the prediction of ``lookup``. Stops after ``limit`` drafts or where
    their joint confidence falls below ``floor``.
    """
    prefix = prompt.prefix
    marginals = denoiser.denoise(prompt, [MASK] * denoiser.width(len(prefix)))
    coupling, vocabulary = marginals.coupling, marginals.vocabulary
    logits = marginals.logits[:limit]
    best, entries = logits.topk(min(_CANDIDATES, logits.shape[-1]))
    probabilities = (best - logits.logsumexp(-1, keepdim=True)).exp()
    tokens = entries if vocabulary is None else vocabulary[entries]
    others = (1 - probabilities.sum(-1)).clamp(min=0)  # of all other entries
    drafts: list[Draft] = []
    before, together = prefix[-1], 1.0
    for row, shares in enumerate(probabilities):
        if coupling is not None:
            weights = shares * coupling(row, before, entries[row]).exp()
            shares = weights / (weights.sum() + others[row])
        draft = _choose(shares, tokens[row], None if lookup is None else lookup.predict())
        together *= draft.confidence
        if together < floor:
            return tuple(drafts)
        drafts.append(draft)
        before = draft.token
        if lookup is not None:
            lookup.append(before)
    return tuple(drafts) if lookup is None else extend_drafts(drafts, lookup, limit, floor)


def _choose(shares: Tensor, tokens: Tensor, prediction: Prediction | None) -> Draft:
    """The best token of a mask, by the denoiser and by prompt lookup.

    Their distributions are mixed (as in continuous caches, arXiv 1612.04426). The weight of the
    prediction is the square of its confidence, which fitted best: the two are not independent.
    """
    best = int(shares.argmax())
    draft = Draft(int(tokens[best]), float(shares[best]), "denoiser")
    if prediction is None:
        return draft
    weight = prediction.confidence**2
    predicted = weight + (1 - weight) * float(shares[tokens == prediction.token].sum())
    if draft.token == prediction.token:
        return replace(draft, confidence=predicted)
    kept = (1 - weight) * draft.confidence
    if kept > predicted:
        return replace(draft, confidence=kept)
    return Draft(prediction.token, predicted, "file")
