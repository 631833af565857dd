"""The variants of decoding that every benchmark runs side by side, on one loaded model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.types import Hole
from lsp_server.models.interfaces import Model
from lsp_server.settings import Settings

AS_SET = "as set"
WITHOUT_DENOISER = "denoiser off"
ONE_AT_A_TIME = "one at a time"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Variant:
    """A named decoder; the model behind it is shared by all of them."""

    name: str
    decoder: Decoder


def make_variants(model: Model, settings: Settings) -> list[Variant]:
    """The decoder as set, the same without the denoiser's drafts, and one token at a time.

    A model without a causal mode needs its denoiser: its second variant is left out, and its third
    commits the most probable mask of each forward.
    """
    without = tuple(source for source in settings.drafts if source != "denoiser")
    chosen = {AS_SET: settings}
    if model.verifier is not None:
        chosen[WITHOUT_DENOISER] = replace(settings, decoding="speculative", drafts=without)
        chosen[ONE_AT_A_TIME] = replace(settings, decoding="speculative", drafts=())
    else:
        chosen[ONE_AT_A_TIME] = replace(settings, sampler="top_k", top_k=1)
    return [Variant(name, Decoder(model, each)) for name, each in chosen.items()]


def rotated(items: Sequence[T], turn: int) -> Iterator[T]:
    """All items, starting with another one for each ``turn``, so that none always runs first."""
    for index in range(len(items)):
        yield items[(index + turn) % len(items)]


def clear_cache(model: Model) -> None:
    """Empty the model's KV cache."""
    model.forget()


def prefill_cold(decoder: Decoder, hole: Hole) -> tuple[int, float]:
    """Empty the KV cache and prefill a hole's prompt; returns forwards and milliseconds."""
    clear_cache(decoder.model)
    started = time.perf_counter()
    forwards = decoder.prefill(hole)
    return forwards, (time.perf_counter() - started) * 1000
