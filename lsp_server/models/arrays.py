"""The types of numpy arrays, and what numpy lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float32]


def logsumexp(logits: Floats) -> float:
    """The logarithm of the sum of exponentials of a row (entries,)."""
    peak = logits.max()
    return float(peak + np.log(np.exp(logits - peak).sum()))


def find_largest(logits: Floats, count: int) -> Array:
    """The indices of the ``count`` largest entries of a row, the largest first."""
    first = max(0, len(logits) - count)
    found = np.argpartition(logits, first)[first:] if first else np.arange(len(logits))
    order: Array = found[np.argsort(-logits[found], kind="stable")]
    return order
