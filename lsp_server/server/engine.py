"""The life of the model behind the server: loaded in the background, replaced, paused, failed.

Knows when there is a completion service and what to tell people while there is none. Does not know
the editor, its documents or how its messages travel.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from threading import Event
from typing import Final

from lsp_server.completion.service import CompletionService
from lsp_server.models.base import Model, ModelError
from lsp_server.server.protocol import ModelSummary, State, Status
from lsp_server.server.worker import Worker
from lsp_server.settings import Settings

logger = logging.getLogger(__name__)

RELOADING: Final = ("model", "precision", "device", "threads")
"""Settings that only a newly loaded model can follow."""

Progress = Callable[[str, float], None]
Load = Callable[[Settings, Progress], Model]


class Engine:
    """Owns the model and the service on top of it. Used from the event loop's thread.

    ``changed`` is called there whenever ``status`` has something new to say.
    """

    def __init__(
        self, settings: Settings, worker: Worker, load: Load, changed: Callable[[], None]
    ) -> None:
        self.settings = settings
        self._worker, self._load, self._changed = worker, load, changed
        self._model: Model | None = None
        self._service: CompletionService | None = None
        self._paused = False
        self._state: State = "loading"
        self._message, self._progress = "waiting for the editor", 0.0
        self._task: asyncio.Task[None] | None = None  # the latest load or rebuild

    @property
    def service(self) -> CompletionService | None:
        """The service, if completions may be asked of it now."""
        return self._service if self.status.state == "ready" else None

    @property
    def status(self) -> Status:
        """What there is to tell."""
        state, message = self._state, self._message
        if state == "ready" and self._paused:
            state, message = "paused", "paused: no completions until resumed"
        elif state == "ready" and not any(self.settings.languages.values()):
            state, message = "off", "switched off for every language"
        progress = self._progress if state == "loading" else None
        return Status(state, message, progress, _summary(self._model))

    def forget(self, uri: str) -> None:
        """Forget what is kept of a document, whether completions may be asked for or not."""
        if self._service is not None:
            self._service.forget(uri)

    def pause(self, paused: bool) -> None:
        """Pause or resume."""
        self._paused = paused
        self._worker.cool()
        self._changed()

    def apply(self, settings: Settings) -> None:
        """Follow new settings; a model that is there already is loaded anew where it must be."""
        old, self.settings = self.settings, settings
        if settings == old or self._task is None:
            return
        reload = any(getattr(old, name) != getattr(settings, name) for name in RELOADING)
        if reload or self._model is None:
            self.start()
        else:
            self._task = asyncio.create_task(self._serve(self._model))

    def start(self) -> None:
        """Load the model that the settings name, in the background; replaces a loaded one."""
        self._model = self._service = None
        self._tell("loading", "loading the model", 0.0)
        self._task = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        loop, settings = asyncio.get_running_loop(), self.settings

        def report(message: str, progress: float) -> None:
            loop.call_soon_threadsafe(self._tell_progress, message, progress)

        def load() -> Model:
            gc.collect()  # the model before this one, before there are two
            return self._load(settings, report)

        try:
            model = await self._worker.run(load, Event())
            if self._current():
                await self._serve(model)
        except ModelError as error:
            if self._current():
                self._tell("error", str(error))
        except Exception as error:
            logger.error("the model cannot be loaded", exc_info=error)
            if self._current():
                self._tell("error", f"the model cannot be loaded: {error}")

    async def _serve(self, model: Model) -> None:
        settings = self.settings

        def build() -> CompletionService:
            from lsp_server.diffusion.decoder import Decoder

            return CompletionService(Decoder(model, settings), settings)

        service = await self._worker.run(build, Event())
        if self._current():
            self._model, self._service = model, service
            self._tell("ready", "")

    def _current(self) -> bool:
        """Whether the running task is the latest; what an overtaken one brings is dropped."""
        return asyncio.current_task() is self._task

    def _tell(self, state: State, message: str, progress: float = 0.0) -> None:
        self._state, self._message, self._progress = state, message, progress
        self._changed()

    def _tell_progress(self, message: str, progress: float) -> None:
        if self._state == "loading":
            self._tell("loading", message, progress)


def _summary(model: Model | None) -> ModelSummary | None:
    if model is None:
        return None
    info = model.info
    return ModelSummary(
        info.name, info.family, info.parameters, info.device, info.precision, info.load_ms
    )
