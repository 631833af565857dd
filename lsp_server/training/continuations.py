"""Code that the base writes itself, many texts at once.

A denoiser's canvases follow what the base has written, which is plainer than what people write, so
that is what it is trained on for the most part (as draft heads are: Medusa's self-distillation,
arXiv 2401.10774).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch

from lsp_server.models.embedded.transformer import Qwen2


@torch.no_grad()
def write(
    model: Qwen2, prompts: Sequence[Sequence[int]], count: int, ends: Collection[int]
) -> list[list[int]]:
    """Each prompt with what the base writes behind it, greedily: ``count`` tokens or up to an end.

    The prompts are equally long. One forward writes one token of every text.
    """
    cache = model.new_cache((len(prompts),))
    tokens = torch.tensor(prompts)
    written = []
    for _ in range(count):
        states, _ = model.forward(tokens, cache)
        tokens = model.head(states[:, -1]).argmax(-1, keepdim=True)
        written.append(tokens)
    texts = torch.cat(written, 1).tolist()
    return [[*prompt, *_cut(text, ends)] for prompt, text in zip(prompts, texts, strict=True)]


def _cut(tokens: list[int], ends: Collection[int]) -> list[int]:
    """The tokens up to the first that ends a text, and that one."""
    end = next((place for place, token in enumerate(tokens) if token in ends), len(tokens))
    return tokens[: end + 1]
