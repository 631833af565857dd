"""Which masks of a canvas to commit after a forward: small pure functions over logits.

Knows probabilities; nothing of models, caches or text. Every sampler commits at least one mask,
so that denoising always ends.
"""

from __future__ import annotations

import torch
from torch import Tensor


def commit_confident(logits: Tensor, threshold: float) -> list[int]:
    """Every mask whose best token is more probable than ``threshold``; else the surest one.

    logits: (masks, entries). Confidence-aware parallel decoding of Fast-dLLM (arXiv 2505.22618).
    """
    confidence = logits.softmax(-1).amax(-1)
    chosen = torch.nonzero(confidence > threshold).flatten()
    return chosen.tolist() if len(chosen) else [int(confidence.argmax())]


def commit_bounded_entropy(logits: Tensor, bound: float) -> list[int]:
    """The most certain masks whose joint entropy stays within ``bound`` nats; at least one.

    logits: (masks, entries). Takes the longest run of masks, by rising entropy H, with
    sum(H) - max(H) <= bound: the entropy-bounded sampler (arXiv 2505.24857).
    """
    distribution = logits.log_softmax(-1)
    entropy = -(distribution.exp() * distribution.nan_to_num(neginf=0.0)).sum(-1)
    order = entropy.argsort(stable=True)
    rising = entropy[order]
    within = rising.cumsum(0) - rising <= bound
    within[0] = True
    return sorted(order[: int(within.long().cumprod(0).sum())].tolist())
