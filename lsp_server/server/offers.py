"""The completions last offered to the editor, and which of them were accepted.

Offers are kept while their documents are open.
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
    """An offered text and the offset where it will be inserted, ``start``, in code points."""

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
        """The texts offered in a document."""
        return (offer.text for offer in self._offers if offer.uri == uri)

    def accept(self, identity: str) -> bool:
        """Mark an offer as accepted; returns whether it was not marked before."""
        for offer in self._offers:
            if offer.identity == identity and not offer.accepted:
                offer.accepted = True
                return True
        return False

    def see(self, uri: str, text: str, end: int, inserted: int) -> bool:
        """Whether a change that inserted ``inserted`` characters up to ``end`` accepts an offer.

        ``text`` is the document after the change. Typing inserts one character at a time; a change
        that inserts all the rest of an offer at once is an acceptance.
        """
        if inserted < 2:
            return False
        for offer in reversed(self._offers):
            here = offer.uri == uri and end == offer.start + len(offer.text)
            if here and text.startswith(offer.text, offer.start):
                return self.accept(offer.identity)
        return False

    def forget(self, uri: str) -> None:
        """Drop the offers in a document."""
        kept = [offer for offer in self._offers if offer.uri != uri]
        self._offers = deque(kept, maxlen=REMEMBERED)
