"""Code as one long sequence of tokens, and its byte-level BPE tokenizer.

A token never extends over the end of a line or contains a bracket with other characters, so that
holes end between two tokens, as in training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

END, MASK = "<|endoftext|>", "<|mask|>"

_PIECES: Final = (
    r"""\n+|[()\[\]{}]| ?[\p{L}_]+|\p{N}| ?[^\s\p{L}_\p{N}()\[\]{}]+|[^\S\n]+(?!\S)|[^\S\n]+"""
)
_SEEN: Final = 20_000_000  # characters that the tokenizer is made from, at most


def train_tokenizer(texts: Sequence[str], entries: int) -> Tokenizer:
    """A tokenizer of ``entries`` ids; END and MASK are the last two."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_PIECES), behavior="isolated")
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, whole])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=entries - 2,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_some(texts), trainer)
    tokenizer.add_special_tokens([END, MASK])
    return tokenizer


def tokenize(texts: Iterable[str], tokenizer: Tokenizer) -> Tensor:
    """All texts concatenated, END after each of them; (tokens,) of int16."""
    end = tokenizer.token_to_id(END)
    encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    rows = [torch.tensor([*each.ids, end], dtype=torch.int16) for each in encoded]
    return torch.cat([torch.empty(0, dtype=torch.int16), *rows])


def _some(texts: Sequence[str]) -> Iterable[str]:
    """Texts from everywhere, as many as the tokenizer needs."""
    step = max(1, sum(map(len, texts)) // _SEEN)
    return texts[::step]
