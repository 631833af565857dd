"""Token healing, for a prompt whose text ends inside a token.

The prefix ends at the cursor, which is mostly not the end of a token. The end of the prefix whose
tokenization further characters could change (the *partial token*) is removed from the prompt, and
the first tokens of the answer are constrained to begin with exactly that text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from lsp_server.diffusion.prompt import Part
from lsp_server.diffusion.types import Hole
from lsp_server.models.interfaces import PartTokens, PromptTokens, Tokenizer

# What further characters could still tokenize differently, by Qwen2.5's pre-tokenizer: the letters
# of a word with the one character before them, a run of punctuation (`self.` is followed by the
# token `.name`, not `name`), or white space inside a line.
_PARTIAL = re.compile(
    r"(?:[^\S\r\n]|(?<![^\w\s])(?<!_)(?:[^\s\w]|_))?[^\W\d_]+\Z"
    r"|[^\S\r\n]?(?:[^\w\s]|_)+\Z"
    r"|[^\S\r\n]+\Z"
)
_LONGEST = 128  # characters; a longer partial token is left in the prompt


def split(prefix: str) -> tuple[str, str]:
    """Split a prefix into the part that goes into the prompt and the partial token."""
    found = _PARTIAL.search(prefix, max(0, len(prefix) - 2 * _LONGEST))
    if found is None or len(found.group()) > _LONGEST:
        return prefix, ""
    return prefix[: found.start()], found.group()


def tokenize(hole: Hole, tokenizer: Tokenizer, two_sided: bool = False) -> tuple[PromptTokens, str]:
    """The tokens of a hole's prompt without the partial token, and the partial token's text.

    ``two_sided``: the suffix follows the canvas directly, so it begins with the line break that
    ends the hole's line, if ``hole.ends_line``.
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
    """The pieces of a tokenizer, searched by prefix."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        """``pieces``: the bytes of every id; ids with no bytes are never allowed."""
        self._ids = sorted((i for i, piece in enumerate(pieces) if piece), key=pieces.__getitem__)
        self._sorted = [pieces[i] for i in self._ids]

    def continuing(self, start: bytes) -> list[int]:
        """Ids whose bytes begin with ``start`` or are a prefix of it."""
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
