"""The server object: creates engine, workers, answers, statistics and documents, holds settings.

Also sends status, log and latency to the editor. The handlers of messages are in ``handlers``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from typing import Final

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from lsp_server.completion import stats
from lsp_server.completion.exclusions import is_secret
from lsp_server.completion.service import Completion
from lsp_server.completion.snapshot import Snapshot
from lsp_server.memory import resident_bytes
from lsp_server.models.interfaces import Cancelled
from lsp_server.positions import position_at
from lsp_server.server.answers import Answers
from lsp_server.server.backend import Load
from lsp_server.server.documents import Documents
from lsp_server.server.engine import Engine
from lsp_server.server.logs import PROJECT, EditorLog, where
from lsp_server.server.messages import (
    ACCEPTED_COMMAND,
    DID_CHANGE_STATUS,
    LATENCY,
    STATUS,
    Digest,
    DraftCounts,
    ForwardCounts,
    Latency,
    Stats,
)
from lsp_server.server.offers import Offers
from lsp_server.server.protocol import ServerProtocol
from lsp_server.server.worker import Worker
from lsp_server.settings import Settings

logger = logging.getLogger(__name__)

PAUSE_S: Final = 0.15
"""Seconds without typing after which the server reads ahead."""

CONFIGURATION_S: Final = 2.0
"""Seconds to wait for the client's settings; without an answer the initial ones stay."""


class UnmaskServer(LanguageServer):
    """A running server's parts, and the operations that several handlers share."""

    protocol: ServerProtocol

    def __init__(self, settings: Settings, load: Load) -> None:
        """``settings`` are the defaults, which the editor's settings override."""
        super().__init__("unmask", version("unmask"), protocol_cls=ServerProtocol)
        self._started = time.monotonic()
        self.worker, self._loader = Worker(), Worker("loader")
        self.stats, self.offers = stats.Stats(), Offers()
        self.shown = self.partially_accepted = 0  # counted if the client reports it
        self.engine = Engine(settings, self.worker, self._loader, load, self.tell_status)
        self.answers = Answers(self.engine, self.worker, self.stats, self._tell_latency)
        self.sends_accepted = False  # items carry the command that reports their acceptance
        self.tells_cursor = False  # the client sends ``unmask/cursor`` where to read ahead
        self._defaults = settings
        self._problems: list[str] = []  # of the settings, already logged
        self._copilot_dialect = False
        self._timer: asyncio.TimerHandle | None = None
        self._log: EditorLog | None = None

    @property
    def documents(self) -> Documents:
        """The open documents."""
        return self.protocol.workspace

    def read_options(self, options: object) -> None:
        """Apply ``initializationOptions``: settings and the client's capabilities."""
        if not isinstance(options, Mapping):
            return
        self.sends_accepted = options.get("acceptedCommand") is True
        self.tells_cursor = options.get("cursor") is True
        self._copilot_dialect = "editorPluginInfo" in options
        settings = options.get("settings", options)
        self._defaults = self._merge(settings)
        self.engine.apply(self._defaults)

    def greet(self) -> None:
        """Start sending log and status: called when the client is initialized."""
        self._log = EditorLog(self.window_log_message)
        PROJECT.addHandler(self._log)
        _log_problems(self._problems)
        self.tell_status()

    def stop_work(self, timeout: float) -> bool:
        """Stop all jobs; False when a thread has not ended after ``timeout`` seconds each."""
        return all([self.worker.close(timeout), self._loader.close(timeout)])

    def shutdown(self) -> None:
        """The connection has ended: stop sending the log."""
        if self._log is not None:
            PROJECT.removeHandler(self._log)
        super().shutdown()  # type: ignore[no-untyped-call]

    def configure(self, values: object) -> None:
        """Apply the editor's settings: ``{"unmask": {…}}`` or the inner object alone."""
        if isinstance(values, Mapping):
            self.engine.apply(self._merge(values.get("unmask", values)))
            self._forget_secrets()

    def _forget_secrets(self) -> None:
        """Forget the open documents that the settings have made secret."""
        for uri in self.documents.text_documents:
            if is_secret(uri, self.engine.settings.secret_globs):
                self.offers.forget(uri)
                self.engine.forget(uri)

    async def pull_configuration(self) -> None:
        """Ask the editor for its settings, if it supports that."""
        workspace = self.client_capabilities.workspace
        if not (workspace and workspace.configuration):
            return
        items = [types.ConfigurationItem(section="unmask")]
        try:
            async with asyncio.timeout(CONFIGURATION_S):
                answer = await self.workspace_configuration_async(types.ConfigurationParams(items))
            self.configure(answer[0])
        except Exception as error:
            logger.warning("the editor did not say its settings: %s", where(error))

    def tell_status(self) -> None:
        """Send the status."""
        status = self.engine.status
        self.protocol.notify(STATUS, status)
        if self._copilot_dialect:
            kind = {"error": "Error", "off": "Inactive", "paused": "Inactive"}
            self.protocol.notify(
                DID_CHANGE_STATUS,
                {
                    "busy": status.state == "loading",
                    "message": status.message,
                    "kind": kind.get(status.state, "Normal"),
                },
            )

    def _tell_latency(self, latency: Latency) -> None:
        self.protocol.notify(LATENCY, latency)

    def count(self) -> Stats:
        """The statistics since the server started."""
        sums = self.stats.summary()
        return Stats(
            status=self.engine.status,
            version=self.version,
            uptime_s=round(time.monotonic() - self._started, 1),
            requests=sums.requests,
            offered=sums.offered,
            withheld=sums.withheld,
            cancelled=self.answers.cancelled,
            shown=self.shown,
            accepted=sums.accepted,
            partially_accepted=self.partially_accepted,
            cache_hits=sums.cache_hits,
            forwards=ForwardCounts(**asdict(sums.forwards)),
            tokens=sums.tokens,
            drafts=DraftCounts(**sums.drafts),
            open_documents=len(self.documents.text_documents),
            rss_bytes=resident_bytes(),
            p50=sums.p50,
            p95=sums.p95,
            tokens_per_forward=sums.tokens_per_forward,
        )

    def digest(self, uri: str) -> Digest | None:
        """Version, length and hash of a document, or None if it is not open."""
        document = self.documents.find(uri)
        if document is None:
            return None
        text = document.source
        digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return Digest(document.version, len(text), digest)

    def item(self, snapshot: Snapshot, completion: Completion) -> types.InlineCompletionItem:
        """The LSP item of a completion that has a text."""
        assert completion.text is not None
        identity = self.offers.add(snapshot.uri, completion.start, completion.text)
        start = types.Position(*position_at(snapshot.text, completion.start))
        end = types.Position(*position_at(snapshot.text, completion.end))
        command = types.Command("Accepted", ACCEPTED_COMMAND, arguments=[identity])
        return types.InlineCompletionItem(
            completion.text,
            range=types.Range(start, end),
            command=command if self.sends_accepted else None,
        )

    def read_ahead_soon(self, uri: str, offset: int) -> None:
        """Compute what is likely asked for next at ``offset``, once the user rests there."""
        self.worker.stop_reading_ahead()
        document = self.documents.find(uri)
        if document is not None:
            self._wait_for_rest(uri, offset, document.version)

    def _wait_for_rest(self, uri: str, offset: int, version: int | None) -> None:
        if self._timer:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PAUSE_S, self._read_ahead, uri, offset, version)

    def _read_ahead(self, uri: str, offset: int, version: int | None) -> None:
        service, document = self.engine.service, self.documents.find(uri)
        if document is None or document.version != version:
            return
        if self.worker.busy or self.engine.status.state == "loading":
            self._wait_for_rest(uri, offset, version)
        elif service is not None:
            snapshot, arrived = document.snapshot(), time.perf_counter()
            job = partial(service.read_ahead, snapshot, offset, arrived=arrived)
            self.worker.read_ahead(job).add_done_callback(_log_failure)

    def _merge(self, values: object) -> Settings:
        """The defaults overridden by the editor's values; unreadable values change nothing."""
        settings, problems = Settings.read(values, self._defaults, self.engine.settings)
        if self._log is not None:  # else the greeting names them
            _log_problems([problem for problem in problems if problem not in self._problems])
        self._problems = problems
        return settings

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log an error in a handler or a message; pygls would show it as a pop-up."""
        logger.error("a message could not be handled: %s", where(error))


def _log_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        logger.error("settings ignored: %s", problem)


def _log_failure(job: Future[object]) -> None:
    error = job.exception()
    if error is not None and not isinstance(error, Cancelled):
        logger.error("reading ahead failed: %s", where(error))
