"""The model behind the server: loads it in the background, replaces it, pauses it.

Provides the completion service once a model is loaded, and a status for the user in the meantime.
While another model loads, the current one keeps serving; it stays if the other cannot be loaded.
Knows neither the editor nor its documents.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final

from lsp_server.completion.service import CompletionService
from lsp_server.models.embedded.spec import SPEC
from lsp_server.models.interfaces import Cancelled, ModelError
from lsp_server.server.backend import Backend, Load
from lsp_server.server.messages import ModelSummary, State, Status
from lsp_server.server.worker import Worker
from lsp_server.settings import Settings

logger = logging.getLogger(__name__)

RELOADING: Final = ("model", "precision", "device", "runtime", "threads")
"""Settings that take effect only when the model is loaded again."""


class Engine:
    """Owns the model and the service on top of it. Used from the event loop's thread.

    ``load`` loads the model that the settings name. ``worker`` is the thread that runs models,
    ``loader`` the one that loads them. ``changed`` is called whenever ``status`` has changed.
    """

    def __init__(
        self,
        settings: Settings,
        worker: Worker,
        loader: Worker,
        load: Load,
        changed: Callable[[], None],
    ) -> None:
        self.settings = settings
        self._worker, self._loader = worker, loader
        self._load, self._changed = load, changed
        self._backend: Backend | None = None  # the model that serves …
        self._loaded_for: Settings | None = None  # … and the settings that it was loaded for
        self._service: CompletionService | None = None
        self._paused = False
        self._message = "waiting for the editor"
        self._progress: float | None = 0.0  # None: nothing is being loaded
        self._switch: asyncio.Task[None] | None = None  # the latest load
        self._rebuild: asyncio.Task[None] | None = None  # the latest service for other settings
        self._building = asyncio.Lock()

    @property
    def service(self) -> CompletionService | None:
        """The completion service, or None while the status is not "ready"."""
        return self._service if self.status.state == "ready" else None

    @property
    def status(self) -> Status:
        """The state of the model, with a message for the user."""
        summary = _summary(self._backend)
        state: State = "ready"
        if self._service is None:
            state = "error" if self._progress is None else "loading"
        elif self._paused:
            return Status("paused", "paused: no completions until resumed", model=summary)
        elif not any(self.settings.languages.values()):
            return Status("off", "switched off for every language", model=summary)
        return Status(state, self._message, self._progress, summary)

    def forget(self, uri: str) -> None:
        """Drop everything cached for a document, also while paused or switched off."""
        self._worker.stop_reading_ahead()
        service = self._service
        if service is not None:
            service.forget(uri)
            self._worker.submit(partial(service.forget_prompt, uri))

    def pause(self, paused: bool) -> None:
        """Pause or resume."""
        self._paused = paused
        self._worker.stop_reading_ahead()
        self._changed()

    def apply(self, settings: Settings) -> None:
        """Apply new settings; loads a model if they need another one."""
        old, self.settings = self.settings, settings
        if settings == old or self._switch is None:
            return
        if self._loaded_for is not None and _same_model(settings, self._loaded_for):
            self._switch.cancel()  # the model that serves is wanted again
            self._tell("", None)
            self._serve_anew()
        elif not _same_model(settings, old) or self.status.state == "error":
            self.start()
        else:
            self._serve_anew()

    def start(self) -> None:
        """Load the model that the settings name, in the background; it replaces the one there is.

        A load that this one overtakes is given up.
        """
        if self._switch is not None:
            self._switch.cancel()
        self._tell_progress("loading the model", 0.0)
        self._switch = asyncio.create_task(self._switch_model())

    async def _switch_model(self) -> None:
        settings, replacing = self.settings, self._backend is not None
        problem = await self._install(settings)
        if problem and self._backend is not None:
            problem = f"{problem}; {self._backend.info.name} goes on serving"
        elif problem and settings.model != SPEC.name:  # which then serves
            other = await self._install(replace(settings, model=SPEC.name))
            problem = "; ".join(dict.fromkeys([problem, other or f"{SPEC.name} serves instead"]))
        if problem:
            logger.error("%s", problem)
        self._tell(problem, None)
        if replacing and not problem:
            await self._loader.run(gc.collect, Event())  # the model that was replaced

    async def _install(self, settings: Settings) -> str:
        """Load a model and let it serve from now on; returns why it cannot, or nothing."""
        loop, overtaken = asyncio.get_running_loop(), Event()

        def show(message: str, progress: float) -> None:
            if not overtaken.is_set():
                self._tell_progress(message, progress)

        def report(message: str, progress: float) -> None:
            if overtaken.is_set():
                raise Cancelled  # nothing else stops a load
            loop.call_soon_threadsafe(show, message, progress)

        def load() -> Backend:
            gc.collect()  # what an overtaken or failed load has left
            return self._load(settings, report, self._backend is None)

        try:
            backend = await self._loader.run(load, overtaken)
            async with self._building:
                self._service = await self._build(backend)
                self._backend, self._loaded_for = backend, settings
        except ModelError as error:
            return str(error)
        except Exception as error:
            logger.error("the model cannot be loaded", exc_info=error)
            return f"the model cannot be loaded: {error}"
        return ""

    def _serve_anew(self) -> None:
        """Let the model that there is serve by the settings as they are now."""
        if self._rebuild is not None:
            self._rebuild.cancel()
        self._rebuild = asyncio.create_task(self._build_anew())

    async def _build_anew(self) -> None:
        async with self._building:
            if self._backend is not None:
                self._service = await self._build(self._backend)
        self._changed()

    async def _build(self, backend: Backend) -> CompletionService:
        return await self._worker.run(partial(_serve, backend, self.settings), Event())

    def _tell_progress(self, message: str, progress: float) -> None:
        """Tell how far a load is; of which model, where another one serves."""
        if self._backend is not None:
            name = Path(self.settings.model).name or "the default model"
            message = f"{name}: {message}"
        self._tell(message, progress)

    def _tell(self, message: str, progress: float | None) -> None:
        self._message, self._progress = message, progress
        self._changed()


def _same_model(settings: Settings, others: Settings) -> bool:
    """Whether the same loaded model can follow both."""
    return all(getattr(settings, name) == getattr(others, name) for name in RELOADING)


def _serve(backend: Backend, settings: Settings) -> CompletionService:
    return CompletionService(backend.infiller(settings), settings)


def _summary(backend: Backend | None) -> ModelSummary | None:
    if backend is None:
        return None
    info = backend.info
    return ModelSummary(
        info.name, info.family, info.parameters, info.device, info.precision, info.load_ms
    )
