"""The server's log: to standard error, and to the editor once one is connected.

Holds no text of documents: pygls' loggers, which log whole messages, are silenced, and exceptions
are logged without their messages, which may quote a document.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from typing import Any, Final

from lsprotocol import types

LEVELS = {
    logging.ERROR: types.MessageType.Error,
    logging.WARNING: types.MessageType.Warning,
    logging.INFO: types.MessageType.Info,
    logging.DEBUG: types.MessageType.Debug,
}


PROJECT = logging.getLogger("lsp_server")

WAITING: Final = 1000
"""Most records that wait to be written to standard error; further ones are dropped."""

CLOSING_S: Final = 0.5
"""Seconds to wait at shutdown for records that are still to be written."""


def configure() -> None:
    """Log to standard error; silence pygls."""
    PROJECT.setLevel(logging.INFO)
    PROJECT.addHandler(PipeLog(sys.stderr.fileno()))
    logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)


def where(error: BaseException) -> str:
    """An exception's type and source location, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = [f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames)]
    return " < ".join([type(error).__name__, *places])


class Discreet(logging.Formatter):
    """Formats exceptions without their messages."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        """The exception's type and source location."""
        return where(ei[1])


class PipeLog(QueueHandler):
    """Writes records to a file descriptor on a thread of its own.

    Not every client reads its server's standard error; once the pipe's 64 KB are full, a write
    blocks for ever. Then only this thread blocks, not the server.
    """

    def __init__(self, descriptor: int) -> None:
        self._records: Queue[logging.LogRecord] = Queue(WAITING)
        super().__init__(self._records)
        self.setFormatter(Discreet("%(asctime)s %(levelname)s %(message)s"))
        _PipeWriter(self._records, descriptor).start()  # a daemon
        atexit.register(self.drain)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue a record, or drop it if too many are waiting."""
        with suppress(Full):
            self._records.put_nowait(record)

    def drain(self) -> None:
        """Wait until all records are written, or a short timeout has passed."""
        deadline = time.monotonic() + CLOSING_S
        while self._records.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)


class _PipeWriter(QueueListener):
    """Writes the queued records; holds no lock that would block the end of the process."""

    def __init__(self, records: Queue[logging.LogRecord], descriptor: int) -> None:
        super().__init__(records)
        self._descriptor = descriptor

    def handle(self, record: logging.LogRecord) -> None:
        """Write one record, already formatted by ``PipeLog``."""
        with suppress(OSError):  # the reading end is closed
            os.write(self._descriptor, f"{record.getMessage()}\n".encode("utf-8", "replace"))


class EditorLog(logging.Handler):
    """Sends records as ``window/logMessage``; may be used from any thread."""

    def __init__(self, send: Callable[[types.LogMessageParams], None]) -> None:
        """Create on the event loop's thread; ``send`` is always called on that thread."""
        super().__init__(logging.INFO)
        self.setFormatter(Discreet("%(message)s"))
        self._send, self._loop = send, asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; never raises."""
        try:
            params = types.LogMessageParams(
                LEVELS.get(record.levelno, types.MessageType.Log), self.format(record)
            )
            if threading.get_ident() == self._thread:
                self._send(params)
            else:
                self._loop.call_soon_threadsafe(self._send, params)
        except Exception:
            self.handleError(record)
