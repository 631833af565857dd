"""The tokens decoded for a hole so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lsp_server.diffusion.types import Hole, Reason
from lsp_server.models.interfaces import Tokenizer

JUDGED_TOKENS: Final = 3
"""First tokens whose joint probability decides whether an answer is hopeless."""


class Output:
    """The tokens decoded for a hole so far: their text, and whether it is complete.

    They begin with the partial token of the prompt again (see ``token_healing``), which is no part
    of the text.
    """

    def __init__(self, hole: Hole, tokenizer: Tokenizer, partial: str) -> None:
        self._hole, self._pieces, self._ends = hole, tokenizer.pieces(), tokenizer.ends
        self._partial = partial.encode("utf-8", "surrogatepass")
        self.ids: list[int] = []
        self._bytes = b""
        self._looked_at = -1  # tokens that were there when the end was last looked for
        self._end: int | None = None

    def append(self, token: int) -> None:
        """Add one token."""
        self.ids.append(token)
        self._bytes += self._pieces[token]

    @property
    def required(self) -> bytes:
        """The bytes that the next tokens must begin with: what is left of the partial token."""
        return self._partial[len(self._bytes) :]

    @property
    def text(self) -> str:
        """The text of all tokens; a character cut in half is left out."""
        return self._text_of(self._bytes)

    @property
    def answer(self) -> str:
        """The text up to its end."""
        return self.text[: self._find_end()]

    @property
    def complete(self) -> bool:
        """Whether the text has come to its end."""
        ended = bool(self.ids) and self.ids[-1] in self._ends
        return ended or self._find_end() is not None

    @property
    def room(self) -> int:
        """How many tokens may still be added."""
        return self._hole.max_tokens - len(self.ids)

    def finished(self, probability: float) -> Reason | None:
        """Why to decode no more, or None; ``probability``: of the first tokens together."""
        if self.complete:
            return "ended"
        if self.room <= 0:
            return "length"
        return "hopeless" if probability < self._hole.min_confidence else None

    def would_end(self, tokens: Sequence[int]) -> bool:
        """Whether the text comes to its end within ``tokens``, were they added too."""
        if not self._ends.isdisjoint(tokens):
            return True
        written = self._bytes + b"".join(self._pieces[token] for token in tokens)
        if len(written) < len(self._partial):
            return False
        return self._hole.end(self._text_of(written)) is not None

    def required_after(self, tokens: Sequence[int]) -> bytes:
        """What would be required behind ``tokens``, were they added too."""
        return self.required[sum(len(self._pieces[token]) for token in tokens) :]

    def _text_of(self, written: bytes) -> str:
        return written[len(self._partial) :].decode("utf-8", "ignore")

    def _find_end(self) -> int | None:
        """Where the hole says that the text ends; asked once per token."""
        if self._looked_at != len(self.ids):
            self._looked_at, self._end = len(self.ids), self._hole.end(self.text)
        return self._end
