"""A VS Code window with a server behind it, and what the two say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.e2e.traffic import Message, Traffic
from tests.e2e.vscode import VSCode

LOADING_MS: Final = 180_000
"""How long a model may take to load."""


@dataclass(frozen=True)
class Session:
    """What the tests share."""

    window: VSCode
    traffic: Traffic

    def items(self) -> list[Message]:
        """The inline completions that the editor got, in order."""
        exchanges = self.traffic.exchanges("textDocument/inlineCompletion")
        return [item for _, result in exchanges if result for item in result["items"]]

    def asked_about(self) -> list[str]:
        """The document of every inline completion that was asked for and answered."""
        exchanges = self.traffic.exchanges("textDocument/inlineCompletion")
        return [params["textDocument"]["uri"] for params, _ in exchanges]

    def last_cost(self) -> Message:
        """The cost of the last answer that had a text."""
        costs = self.traffic.notifications("unmask/latency")
        return next(cost for cost in reversed(costs) if cost["offered"])
