"""A server with its parts: engine, worker, answers, statistics, settings, documents.

How the parts are put together, and what is told to the editor. Which message leads to what is in
``handlers``.
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
"""Who has not typed for this long pauses: time to warm the cache."""

CONFIGURATION_S: Final = 2.0
"""A client that has not said its settings by then keeps those it started with."""


class UnmaskServer(LanguageServer):
    """The parts of a running server, and what several handlers need of them."""

    protocol: ServerProtocol

    def __init__(self, settings: Settings, load: Load) -> None:
        """``settings`` are the defaults that the editor's settings go on top of."""
        super().__init__("unmask", version("unmask"), protocol_cls=ServerProtocol)
        self._started = time.monotonic()
        self.worker, self._loader = Worker(), Worker("loader")
        self.stats, self.offers = stats.Stats(), Offers()
        self.shown = self.partially_accepted = 0  # as far as the client says so
        self.engine = Engine(settings, self.worker, self._loader, load, self.tell_status)
        self.answers = Answers(self.engine, self.worker, self.stats, self._tell_latency)
        self.sends_accepted = False  # items carry a command that says that they were inserted
        self.tells_cursor = False  # the client says where to read ahead, and where not
        self._defaults = settings
        self._problems: list[str] = []  # of the settings as they are now
        self._copilot_dialect = False
        self._timer: asyncio.TimerHandle | None = None
        self._log: EditorLog | None = None

    @property
    def documents(self) -> Documents:
        """The open documents."""
        return self.protocol.workspace

    def read_options(self, options: object) -> None:
        """Take over ``initializationOptions``: settings, and what the client is like."""
        if not isinstance(options, Mapping):
            return
        self.sends_accepted = options.get("acceptedCommand") is True
        self.tells_cursor = options.get("cursor") is True
        self._copilot_dialect = "editorPluginInfo" in options
        settings = options.get("settings", options)
        self._defaults = self._merge(settings)
        self.engine.apply(self._defaults)

    def greet(self) -> None:
        """The client may be spoken to now: send it the log and the status."""
        self._log = EditorLog(self.window_log_message)
        PROJECT.addHandler(self._log)
        _log_problems(self._problems)
        self.tell_status()

    def stop_work(self, timeout: float) -> bool:
        """Stop all jobs; False when a thread has not ended after ``timeout`` seconds each."""
        return all([self.worker.close(timeout), self._loader.close(timeout)])

    def shutdown(self) -> None:
        """The connection has ended: nobody is there to read the log."""
        if self._log is not None:
            PROJECT.removeHandler(self._log)
        super().shutdown()  # type: ignore[no-untyped-call]

    def configure(self, values: object) -> None:
        """Take over the editor's settings, ``{"unmask": {…}}`` or the inner object alone."""
        if isinstance(values, Mapping):
            self.engine.apply(self._merge(values.get("unmask", values)))

    async def pull_configuration(self) -> None:
        """Ask the editor for its settings, if it can say them."""
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
        """Everything counted so far."""
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
        """What the server holds of a document."""
        document = self.documents.find(uri)
        if document is None:
            return None
        text = document.source
        digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return Digest(document.version, len(text), digest)

    def item(self, snapshot: Snapshot, completion: Completion) -> types.InlineCompletionItem:
        """A completion that has a text, as an item."""
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

    def warm_soon(self, uri: str, offset: int) -> None:
        """Warm the model's cache for a cursor at ``offset``, once its owner pauses."""
        if self._timer:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PAUSE_S, self._warm, uri, offset)

    def _warm(self, uri: str, offset: int) -> None:
        service, document = self.engine.service, self.documents.find(uri)
        if service is None or document is None or self.worker.busy:
            return
        warm = partial(service.prefill, document.snapshot(), offset, arrived=time.perf_counter())
        self.worker.warm(warm).add_done_callback(_log_failure)

    def _merge(self, values: object) -> Settings:
        """The defaults with the editor's values on top; what cannot be read stays as it is."""
        settings, problems = Settings.read(values, self._defaults, self.engine.settings)
        if self._log is not None:  # else the greeting names them
            _log_problems([problem for problem in problems if problem not in self._problems])
        self._problems = problems
        return settings

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what went wrong in a handler or a message; pygls would show a pop-up."""
        logger.error("a message could not be handled: %s", where(error))


def _log_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        logger.error("settings ignored: %s", problem)


def _log_failure(warming: Future[object]) -> None:
    error = warming.exception()
    if error is not None and not isinstance(error, Cancelled):
        logger.error("warming the cache failed: %s", where(error))
