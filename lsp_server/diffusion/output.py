"""The tokens decoded for a hole so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lsp_server.diffusion.types import Hole, Reason
from lsp_server.models.interfaces import Tokenizer

JUDGED_TOKENS: Final = 3
"""Number of first tokens whose joint probability is compared with ``min_confidence``."""


class Output:
    """The tokens decoded for a hole so far: their text, and whether it is complete.

    They begin with the partial token of the prompt (see ``token_healing``), which is not a part of
    the text.
    """

    def __init__(self, hole: Hole, tokenizer: Tokenizer, partial: str) -> None:
        self._hole, self._pieces, self._ends = hole, tokenizer.pieces(), tokenizer.ends
        self._partial = partial.encode("utf-8", "surrogatepass")
        self.ids: list[int] = []
        self._bytes = b""
        self._looked_at = -1  # number of tokens when the end was last looked for
        self._end: int | None = None

    def append(self, token: int) -> None:
        """Add one token."""
        self.ids.append(token)
        self._bytes += self._pieces[token]

    @property
    def required(self) -> bytes:
        """The bytes that the next tokens must begin with: the rest of the partial token."""
        return self._partial[len(self._bytes) :]

    @property
    def text(self) -> str:
        """The text of all tokens; an incomplete character at its end is left out."""
        return self._text_of(self._bytes)

    @property
    def answer(self) -> str:
        """The text up to its end."""
        return self.text[: self._find_end()]

    @property
    def complete(self) -> bool:
        """Whether the end of the text has been reached."""
        ended = bool(self.ids) and self.ids[-1] in self._ends
        return ended or self._find_end() is not None

    @property
    def room(self) -> int:
        """How many tokens may still be added."""
        return self._hole.max_tokens - len(self.ids)

    def finished(self, probability: float) -> Reason | None:
        """Why to stop decoding, or None; ``probability``: the first tokens' joint probability."""
        if self.complete:
            return "ended"
        if self.room <= 0:
            return "length"
        return "hopeless" if probability < self._hole.min_confidence else None

    def would_end(self, tokens: Sequence[int]) -> bool:
        """Whether the text would be complete with ``tokens`` added."""
        if not self._ends.isdisjoint(tokens):
            return True
        written = self._bytes + b"".join(self._pieces[token] for token in tokens)
        if len(written) < len(self._partial):
            return False
        return self._hole.end(self._text_of(written)) is not None

    def required_after(self, tokens: Sequence[int]) -> bytes:
        """The bytes that would still be required with ``tokens`` added."""
        return self.required[sum(len(self._pieces[token]) for token in tokens) :]

    def _text_of(self, written: bytes) -> str:
        return written[len(self._partial) :].decode("utf-8", "ignore")

    def _find_end(self) -> int | None:
        """The result of the hole's ``end``, called once for each number of tokens."""
        if self._looked_at != len(self.ids):
            self._looked_at, self._end = len(self.ids), self._hole.end(self.text)
        return self._end
