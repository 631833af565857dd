"""The engine's backend: a loaded model, and decoders for it that follow the current settings.

torch is not imported before a model is loaded, on the loader's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lsp_server.completion.service import Infiller
from lsp_server.models.interfaces import Model, ModelInfo
from lsp_server.models.threads import use_threads
from lsp_server.settings import Settings

Progress = Callable[[str, float], None]


class Backend(Protocol):
    """A loaded model."""

    @property
    def info(self) -> ModelInfo:
        """Name, size, device, precision."""

    def infiller(self, settings: Settings) -> Infiller:
        """A decoder with these settings; called on the thread that will use it."""


Load = Callable[[Settings, Progress, bool], Backend]
"""Loads the model that settings name; raises ModelError. Called on the loader's thread.

The last argument says whether arithmetic may be timed: not while another model is at work.
"""


class ModelBackend:
    """A model with a decoder; what is learnt about its drafts outlives the decoder."""

    def __init__(self, model: Model) -> None:
        from lsp_server.diffusion.draft_policy import DraftPolicy

        self._model, self._policy = model, DraftPolicy()

    @property
    def info(self) -> ModelInfo:
        """Name, size, device, precision."""
        return self._model.info

    def infiller(self, settings: Settings) -> Infiller:
        """A decoder; sets torch's number of threads on this thread to that of the settings."""
        from lsp_server.diffusion.decoder import Decoder

        use_threads(settings.threads)
        return Decoder(self._model, settings, policy=self._policy)


def load_backend(settings: Settings, progress: Progress, measure: bool) -> Backend:
    """Load a model by its name; blocking, for seconds to minutes. Raises ModelError."""
    from lsp_server.models.loader import load

    return ModelBackend(load(settings, progress, measure))
