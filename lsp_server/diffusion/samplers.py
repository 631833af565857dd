"""Which masks of a canvas to commit after a forward, and which tokens to take back.

Small pure functions over logits of shape (masks, entries), under their published names. Every
sampler commits at least one mask, so that denoising always ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_STABLE_ENTROPY = 0.005  # nats per mask, as DiffusionGemma's generation has it


def commit_confident(logits: Tensor, threshold: float) -> list[int]:
    """Every mask whose best token is more probable than ``threshold``; else the most probable.

    Confidence-aware parallel decoding of Fast-dLLM (arXiv 2505.22618).
    """
    confidence = logits.softmax(-1).amax(-1)
    chosen = torch.nonzero(confidence > threshold).flatten()
    return chosen.tolist() if len(chosen) else [int(confidence.argmax())]


def commit_factor(logits: Tensor, factor: float) -> list[int]:
    """The n most confident masks, for the largest n with (n + 1)(1 - c) < ``factor``; n >= 1.

    c is the lowest confidence among them: the more masks are committed together, the more
    confident each must be. The factor-based decoding of Fast-dLLM (arXiv 2505.22618); for
    ``factor`` 1 its theorem 1 says that this equals committing one mask after the other.
    """
    confidence, order = logits.softmax(-1).amax(-1).sort(descending=True, stable=True)
    together = torch.arange(2, len(order) + 2, device=order.device)
    return _leading(order, together * (1 - confidence) < factor)


def commit_bounded_entropy(logits: Tensor, bound: float) -> list[int]:
    """The most certain masks whose joint entropy stays within ``bound`` nats; at least one.

    Takes the longest run of masks, by rising entropy H, with sum(H) - max(H) <= bound: the
    entropy-bounded sampler (arXiv 2505.24857).
    """
    rising, order = measure_entropy(logits).sort(stable=True)
    return _leading(order, rising.cumsum(0) - rising <= bound)


def commit_top_k(logits: Tensor, count: int) -> list[int]:
    """The ``count`` most confident masks, whatever their confidence; all if there are fewer.

    Low-confidence re-masking with a fixed number of tokens per step, as in LLaDA (arXiv
    2502.09992) and MaskGIT (arXiv 2202.04200).
    """
    confidence = logits.softmax(-1).amax(-1)
    order = confidence.argsort(descending=True, stable=True)
    return sorted(order[: max(1, count)].tolist())


def choose_doubtful(confidences: Sequence[float], threshold: float) -> list[int]:
    """The tokens to take back: those less probable than ``threshold`` when they were committed.

    ``confidences``: one per token of a finished canvas. At most half of the tokens, those of lowest
    confidence, become masks again, so that each has more known tokens around it than before. A
    deterministic relative of ReMDM-conf (arXiv 2503.00307), which draws tokens to remask with a
    probability that falls with their confidence. Done once per canvas, it adds at most half as
    many forwards as the canvas has tokens.
    """
    doubtful = [index for index, each in enumerate(confidences) if each < threshold]
    doubtful.sort(key=confidences.__getitem__)
    return sorted(doubtful[: len(confidences) // 2])


def measure_entropy(logits: Tensor) -> Tensor:
    """The entropy of each mask's distribution in nats, shape (masks,)."""
    distribution = logits.log_softmax(-1)
    return -(distribution.exp() * distribution.nan_to_num(neginf=0.0)).sum(-1)


def is_certain(logits: Tensor) -> bool:
    """Whether the mean entropy of the masks is below 0.005 nats.

    One of the two conditions of DiffusionGemma's stopping rule, with its bound; the other is that
    the best tokens are those of the forward before.
    """
    return bool(measure_entropy(logits).mean() < _STABLE_ENTROPY)


def _leading(order: Tensor, fits: Tensor) -> list[int]:
    """The masks of ``order`` before the first that does not fit; always at least one."""
    fits[0] = True
    return sorted(order[: int(fits.long().cumprod(0).sum())].tolist())
