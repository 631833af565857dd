"""The ways of decoding that every benchmark runs side by side, on one loaded model.

Knows settings and the decoder; nothing of what is measured with them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.types import Hole
from lsp_server.models.interfaces import Model
from lsp_server.settings import Settings

SHIPPED = "as set"
WITHOUT_DENOISER = "denoiser off"
ONE_AT_A_TIME = "one at a time"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A name and a decoder of its own; the model behind it is shared."""

    name: str
    decoder: Decoder


def contestants(model: Model, settings: Settings) -> list[Contestant]:
    """The decoder as set, the same without the denoiser's drafts, and the reference.

    A model that has no causal mode has nothing without its denoiser; its reference settles the
    surest mask, one per forward.
    """
    without = tuple(source for source in settings.drafts if source != "denoiser")
    chosen = {SHIPPED: settings}
    if model.verifier is not None:
        chosen[WITHOUT_DENOISER] = replace(settings, sampler="verify", drafts=without)
        chosen[ONE_AT_A_TIME] = replace(settings, sampler="verify", drafts=())
    else:
        chosen[ONE_AT_A_TIME] = replace(settings, sampler="top_k", top_k=1)
    return [Contestant(name, Decoder(model, each)) for name, each in chosen.items()]


def rotated(items: Sequence[T], turn: int) -> Iterator[T]:
    """All items, beginning with another one at every turn: none always runs first."""
    for index in range(len(items)):
        yield items[(index + turn) % len(items)]


def forget(model: Model) -> None:
    """Leave nothing of earlier holes in the model's cache."""
    if model.verifier is not None:
        model.verifier.forget()


def prefill_cold(decoder: Decoder, hole: Hole) -> tuple[int, float]:
    """Bring the emptied cache to a hole's prompt; returns forwards and milliseconds."""
    forget(decoder.model)
    started = time.perf_counter()
    forwards = decoder.prefill(hole)
    return forwards, (time.perf_counter() - started) * 1000
