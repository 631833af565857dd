"""How the server behaves on the wire, whatever the messages mean.

Standard output stays pure protocol, a malformed message gets an answer and never a pop-up, what a
request is about is captured the moment it arrives, and the process ends with its client. Knows
nothing of completions.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Generator
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, BinaryIO, Final

import psutil
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import lsp_method

from lsp_server.completion.gate import LastChange
from lsp_server.completion.service import Snapshot
from lsp_server.server.documents import Documents
from lsp_server.server.logs import where
from lsp_server.server.messages import INFILL, INLINE_COMPLETION, UnmaskProtocol

logger = logging.getLogger(__name__)

CHECK_S: Final = 1.0
"""How often to look whether the client still lives."""

ABOUT_TEXT: Final = (INLINE_COMPLETION, INFILL)
"""Requests about the text of a document as it is when they arrive."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a request arrived, and the document it is about as it was then."""

    at: float  # time.perf_counter()
    snapshot: Snapshot | None = None  # None: not open, or nothing that we look at
    last_change: LastChange = field(default_factory=LastChange)

    def elapsed_ms(self) -> float:
        """Milliseconds since then."""
        return (time.perf_counter() - self.at) * 1000


_arrival: ContextVar[Arrival | None] = ContextVar("arrival", default=None)


def arrival() -> Arrival:
    """The arrival of the request being handled; inside its handler only."""
    return _arrival.get() or Arrival(time.perf_counter())


class ServerProtocol(UnmaskProtocol):
    """pygls' protocol with our documents and our manners."""

    def open_documents(self) -> Documents:
        """The open documents; only after ``initialize``."""
        assert isinstance(self.workspace, Documents)
        return self.workspace

    @property
    def was_shut_down(self) -> bool:
        """Whether the client asked for the end in order."""
        return self._shutdown

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(
        self, params: types.InitializeParams
    ) -> Generator[Any, Any, types.InitializeResult]:
        """Answer ``initialize``; positions are UTF-16, whatever else the client could do."""
        if params.capabilities.general:
            params.capabilities.general.position_encodings = None
        result = yield from super().lsp_initialize(params)
        self._workspace = Documents(params.root_uri, workspace_folders=params.workspace_folders)
        return result

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]  # pygls' is a generator
        """Leave the reading loop; pygls would raise SystemExit through it."""
        if self._server._stop_event is not None:
            self._server._stop_event.set()
        if self.writer is not None:
            self.writer.close()

    def notify(self, method: str, params: Any | None = None) -> None:
        """Send a notification; none after ``shutdown``, whatever still runs."""
        if not self._shutdown:
            super().notify(method, params)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Give a message its type; a request that cannot have one is answered here.

        A completion is answered with null: an error is a pop-up in some editors, for each key.
        """
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            identity, method = data.get("id"), data.get("method")
            if method and isinstance(identity, int | str):
                if method == INLINE_COMPLETION:
                    self._send_response(identity)
                else:
                    self._send_response(identity, error=error.to_response_error())
            raise

    def _handle_request(self, msg_id: int | str, method_name: str, params: Any) -> None:
        # Handlers are tasks that start later, when further changes may have been applied already.
        at = time.perf_counter()
        _arrival.set(Arrival(at))
        if method_name in ABOUT_TEXT and self._workspace is not None:
            document = self.open_documents().find(params.text_document.uri)
            try:
                if document is not None:
                    _arrival.set(Arrival(at, document.snapshot(), document.last_change))
            except Exception as error:  # the request is answered all the same
                logger.error("a document could not be read: %s", where(error))
        super()._handle_request(msg_id, method_name, params)


def claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for the protocol alone.

    Whatever else writes to standard output afterwards, from Python or from C, ends up on standard
    error; whatever else reads standard input finds it empty.
    """
    sys.stdout.flush()
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return incoming, outgoing


def exit_with(process_id: int) -> None:
    """End this process when the client's ends, even if its pipes live on in other processes.

    A process id that is not visible from here (the client runs elsewhere) is not watched.
    """
    try:
        client = psutil.Process(process_id)
    except (psutil.Error, ValueError):
        return

    def watch() -> None:
        while _lives(client):
            time.sleep(CHECK_S)
        os._exit(1)  # nobody is left to talk to, and other threads may be deep in a forward

    Thread(target=watch, name="client watch", daemon=True).start()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
