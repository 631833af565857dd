"""Where the server's log goes: to standard error, and to the editor once there is one.

Only the project's own records. pygls logs whole messages, that is documents; its loggers are
silenced, and exceptions are written down without their messages, which may quote a document.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from lsprotocol import types

LEVELS = {
    logging.ERROR: types.MessageType.Error,
    logging.WARNING: types.MessageType.Warning,
    logging.INFO: types.MessageType.Info,
    logging.DEBUG: types.MessageType.Debug,
}


PROJECT = logging.getLogger("lsp_server")


def configure() -> None:
    """Log to standard error; silence pygls."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Discreet("%(asctime)s %(levelname)s %(message)s"))
    PROJECT.setLevel(logging.INFO)
    PROJECT.addHandler(handler)
    logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)


def where(error: BaseException) -> str:
    """An exception as its type and its place, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = [f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames)]
    return " < ".join([type(error).__name__, *places])


class Discreet(logging.Formatter):
    """Writes an exception down without its message."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        """The exception's type and place."""
        return where(ei[1])


class EditorLog(logging.Handler):
    """Sends records as ``window/logMessage``, from whatever thread they come."""

    def __init__(self, send: Callable[[types.LogMessageParams], None]) -> None:
        """``send`` is called on the running event loop's thread, the one that calls this."""
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
