"""Token healing: a prompt that ends inside a token, and the tokens that may go on from there.

Text ends where a cursor stands, which is mostly not where a token ends. The last, unfinished part
of the prefix (the *stub*) is taken off the prompt, and the first tokens of the answer are
constrained to begin with exactly that text. Knows the bytes of a vocabulary; nothing of models.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from lsp_server.diffusion.prompt import Part
from lsp_server.diffusion.types import Hole, Reason
from lsp_server.models.interfaces import PartTokens, PromptTokens, Tokenizer

# What a further character could still change in the tokenization, by how Qwen2.5 cuts text: the
# letters of a word with the one character that goes with it, a run of punctuation (`self.` goes on
# with the token `.name`, not with `name`), or white space inside a line.
_STUB = re.compile(
    r"(?:[^\S\r\n]|(?<![^\w\s])(?<!_)(?:[^\s\w]|_))?[^\W\d_]+\Z"
    r"|[^\S\r\n]?(?:[^\w\s]|_)+\Z"
    r"|[^\S\r\n]+\Z"
)
_LONGEST = 128  # characters; a longer stub is left in the prompt

JUDGED: Final = 3
"""First tokens whose joint probability decides whether an answer is hopeless."""


def split(prefix: str) -> tuple[str, str]:
    """Take the stub off a prefix: (what goes into the prompt, the stub)."""
    found = _STUB.search(prefix, max(0, len(prefix) - 2 * _LONGEST))
    if found is None or len(found.group()) > _LONGEST:
        return prefix, ""
    return prefix[: found.start()], found.group()


def tokenize(hole: Hole, tokenizer: Tokenizer, two_sided: bool = False) -> tuple[PromptTokens, str]:
    """A hole's prompt in tokens without the stub, and the stub.

    ``two_sided``: the suffix stands right behind the canvas, and so begins with the line break
    that ends the hole's line.
    """
    stem, stub = split(hole.prompt.prefix)

    def encode(part: Part) -> PartTokens:
        text = stem if part.kind == "prefix" else part.text
        if part.kind == "suffix" and two_sided and hole.ends_line:
            text = "\n" + text
        return PartTokens(part.kind, tokenizer.encode(text))

    return PromptTokens(tuple(map(encode, hole.prompt.parts))), stub


class Vocabulary:
    """The pieces of a tokenizer, to be searched by how they begin."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        """``pieces``: the bytes of every id; ids with no bytes are never allowed."""
        self._ids = sorted((i for i, piece in enumerate(pieces) if piece), key=pieces.__getitem__)
        self._sorted = [pieces[i] for i in self._ids]

    def continuing(self, stub: bytes) -> list[int]:
        """Ids whose bytes begin with ``stub`` or are a beginning of it."""
        allowed = []
        for end in range(1, len(stub)):
            at = bisect_left(self._sorted, stub[:end])
            if at < len(self._sorted) and self._sorted[at] == stub[:end]:
                allowed.append(self._ids[at])
        at = bisect_left(self._sorted, stub)
        while at < len(self._sorted) and self._sorted[at].startswith(stub):
            allowed.append(self._ids[at])
            at += 1
        return allowed


class Writing:
    """The tokens written into a hole: their text beyond the stub, and whether it is whole."""

    def __init__(self, hole: Hole, tokenizer: Tokenizer, stub: str) -> None:
        self._hole, self._pieces, self._ends = hole, tokenizer.pieces(), tokenizer.ends
        self._stub = stub.encode("utf-8", "surrogatepass")
        self.ids: list[int] = []
        self._bytes = b""
        self._looked_at = -1  # tokens that were there when the end was last looked for
        self._end: int | None = None

    def append(self, token: int) -> None:
        """Write one token."""
        self.ids.append(token)
        self._bytes += self._pieces[token]

    @property
    def owed(self) -> bytes:
        """The part of the stub that has not been written yet."""
        return self._stub[len(self._bytes) :]

    @property
    def text(self) -> str:
        """What has been written beyond the stub; a character cut in half is left out."""
        return self._beyond_stub(self._bytes)

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
        """How many tokens may still be written."""
        return self._hole.max_tokens - len(self.ids)

    def finished(self, probability: float) -> Reason | None:
        """Why nothing more is to be written, or None; ``probability``: of what has been."""
        if self.complete:
            return "ended"
        if self.room <= 0:
            return "length"
        return "hopeless" if probability < self._hole.min_confidence else None

    def would_end(self, tokens: Sequence[int]) -> bool:
        """Whether the text comes to its end within ``tokens``, were they written too."""
        if not self._ends.isdisjoint(tokens):
            return True
        written = self._bytes + b"".join(self._pieces[token] for token in tokens)
        if len(written) < len(self._stub):
            return False
        return self._hole.end(self._beyond_stub(written)) is not None

    def owed_after(self, tokens: Sequence[int]) -> bytes:
        """The part of the stub that would not be written yet, were ``tokens`` written too."""
        return self.owed[sum(len(self._pieces[token]) for token in tokens) :]

    def _beyond_stub(self, written: bytes) -> str:
        return written[len(self._stub) :].decode("utf-8", "ignore")

    def _find_end(self) -> int | None:
        """Where the hole says that the text ends; asked once for every token."""
        if self._looked_at != len(self.ids):
            self._looked_at, self._end = len(self.ids), self._hole.end(self.text)
        return self._end
