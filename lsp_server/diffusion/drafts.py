"""Drafts: tokens that might come next, where they come from, and how far each can be trusted.

Three sources make drafts: what the syntax forces, what the file itself says after the longest
match of the last tokens, and the denoiser. They compete by the number of tokens that each can
expect to see accepted. A wrong draft costs a little time, never text: the base checks them all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from lsp_server.diffusion.canvas import Hole
from lsp_server.models.base import MASK, Canvas, Denoiser, Tokenizer
from lsp_server.settings import Source

_SYNTAX_CONFIDENCE = 0.85
_NEEDED = 2  # tokens that must match before the file is asked
_LONGEST = 16  # tokens of a match that are told apart
_MOST = 28  # tokens of a draft: more rows than that cost more than they bring
_CANDIDATES = 32  # entries of a mask that may be drafted behind a token
# How often the token after a match of so many tokens was right, on library code.
_RIGHT = {2: 0.42, 3: 0.59, 4: 0.72, 5: 0.77, 6: 0.82, 8: 0.88, 12: 0.93, 16: 0.96}


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


def cut(drafts: Drafts, floor: float, limit: int) -> Drafts:
    """The drafts up to where all of them together are less probable than ``floor``."""
    together = accumulate((draft.confidence for draft in drafts), mul)
    return tuple(draft for draft, p in zip(drafts[:limit], together, strict=False) if p >= floor)


def compete(candidates: Sequence[Drafts]) -> Drafts:
    """The candidate that can expect most, made longer by any other that agrees with all of it."""
    best = max(candidates, key=expected_length, default=())
    tokens = [draft.token for draft in best]
    for other in candidates:
        if len(other) > len(best) and [draft.token for draft in other[: len(best)]] == tokens:
            best = best + other[len(best) :]
            tokens = [draft.token for draft in best]
    return best


class FileDrafter:
    """Drafts from the text itself: what followed the longest earlier match of the last tokens."""

    def __init__(self, context: Sequence[int]) -> None:
        """``context``: the tokens of suffix and prefix, the prefix last."""
        self._tokens: list[int] = []
        self._places: defaultdict[int, list[int]] = defaultdict(list)
        for token in context:
            self.append(token)

    def append(self, token: int) -> None:
        """The text goes on with ``token``."""
        self._places[token].append(len(self._tokens))
        self._tokens.append(token)

    def propose(self) -> Drafts:
        """What followed the longest match, the latest one among equals."""
        if not self._tokens:
            return ()
        best, length = -1, _NEEDED - 1
        for place in reversed(self._places[self._tokens[-1]][:-1]):
            matched = self._match(place)
            if matched > length:
                best, length = place, matched
                if length == _LONGEST:
                    break
        if best < 0:
            return ()
        tokens = self._tokens[best + 1 : best + 1 + _MOST]
        while len(tokens) < _MOST:  # the match reaches into what it predicts: it repeats itself
            tokens += tokens[: _MOST - len(tokens)]
        # Each is judged given that those before it were right, which makes the match longer.
        return tuple(
            Draft(token, _right(length + index), "file") for index, token in enumerate(tokens)
        )

    def _match(self, place: int) -> int:
        """How many tokens up to ``place`` equal those up to the end."""
        end, length = len(self._tokens) - 1, 1
        while (
            length < _LONGEST
            and place >= length
            and self._tokens[place - length] == self._tokens[end - length]
        ):
            length += 1
        return length


def _right(matched: int) -> float:
    return _RIGHT[max(known for known in _RIGHT if known <= matched)]


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


def propose_denoiser(
    denoiser: Denoiser, prefix: Sequence[int], suffix: Sequence[int], floor: float = 0.0
) -> Drafts:
    """One canvas of masks behind ``prefix``: the best token of each, with its probability.

    From left to right, each behind the one drafted before it, where the model knows how they
    depend on one another; up to where all of them together are less probable than ``floor``.
    """
    canvas = Canvas(prefix, [MASK] * denoiser.width(len(prefix)), suffix)
    marginals = denoiser.denoise(canvas)
    coupling, vocabulary = marginals.coupling, marginals.vocabulary
    probabilities, entries = marginals.logits.softmax(-1).topk(
        1 if coupling is None else min(_CANDIDATES, marginals.logits.shape[-1])
    )
    tokens = entries if vocabulary is None else vocabulary[entries]
    others = (1 - probabilities.sum(-1)).clamp(min=0)  # of what is no candidate
    drafts: list[Draft] = []
    before, together = prefix[-1], 1.0
    for row, weights in enumerate(probabilities):
        if coupling is not None:
            weights = weights * coupling(row, before, entries[row]).exp()
        best = int(weights.argmax())
        confidence = float(weights[best] / (weights.sum() + others[row]))
        before = int(tokens[row, best])
        together *= confidence
        if together < floor:
            break
        drafts.append(Draft(before, confidence, "denoiser"))
    return tuple(drafts)
