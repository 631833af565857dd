"""A double of the decoder: answers from a script, word by word, as far as the hole lets it.

It stands in for the decoder in tests of what lies around it. It honours the hole's end, its number
of tokens and its confidence floor, asks to stop between two forwards and shows every step.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from lsp_server.diffusion.types import (
    Accepted,
    Cell,
    Forwards,
    Hole,
    Infill,
    Milliseconds,
    Reason,
    Step,
)
from lsp_server.models.interfaces import Cancelled, Stop

Script = str | Callable[[Hole], str]


class ScriptedDecoder:
    """Writes the script into every hole; ``holes`` and ``warmed`` are what it was asked for."""

    def __init__(self, script: Script, confidence: float = 0.9) -> None:
        self.script, self.confidence = script, confidence
        self.holes: list[Hole] = []
        self.warmed: list[Hole] = []

    def infill(self, hole: Hole, stop: Stop, observe: Callable[[Step], None] | None) -> Infill:
        """One forward for each word, space or mark."""
        self.holes.append(hole)
        forwards = Forwards(prefill=1)
        script = self.script if isinstance(self.script, str) else self.script(hole)
        words = re.findall(r"\w+|\n|[^\S\n]+|.", script)
        text, reason = "", self._reason(hole, "", 0, bool(words))
        while reason is None:
            if stop() or (hole.late and not text.strip()):
                raise Cancelled
            if hole.late:
                reason = "late"
                break
            text += words[forwards.verify]
            forwards.verify += 1
            if observe:
                observe(Step("verify", (Cell(text, "base", "committed"),), 1.0))
            reason = self._reason(hole, text, forwards.verify, forwards.verify < len(words))
        end = hole.end(text)
        return Infill(
            text=text[:end],
            reason=reason,
            confidence=self.confidence,
            tokens=forwards.verify,
            forwards=forwards,
            accepted=Accepted(),
            drafted=0,
            cached_tokens=7,
            ms=Milliseconds(total=3.0, prefill=1.0, verify=2.0),
        )

    def prefill(self, hole: Hole, stop: Stop) -> int:
        """Three forwards, if nobody stops them."""
        if stop():
            raise Cancelled
        self.warmed.append(hole)
        return 3

    def _reason(self, hole: Hole, text: str, tokens: int, more: bool) -> Reason | None:
        if self.confidence < hole.min_confidence:
            return "hopeless"
        if hole.end(text) is not None or not more:
            return "ended"
        return "length" if tokens >= hole.max_tokens else None


if TYPE_CHECKING:
    from lsp_server.completion.service import Infiller

    _infiller: type[Infiller] = ScriptedDecoder  # the double keeps to the protocol
