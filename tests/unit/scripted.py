"""A test double of the decoder: writes a scripted text into holes, one word per forward.

Respects the hole's end, its number of tokens, its confidence floor and what is written already,
checks whether to go on between two forwards and calls the observer after each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from lsp_server.diffusion.types import Cell, Cost, Hole, Infill, Reason, Step
from lsp_server.models.interfaces import Cancelled, Stop

Script = str | Callable[[Hole], str]


class ScriptedDecoder:
    """Writes the script into every hole; records the holes to fill and to prefill.

    ``cached`` is the document whose text is in its cache.
    """

    def __init__(self, script: Script, confidence: float = 0.9) -> None:
        self.script, self.confidence = script, confidence
        self.holes: list[Hole] = []
        self.prefilled: list[Hole] = []
        self.cached = ""  # the document of the hole that came last

    def infill(
        self, hole: Hole, stop: Stop, observe: Callable[[Step], None] | None, cost: Cost
    ) -> Infill:
        """One forward for each word, space or mark."""
        self.holes.append(hole)
        self.cached = hole.document
        script = self.script if isinstance(self.script, str) else self.script(hole)
        if hole.late:
            raise Cancelled
        forwards = cost.forwards
        forwards.prefill, cost.cached_tokens = 1, 7
        cost.ms.total, cost.ms.prefill, cost.ms.verify = 3.0, 1.0, 2.0
        words = re.findall(r"\w+|\n|[^\S\n]+|.", script)
        ids = [*hole.written.ids]
        text = "".join(words[: len(ids)])
        reason = self._reason(hole, text, len(ids), len(ids) < len(words))
        while reason is None:
            if stop() or not hole.go_on(text):
                reason = "stopped"
            elif hole.late:
                reason = "late"
            if reason is not None:
                break
            text += words[len(ids)]
            ids.append(len(ids))
            forwards.verify += 1
            cost.tokens += 1
            if observe:
                observe(Step("verify", (Cell(text, "base", "committed"),), 1.0))
            reason = self._reason(hole, text, len(ids), len(ids) < len(words))
        if reason in ("late", "stopped") and not ids:
            raise Cancelled
        end = hole.end(text)
        return Infill(
            text=text[:end],
            reason=reason,
            confidence=self.confidence,
            cost=cost,
            ids=tuple(ids),
            beginning=self.confidence,
        )

    def prefill(self, hole: Hole, stop: Stop) -> int:
        """Three forwards, if nobody stops them."""
        if stop():
            raise Cancelled
        self.prefilled.append(hole)
        self.cached = hole.document
        return 3

    def forget(self, document: str) -> None:
        """The cache holds nothing of a document any more."""
        if self.cached == document:
            self.cached = ""

    def _reason(self, hole: Hole, text: str, tokens: int, more: bool) -> Reason | None:
        if self.confidence < hole.min_confidence:
            return "hopeless"
        if hole.end(text) is not None or not more:
            return "ended"
        return "length" if tokens >= hole.max_tokens else None


if TYPE_CHECKING:
    from lsp_server.completion.service import Infiller

    _infiller: type[Infiller] = ScriptedDecoder  # the double keeps to the protocol
