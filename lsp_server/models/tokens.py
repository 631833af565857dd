"""The tokenizer: text to ids and back, with special tokens out of reach of any document.

Knows the vocabulary of the embedded model; nothing of prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

END_OF_TEXT = 151643
FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX = 151659, 151660, 151661
_FIRST_SPECIAL = END_OF_TEXT


def _byte_decoder() -> dict[str, int]:
    """Byte-level BPE writes each byte as a printable character: the way back (GPT-2's table)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in printable)
    return table | {chr(256 + index): byte for index, byte in enumerate(others)}


class EmbeddedTokenizer:
    """Qwen2.5-Coder's tokenizer, read from its file in the cache."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(file))
        # A literal "<|fim_middle|>" in a user's file must stay nine ordinary characters and more.
        self._tokenizer.encode_special_tokens = True

    @cached_property
    def ends(self) -> frozenset[int]:
        """End of text and every other special or unused id."""
        return frozenset(range(_FIRST_SPECIAL, self._tokenizer.get_vocab_size()))

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; what is not valid Unicode becomes U+FFFD first."""
        clean = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return self._tokenizer.encode(clean, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids; special ids vanish, incomplete UTF-8 becomes U+FFFD."""
        pieces = self.pieces()
        return b"".join(pieces[token] for token in ids).decode("utf-8", "replace")

    def pieces(self) -> Sequence[bytes]:
        """The bytes of every id; empty for special and unused ids."""
        return self._pieces

    @cached_property
    def _pieces(self) -> list[bytes]:
        decoder = _byte_decoder()
        pieces = [b""] * self._tokenizer.get_vocab_size()
        for piece, token in self._tokenizer.get_vocab(with_added_tokens=False).items():
            if token < _FIRST_SPECIAL:
                pieces[token] = bytes(decoder[character] for character in piece)
        return pieces
