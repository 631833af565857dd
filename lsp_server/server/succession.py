"""What becomes of a running request when its client does not wait for it any more.

While a user types on, an editor withdraws each request and soon sends a newer one. Where the newer
text continues the older one, decoding goes on for the newer request, which then finds the answer in
the cache.
"""

from __future__ import annotations

import math
import time
from threading import Event
from typing import Final

GRACE_S: Final = 0.3
"""Seconds in which a request that continues a withdrawn one must come."""


class Succession:
    """The requests that wait for one running decoding, one after the other.

    Changed on the event loop, read on the model's thread between two forwards.
    """

    def __init__(self) -> None:
        self.withdrawn = Event()
        """Set when the request's own client does not wait for it any more."""
        self._until = -math.inf  # how long a newer request is waited for then
        self._newer: Succession | None = None
        self._typed = ""

    def withdraw(self, grace: float = GRACE_S) -> None:
        """The client has withdrawn the request; a newer one may come within ``grace`` seconds."""
        if not self.withdrawn.is_set():
            self._until = time.perf_counter() + grace
            self.withdrawn.set()

    def hand_over(self, newer: Succession, typed: str) -> None:
        """A newer request waits instead, whose text has ``typed`` more at the cursor."""
        self._typed, self._newer = typed, newer
        self.withdrawn.set()

    def end(self) -> None:
        """Nobody waits any more, and nobody will."""
        self._until = -math.inf
        self.withdrawn.set()

    def is_over(self) -> bool:
        """Whether to stop: nobody waits, neither for this request nor for one that continues it."""
        if self._newer is not None:
            return self._newer.is_over()
        return self.withdrawn.is_set() and time.perf_counter() > self._until

    @property
    def typed(self) -> str:
        """What has been typed at the cursor since the request."""
        return self._typed + (self._newer.typed if self._newer is not None else "")
