"""The messages between editor and server, as recorded by ``recorder.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Message = dict[str, Any]


class Traffic:
    """The messages of a session so far."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def notifications(self, method: str) -> list[Message]:
        """The parameters of every message with this method, in order."""
        return [
            message.get("params") or {}
            for message in self._messages()
            if message.get("method") == method
        ]

    def exchanges(self, method: str) -> list[tuple[Message, Any]]:
        """The parameters and result of every request that was answered without an error."""
        messages = self._messages()
        results = {m["id"]: m["result"] for m in messages if "id" in m and "result" in m}
        return [
            (message["params"], results[message["id"]])
            for message in messages
            if message.get("method") == method and message.get("id") in results
        ]

    def errors(self) -> list[Message]:
        """Every error response except cancellations (-32800, -32802)."""
        return [
            message["error"]
            for message in self._messages()
            if "error" in message and message["error"]["code"] not in (-32800, -32802)
        ]

    def _messages(self) -> list[Message]:
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").split("\n")
        return [json.loads(line)["message"] for line in lines[:-1]]  # the last one may be partial
