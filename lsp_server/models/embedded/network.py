"""What the embedded model needs of a runtime: its forwards, with arrays in and out.

There are two: ``openvino_network``, the default on CPUs, and ``torch_network``, the reference, for
other precisions and GPUs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lsp_server.models.arrays import Array, Floats
from lsp_server.models.sequences import Cache


@dataclass(frozen=True, slots=True)
class CanvasStates:
    """What the canvas pass says about each mask."""

    logits: Floats  # (masks, entries)
    of_state: Floats  # (masks, hidden): what masks add to the coupling's hidden layer


class Network(Protocol):
    """The layers of the base and of the denoiser, in one precision on one device.

    Caches come from ``new_cache`` and are passed back to the network that made them. Returned
    arrays belong to the caller.
    """

    @property
    def runtime(self) -> str:
        """What computes the forwards, for the user."""

    @property
    def device(self) -> str:
        """The device's name."""

    def new_cache(self) -> Cache:
        """An empty cache for one sequence."""

    def embed(self, tokens: Sequence[int] | Array) -> Floats:
        """Embeddings (tokens, width)."""

    def vector(self, name: str) -> Array:
        """A tensor of the denoiser that is no matrix of a layer, by its name."""

    def forward(self, tokens: Sequence[int], cache: Any) -> Floats:
        """Run tokens after the cached ones and keep them.

        Returns (tokens, taps + 1, width): the inputs of the tapped layers, and the normed states.
        """

    def head(self, states: Floats) -> Floats:
        """Logits (rows, vocabulary) of states (rows, width)."""

    def denoise(self, feature: Floats, pending: int, masks: int, cache: Any) -> CanvasStates:
        """Run ``masks`` masks behind a pending token, over the cached sequence before it.

        ``feature``: (features,), of the last cached row. The cache stays as it is.
        """


def centred(rows: Floats) -> Floats:
    """Layer normalisation of the last axis, without weights."""
    mean, variance = rows.mean(-1, keepdims=True), rows.var(-1, keepdims=True)
    normed: Floats = (rows - mean) / np.sqrt(variance + np.float32(1e-5))
    return normed
