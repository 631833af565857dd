"""Token healing: a prompt that ends inside a token, and the tokens that may go on from there.

Text ends where a cursor stands, which is mostly not where a token ends. The end of the prefix that
further characters could still change (the *partial token*) is taken off the prompt, and the first
tokens of the answer are constrained to begin with exactly that text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from lsp_server.diffusion.prompt import Part
from lsp_server.diffusion.types import Hole
from lsp_server.models.interfaces import PartTokens, PromptTokens, Tokenizer

# What a further character could still change in the tokenization, by how Qwen2.5 cuts text: the
# letters of a word with the one character that goes with it, a run of punctuation (`self.` goes on
# with the token `.name`, not with `name`), or white space inside a line.
_PARTIAL = re.compile(
    r"(?:[^\S\r\n]|(?<![^\w\s])(?<!_)(?:[^\s\w]|_))?[^\W\d_]+\Z"
    r"|[^\S\r\n]?(?:[^\w\s]|_)+\Z"
    r"|[^\S\r\n]+\Z"
)
_LONGEST = 128  # characters; a longer partial token is left in the prompt


def split(prefix: str) -> tuple[str, str]:
    """Take the partial token off a prefix: (what goes into the prompt, the partial token)."""
    found = _PARTIAL.search(prefix, max(0, len(prefix) - 2 * _LONGEST))
    if found is None or len(found.group()) > _LONGEST:
        return prefix, ""
    return prefix[: found.start()], found.group()


def tokenize(hole: Hole, tokenizer: Tokenizer, two_sided: bool = False) -> tuple[PromptTokens, str]:
    """A hole's prompt in tokens without the partial token, and that token's text.

    ``two_sided``: the suffix stands right behind the canvas, and so begins with the line break
    that ends the hole's line.
    """
    whole, partial = split(hole.prompt.prefix)

    def encode(part: Part) -> PartTokens:
        text = whole if part.kind == "prefix" else part.text
        if part.kind == "suffix" and two_sided and hole.ends_line:
            text = "\n" + text
        return PartTokens(part.kind, tokenizer.encode(text))

    prompt = PromptTokens(tuple(map(encode, hole.prompt.parts)), hole.document)
    return prompt, partial


class Vocabulary:
    """The pieces of a tokenizer, to be searched by how they begin."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        """``pieces``: the bytes of every id; ids with no bytes are never allowed."""
        self._ids = sorted((i for i, piece in enumerate(pieces) if piece), key=pieces.__getitem__)
        self._sorted = [pieces[i] for i in self._ids]

    def continuing(self, start: bytes) -> list[int]:
        """Ids whose bytes begin with ``start`` or are a beginning of it."""
        allowed = []
        for end in range(1, len(start)):
            at = bisect_left(self._sorted, start[:end])
            if at < len(self._sorted) and self._sorted[at] == start[:end]:
                allowed.append(self._ids[at])
        at = bisect_left(self._sorted, start)
        while at < len(self._sorted) and self._sorted[at].startswith(start):
            allowed.append(self._ids[at])
            at += 1
        return allowed
