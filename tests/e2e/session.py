"""A VS Code window with its server, and the messages between the two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tests.e2e.traffic import Message, Traffic
from tests.e2e.vscode import VSCode

LOADING_MS: Final = 180_000
"""Milliseconds that a model may take to load."""


@dataclass(frozen=True)
class Session:
    """The window, server and messages that the tests share."""

    window: VSCode
    record: Path

    @property
    def traffic(self) -> Traffic:
        return Traffic(self.record)

    @property
    def server(self) -> psutil.Process:
        """The running language server."""
        recorders = (
            process
            for process in psutil.process_iter(["cmdline"])
            if str(self.record) in (process.info["cmdline"] or [])
        )
        return next(recorders).children()[0]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Suspend the server during the block, so that something can happen before it answers."""
        server = self.server
        server.suspend()
        try:
            yield
        finally:
            server.resume()

    def items(self) -> list[Message]:
        """The inline completions that the editor got, in order."""
        exchanges = self.traffic.exchanges("textDocument/inlineCompletion")
        return [item for _, result in exchanges if result for item in result["items"]]

    def asked_about(self) -> list[str]:
        """The document of every inline completion that was asked for and answered."""
        exchanges = self.traffic.exchanges("textDocument/inlineCompletion")
        return [params["textDocument"]["uri"] for params, _ in exchanges]

    def last_cost(self) -> Message:
        """The cost of the last request that had a text."""
        costs = self.traffic.notifications("unmask/latency")
        return next(cost for cost in reversed(costs) if cost["offered"])
