"""The texts that were offered to the editor lately, and which of them were accepted.

Knows texts and places, for as long as their documents are open. Does not know how they were found.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

REMEMBERED: Final = 8


@dataclass(slots=True)
class Offer:
    """A text, and where it stands once it is accepted; ``start`` counts code points."""

    identity: str
    uri: str
    start: int
    text: str
    accepted: bool = False


class Offers:
    """The latest offers; each is accepted at most once."""

    def __init__(self) -> None:
        self._offers: deque[Offer] = deque(maxlen=REMEMBERED)
        self._numbers = count(1)

    def add(self, uri: str, start: int, text: str) -> str:
        """Remember an offer; returns its id."""
        identity = str(next(self._numbers))
        self._offers.append(Offer(identity, uri, start, text))
        return identity

    def texts(self, uri: str) -> Iterator[str]:
        """What was offered in a document."""
        return (offer.text for offer in self._offers if offer.uri == uri)

    def accept(self, identity: str) -> bool:
        """The editor says that an offer was inserted; whether that is news."""
        for offer in self._offers:
            if offer.identity == identity and not offer.accepted:
                offer.accepted = True
                return True
        return False

    def see(self, uri: str, text: str, end: int, inserted: int) -> bool:
        """Whether a change of ``inserted`` characters up to offset ``end`` accepts an offer.

        ``text`` is the document after it. Who types inserts one character at a time; an editor
        that inserts all that is left of an offer at once has accepted it.
        """
        if inserted < 2:
            return False
        for offer in reversed(self._offers):
            here = offer.uri == uri and end == offer.start + len(offer.text)
            if here and text.startswith(offer.text, offer.start):
                return self.accept(offer.identity)
        return False

    def forget(self, uri: str) -> None:
        """Forget what was offered in a document."""
        kept = [offer for offer in self._offers if offer.uri != uri]
        self._offers = deque(kept, maxlen=REMEMBERED)
