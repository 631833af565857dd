"""Training contexts: texts in the base's layout, with the base's greedy tokens and activations.

The base reads a whole context in one forward. Its greedy token after each position is the
denoiser's target; its keys, values and features are the denoiser's input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from lsp_server.models.embedded.model import CausalBase
from lsp_server.models.embedded.spec import SPEC
from lsp_server.models.embedded.transformer import Qwen2
from lsp_server.models.interfaces import PromptTokens, Tokenizer
from lsp_server.source_files import SourceError

LONGEST: Final = 320
"""Tokens of a context."""

TRIES: Final = 1000
"""Failed draws after which SourceError is raised."""

_SHORTEST: Final = 120  # tokens of a context, without its suffix
_CHARACTERS: Final = 2800  # that a context is cut from
_SUFFIX: Final = (8, 100)  # tokens of a suffix
_WITHOUT_SUFFIX: Final = 0.2  # share of contexts
_GAP: Final = 30  # tokens left out between prefix and suffix, at most
_WITH_GAP: Final = 0.25  # share of contexts; of the others the text ends where the suffix begins


@dataclass(frozen=True, slots=True)
class Context:
    """A text in the base's layout, with the base's outputs."""

    tokens: Tensor  # (tokens,)
    greedy: Tensor  # (tokens,): what the base writes after each token
    features: Tensor  # (tokens, width * (taps + 1)), fp32
    keys: tuple[tuple[Tensor, Tensor], ...]  # of the canvas layers, (key heads, tokens, width) each


def draw_sequence(texts: Sequence[str], tokenizer: Tokenizer, chance: Random) -> list[int]:
    """Draw a part of a text in the layout of a prompt: suffix, prefix, and what follows it.

    Raises SourceError if the texts are too short.
    """
    for _ in range(TRIES):
        text = chance.choice(texts)
        start = chance.randrange(max(1, len(text) - _CHARACTERS // 2))
        start = text.rfind("\n", 0, start) + 1
        tokens = tokenizer.encode(text[start : start + _CHARACTERS])[: LONGEST - 4]
        if len(tokens) >= _SHORTEST:
            break
    else:
        raise SourceError("there is too little code in these folders to learn from")
    if chance.random() < _WITHOUT_SUFFIX:
        return CausalBase.lay_out(PromptTokens.around(tokens, []))
    behind = len(tokens) - chance.randint(*_SUFFIX)
    gap = chance.randint(1, min(_GAP, behind // 2)) if chance.random() < _WITH_GAP else 0
    end = [] if gap else [SPEC.end_of_text]
    return [*CausalBase.lay_out(PromptTokens.around(tokens[: behind - gap], tokens[behind:])), *end]


def draw_prompt(
    texts: Sequence[str], tokenizer: Tokenizer, length: int, chance: Random
) -> list[int]:
    """Draw a prompt of a number of tokens, for the base to continue.

    Raises SourceError if the texts are too short.
    """
    for _ in range(TRIES):
        prompt = draw_sequence(texts, tokenizer, chance)[:length]
        if len(prompt) == length and SPEC.fim_middle in prompt:
            return prompt
    raise SourceError("there is too little code in these folders to write on from")


def begin(sequence: Sequence[int]) -> int:
    """The position at which the prefix begins in a sequence."""
    return list(sequence).index(SPEC.fim_middle) + 1


@torch.no_grad()
def read(model: Qwen2, sequence: Sequence[int]) -> Context:
    """One forward of the base over a whole sequence."""
    cache = model.new_cache()
    states, tapped = model.forward(sequence, cache)
    rows = torch.stack([*tapped, states], 1).float()
    first = model.shape.layers - SPEC.canvas_layers
    return Context(
        tokens=torch.tensor(sequence),
        greedy=model.head(states).argmax(-1),
        features=functional.layer_norm(rows, rows.shape[-1:]).flatten(1),
        keys=tuple(cache.rows(layer) for layer in range(first, model.shape.layers)),
    )
