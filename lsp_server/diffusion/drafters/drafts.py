"""Drafts: tokens that might come next, where they come from, and how far each can be trusted.

Three sources make drafts: what the syntax forces, what the file itself says (``echo``), and the
denoiser together with the file. They compete by the number of tokens that each can expect to see
accepted. A wrong draft costs a little time, never text: the base checks them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, takewhile
from math import prod
from operator import mul

from torch import Tensor

from lsp_server.diffusion.drafters.prompt_lookup import Echo, Guess
from lsp_server.diffusion.types import Hole
from lsp_server.models.interfaces import MASK, Denoiser, PromptTokens, Tokenizer
from lsp_server.settings import Source

_SYNTAX_CONFIDENCE = 0.85
_CANDIDATES = 32  # entries of a mask that may be drafted behind a token

_NEAR = 7  # drafts; a row behind these costs twice what one of these does
_FAR_FLOOR = 0.6

LONGEST = 28
"""Tokens of a draft, at most: more rows than that cost more than they bring."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One drafted token: where it comes from and how probably it is right, given those before."""

    token: int
    confidence: float
    source: Source


Drafts = tuple[Draft, ...]


def expected_length(drafts: Drafts) -> float:
    """How many of these drafts will be accepted, on average."""
    together = accumulate((draft.confidence for draft in drafts), mul)
    return sum(together, start=0.0)


def agreeing(drafts: Drafts, tokens: Sequence[int]) -> int:
    """How many drafts, from the first on, are these tokens."""
    pairs = zip(drafts, tokens, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0].token == pair[1], pairs))


def cut(drafts: Drafts, floor: float, limit: int) -> Drafts:
    """The drafts up to where all of them together are less probable than ``floor``.

    Far drafts have to be more probable: each of them costs more, and if it is left out now, it
    will most often be a cheap one of the next forward.
    """
    together = accumulate((draft.confidence for draft in drafts), mul)
    kept = 0
    for probability in together:
        if kept == limit or probability < (floor if kept < _NEAR else max(floor, _FAR_FLOOR)):
            break
        kept += 1
    return drafts[:kept]


def compete(candidates: Sequence[Drafts]) -> Drafts:
    """The candidate that can expect most, made longer by any other that agrees with all of it."""
    best = max(candidates, key=expected_length, default=())
    tokens = [draft.token for draft in best]
    for other in candidates:
        if len(other) > len(best) and [draft.token for draft in other[: len(best)]] == tokens:
            best = best + other[len(best) :]
            tokens = [draft.token for draft in best]
    return best


def propose_syntax(tokenizer: Tokenizer, hole: Hole, written: str) -> Drafts:
    """What the syntax forces after ``written``.

    A token that the text behind it could still change is left out: it would rarely be right.
    """
    text = hole.expect(written)
    if not text:
        return ()
    with_next = tokenizer.encode(text + "x")
    stable = []
    for token, other in zip(tokenizer.encode(text), with_next, strict=False):
        if token != other:
            break
        stable.append(token)
    if not stable and len(with_next) > 1:
        stable = with_next[:-1]
    return tuple(Draft(token, _SYNTAX_CONFIDENCE, "syntax") for token in stable)


def propose_file(echo: Echo, floor: float, limit: int) -> Drafts:
    """What the text itself says, up to where all of it together is less probable than ``floor``."""
    return _lengthen((), echo, floor, limit)


def propose_denoiser(
    denoiser: Denoiser,
    prompt: PromptTokens,
    echo: Echo | None = None,
    floor: float = 0.0,
    limit: int = LONGEST,
) -> Drafts:
    """One canvas of masks behind the prefix: the best token of each, with its probability.

    From left to right, each behind the one drafted before it, where the model knows how they
    depend on one another, and together with what the text itself says there (``echo``); up to
    where all of them together are less probable than ``floor``.
    """
    prefix = prompt.prefix
    marginals = denoiser.denoise(prompt, [MASK] * denoiser.width(len(prefix)))
    coupling, vocabulary = marginals.coupling, marginals.vocabulary
    probabilities, entries = marginals.logits.softmax(-1).topk(
        min(_CANDIDATES, marginals.logits.shape[-1])
    )
    tokens = entries if vocabulary is None else vocabulary[entries]
    others = (1 - probabilities.sum(-1)).clamp(min=0)  # of what is no candidate
    drafts: list[Draft] = []
    before, together = prefix[-1], 1.0
    for row, shares in enumerate(probabilities[:limit]):
        if coupling is not None:
            weights = shares * coupling(row, before, entries[row]).exp()
            shares = weights / (weights.sum() + others[row])
        draft = _choose(shares, tokens[row], None if echo is None else echo.guess())
        together *= draft.confidence
        if together < floor:
            return tuple(drafts)
        drafts.append(draft)
        before = draft.token
        if echo is not None:
            echo.append(before)
    return tuple(drafts) if echo is None else _lengthen(drafts, echo, floor, limit)


def _choose(shares: Tensor, tokens: Tensor, guess: Guess | None) -> Draft:
    """The best token of a mask, by the denoiser and by what the text itself says.

    Their distributions are mixed (as in continuous caches, arXiv 1612.04426). The guess weighs its
    confidence squared, which is what fits: the denoiser knows most of what it says.
    """
    best = int(shares.argmax())
    draft = Draft(int(tokens[best]), float(shares[best]), "denoiser")
    if guess is None:
        return draft
    weight = guess.confidence**2
    guessed = weight + (1 - weight) * float(shares[tokens == guess.token].sum())
    if draft.token == guess.token:
        return replace(draft, confidence=guessed)
    kept = (1 - weight) * draft.confidence
    return (
        replace(draft, confidence=kept) if kept > guessed else Draft(guess.token, guessed, "file")
    )


def _lengthen(drafts: Sequence[Draft], echo: Echo, floor: float, limit: int) -> Drafts:
    """Drafts, and what the text itself says behind them."""
    longer = list(drafts)
    together = prod(draft.confidence for draft in drafts)
    while len(longer) < limit and (guess := echo.guess()) is not None:
        together *= guess.confidence
        if together < floor:
            break
        longer.append(Draft(guess.token, guess.confidence, "file"))
        echo.append(guess.token)
    return tuple(longer)
