"""Tokenizers: text to ids and back. Text is never encoded to special tokens.

All are byte-level BPE: the embedded model's, and those of checkpoint folders.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from lsp_server.models.embedded.spec import SPEC
from lsp_server.models.interfaces import ModelError
from lsp_server.models.pretrained.checkpoint_dir import CheckpointDir


def printable_bytes() -> dict[str, int]:
    """Maps the printable characters of byte-level BPE to the bytes they stand for (GPT-2's table).

    Equal to the table of ``transformers`` (tested), whose import would take seconds.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in printable)
    return table | {chr(256 + index): byte for index, byte in enumerate(others)}


class _ByteLevelTokenizer:
    """Byte-level BPE over the ids that are not ``special``."""

    def __init__(self, tokenizer: Tokenizer, special: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        # A literal "<|fim_middle|>" in a user's file must be encoded as ordinary characters.
        self._tokenizer.encode_special_tokens = True
        self._special = special

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; what is not valid Unicode becomes U+FFFD first."""
        clean = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return self._tokenizer.encode(clean, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids; special ids are left out, incomplete UTF-8 becomes U+FFFD."""
        pieces = self.pieces()
        return b"".join(pieces[token] for token in ids).decode("utf-8", "replace")

    def pieces(self) -> Sequence[bytes]:
        """The bytes of every id; empty for special and unused ids."""
        return self._pieces

    @cached_property
    def _pieces(self) -> list[bytes]:
        decoder = printable_bytes()
        vocabulary = self._tokenizer.get_vocab()
        pieces = [b""] * (max(vocabulary.values()) + 1)
        for piece, token in vocabulary.items():
            if token not in self._special:
                pieces[token] = bytes(decoder[character] for character in piece)
        return pieces


class EmbeddedTokenizer(_ByteLevelTokenizer):
    """Qwen2.5-Coder's tokenizer, read from its file in the cache."""

    def __init__(self, file: Path) -> None:
        tokenizer = Tokenizer.from_file(str(file))
        super().__init__(tokenizer, frozenset(range(SPEC.end_of_text, tokenizer.get_vocab_size())))

    @property
    def ends(self) -> frozenset[int]:
        """End of text and every other special or unused id."""
        return self._special


class FolderTokenizer(_ByteLevelTokenizer):
    """A model folder's tokenizer, by ``tokenizers`` and ``transformers`` alone.

    Raises ModelError if its files cannot be read or are of another kind.
    """

    def __init__(self, checkpoint: CheckpointDir) -> None:
        folder = checkpoint.folder
        try:
            file = folder / "tokenizer.json"
            tokenizer = Tokenizer.from_file(str(file)) if file.is_file() else _assemble(checkpoint)
            # Many folders add them as ordinary tokens, which would be matched in documents.
            added = tokenizer.get_added_tokens_decoder()
            tokenizer.add_special_tokens([AddedToken(t.content) for t in added.values()])
            super().__init__(tokenizer, checkpoint.ends | added.keys())
            self.pieces()
        except ModelError:
            raise
        except KeyError as error:
            raise ModelError(
                f"{folder}: the tokenizer is no byte-level BPE, the only kind known here"
            ) from error
        except Exception as error:  # the library raises plain ones, and Rust's panics
            raise ModelError(f"{folder}: the tokenizer cannot be read: {error}") from error

    @property
    def ends(self) -> frozenset[int]:
        """End of text and every other added token."""
        return self._special


def _assemble(checkpoint: CheckpointDir) -> Tokenizer:
    """A tokenizer from vocab.json, merges.txt and the added tokens, as Qwen2's are published."""
    from transformers import Qwen2Tokenizer

    vocabulary = json.loads((checkpoint.folder / "vocab.json").read_text("utf-8"))
    lines = (checkpoint.folder / "merges.txt").read_text("utf-8").split("\n")
    merges: Any = [
        tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")
    ]
    no: Any = None  # the class's default special tokens are not wanted
    plain = Qwen2Tokenizer(vocabulary, merges, unk_token=no, eos_token=no, pad_token=no)
    tokenizer: Tokenizer = plain.backend_tokenizer
    for content, token in sorted(checkpoint.added.items(), key=lambda entry: entry[1]):
        tokenizer.add_special_tokens([content])
        if tokenizer.token_to_id(content) != token:
            raise ModelError(f"{checkpoint.folder}: {content} should be token {token}")
    return tokenizer
