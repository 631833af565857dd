"""The decoder: one model, one hole at a time, by the way that the settings name.

Knows canvases and logits, not documents; speaks to models only through ``models.base``.
"""

from __future__ import annotations

from dataclasses import replace

from lsp_server.diffusion.length import Bias, published_bias
from lsp_server.diffusion.masked import PureDenoising
from lsp_server.diffusion.speculative import VerifiedDecoding
from lsp_server.diffusion.token_healing import Prompt, Vocabulary
from lsp_server.diffusion.trace import Observer, Trace
from lsp_server.diffusion.types import Hole, Infill
from lsp_server.models.interfaces import Model, Stop, never
from lsp_server.settings import Settings


class Decoder:
    """Fills holes with one model. Not for two threads at once: the model has one cache."""

    def __init__(self, model: Model, settings: Settings, bias: Bias = published_bias) -> None:
        """``bias``: of the model's confidence by length, for the search of a canvas's length."""
        self.model, self.settings, self._bias = model, settings, bias
        self._vocabulary = Vocabulary(model.tokenizer.pieces())
        self._document = ""  # whose text is in the model's cache

    def infill(self, hole: Hole, stop: Stop = never, observe: Observer | None = None) -> Infill:
        """Fill a hole; ``observe`` sees every forward. Raises Cancelled between two forwards."""
        self._document = hole.document
        model, settings, trace = self.model, self.settings, Trace(self.model.tokenizer, observe)
        way: VerifiedDecoding | PureDenoising
        if settings.sampler == "verify" and model.verifier is not None:
            way = VerifiedDecoding(hole, model, model.verifier, self._vocabulary, settings, trace)
        else:
            way = PureDenoising(hole, model, self._vocabulary, settings, trace, self._bias)
        return replace(way.run(stop), suffix=model.info.suffix)

    def prefill(self, hole: Hole, stop: Stop = never) -> int:
        """Bring the model's cache to a hole's prompt ahead of time; returns the forwards."""
        if self.model.verifier is None:
            return 0
        self._document = hole.document
        prompt = Prompt.of(hole, self.model.tokenizer)
        return self.model.verifier.prefill(prompt.prefix, prompt.suffix, stop).forwards

    def forget(self, document: str) -> None:
        """Drop what the model's cache holds of a document."""
        if self.model.verifier is not None and document and document == self._document:
            self.model.verifier.prefill((), (), never)
            self._document = ""
