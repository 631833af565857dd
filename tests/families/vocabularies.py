"""The tokens of the families, each with a vocabulary of a few hundred pieces.

A family's added tokens keep their names and their order, but their ids are small.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

MERGES = ["Ġ Ġ", "ĠĠ ĠĠ", "i n", "e r", "Ġ =", "r e", "d e", "de f", "t u", "re tu", "retu r"]
MERGES += ["retur n", "Ġ retur", "p r", "pr in", "prin t", "s e", "se l", "sel f", "Ċ ĠĠĠĠ"]
_WORDS = (  # how Qwen2.5 cuts text before it is merged
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

QWEN = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>"]
QWEN += ["<|object_ref_end|>", "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>"]
QWEN += ["<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
PLAIN = ["<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"]
PLAIN += ["<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"]  # added, but not special
QWEN3 = ["<tool_response>", "</tool_response>", "<think>", "</think>"]
LLADA = ["<|startoftext|>", "<|endoftext|>", "[CLS]", "[gMASK]", "<|reserved_token_0|>"]
LLADA += ["<|mdm_mask|>", "<role>", "</role>", "<|arithmetic_start|>", "<|arithmetic_end|>"]
LLADA += ["<|number_start|>", "<|number_end|>", "<|start_header_id|>", "<|end_header_id|>"]
LLADA += ["<|eot_id|>"]
ILLADA = ["<s>", "</s>", "<pad>", "<unk>", "<[SEP]>", "<[MASK]>"]
DREAM = QWEN + PLAIN + ["<|beginoftext|>", "<|mask|>"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Pieces, added tokens and their roles; ids are given in that order."""

    added: list[str]
    roles: dict[str, str]  # "eos_token" and the like, as tokenizer_config.json names them
    first: bool = False  # added tokens stand before the pieces

    @property
    def pieces(self) -> dict[str, int]:
        """The bytes and what is merged of them, in their printable form."""
        start = len(self.added) if self.first else 0
        names = [*_printable(), *(merge.replace(" ", "") for merge in MERGES)]
        return {name: start + index for index, name in enumerate(names)}

    @property
    def tokens(self) -> dict[str, int]:
        """The added tokens."""
        start = 0 if self.first else len(self.pieces)
        return {name: start + index for index, name in enumerate(self.added)}

    @property
    def rows(self) -> int:
        """Rows of the embedding: some more than there are ids, as published."""
        return -(-(len(self.pieces) + len(self.added) + 1) // 8) * 8


def is_special(name: str) -> bool:
    """Whether a family marks an added token as special."""
    return name not in PLAIN + QWEN3


def fast_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """What tokenizer.json holds."""
    merges = [(left, right) for left, right in (merge.split(" ") for merge in MERGES)]
    pieces = vocabulary.tokens | vocabulary.pieces if vocabulary.first else vocabulary.pieces
    tokenizer = Tokenizer(models.BPE(pieces, merges))
    tokenizer.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(_WORDS), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(
        [AddedToken(name, special=is_special(name), normalized=False) for name in vocabulary.added]
    )
    return tokenizer


def _printable() -> list[str]:
    """The 256 bytes in the printable form of byte-level BPE, in its order (GPT-2's table)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(byte) for byte in plain] + [chr(256 + i) for i in range(256 - len(plain))]
