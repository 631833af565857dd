"""Chooses how many masks a hole gets, from a length prior and from probing forwards.

A *probe* is one forward over a canvas of masks only; the caller runs it.

| strategy | masks | forwards |
|---|---|---|
| fixed | the number in the settings | none |
| prior | the median of the prior | none |
| search | the peak of the model's own confidence (CAL) | one per length tried, 9 or more |
| both | as search, with the prior added, starting at the prior's median | as search |
| grow | the median or the fixed number, then changed by expand and delete tokens | none |
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean

from lsp_server.diffusion.types import Length, Lengths
from lsp_server.settings import Strategy

Probe = Callable[[int], float]
"""Maps a number of masks to the mean probability of their best tokens, by one forward."""

CODE = '        self.items[key] = read(path, mode="rb") or default\n'
"""A typical line of code, used to estimate a tokenizer's characters per token."""

Bias = Callable[[int], float]
"""Maps a number of masks to a model's mean confidence over texts of any length; above 0."""

_PATIENCE = 4  # lengths in a row without improvement that end the search in one direction
_PRIOR_WEIGHT = 0.1  # of the log prior; the log confidence, of weight 1, varies far less
_DOUBT = 0.01  # share of the prior's probability that is spread evenly over all lengths


def published_bias(masks: int) -> float:
    """The bias of CAL's models (arXiv 2602.00476, appendix A); ``measure_bias`` fits another."""
    return 1.00 * math.exp(-1.77 * masks) + 0.56 * math.exp(-0.06 * masks) + 0.24


def measure_bias(holes: Iterable[tuple[Probe, int]], lengths: Sequence[int]) -> Bias:
    """A model's own bias: its mean confidence at ``lengths`` over holes, linear between them.

    ``holes``: a probe and the true number of tokens of each. As in CAL's calibration, lengths
    within 4 of the true one are left out, because there the confidence depends on the text.
    Raises ValueError if no length is left.
    """
    seen: dict[int, list[float]] = {}
    for probe, true in holes:
        for masks in lengths:
            if abs(masks - true) > _PATIENCE:
                seen.setdefault(masks, []).append(probe(masks))
    if not seen:
        raise ValueError("a bias needs holes whose lengths differ from those measured")
    known = sorted(seen)
    means = [fmean(seen[masks]) for masks in known]

    def bias(masks: int) -> float:
        right = bisect_left(known, masks)
        if right in (0, len(known)):
            return means[min(right, len(known) - 1)]
        low, high = known[right - 1], known[right]
        return means[right - 1] + (means[right] - means[right - 1]) * (masks - low) / (high - low)

    return bias


def measure_density(characters: int, tokens: int, code: int) -> float:
    """Characters per token of a text, at least 1; a short text's is drawn towards that of code.

    ``code`` is the number of tokens of CODE, which is counted as a part of the text.
    """
    return max(1.0, (characters + len(CODE)) / (tokens + code))


class Prior:
    """A probability distribution over numbers of tokens."""

    def __init__(self, shares: Sequence[float]) -> None:
        """``shares[i]``: the share of texts with i tokens, of any sum above 0."""
        total = sum(shares)
        self.shares = tuple(share / total for share in shares)

    @classmethod
    def of(cls, lengths: Lengths, density: float, partial: int, most: int) -> Prior:
        """From lengths in characters, at ``density`` characters per token.

        ``partial``: the characters of the partial token (see ``token_healing``), which are written
        again. Lengths over ``most`` tokens count as ``most``.
        """
        upto = [0.0, *(_share_up_to(lengths, n * density - partial) for n in range(1, most)), 1.0]
        return cls([0.0, *(high - low for low, high in pairwise(upto))])

    @property
    def median(self) -> int:
        """The median number of tokens, which has the least expected distance to the true one.

        Lengths of code are so skewed that the mode is nearly always too short; a search that
        starts at the median takes the fewest steps.
        """
        return next(n for n, share in enumerate(accumulate(self.shares)) if share >= 0.5)

    def log(self, tokens: int) -> float:
        """The log probability of a number of tokens; never minus infinity."""
        share = self.shares[tokens] if tokens < len(self.shares) else 0.0
        return math.log((1 - _DOUBT) * share + _DOUBT / len(self.shares))


@dataclass(frozen=True, slots=True)
class LengthHints:
    """What is known of a hole's length before the first forward, in tokens."""

    least: int
    most: int
    usual: int  # used without a prior
    prior: Prior | None = None
    growing: bool = False  # whether the model has expand and delete tokens

    @property
    def start(self) -> int:
        """The prior's median, else the usual number, within the bounds."""
        wanted = self.prior.median if self.prior else self.usual
        return min(max(wanted, self.least), self.most)

    def settle(self, strategy: Strategy) -> Strategy:
        """Resolve "auto", and replace a strategy that this hole or model does not support."""
        if self.growing and strategy in ("auto", "grow"):
            return "grow"
        if strategy in ("auto", "grow", "both"):
            return "both" if self.prior else "search"
        return "fixed" if strategy == "prior" and self.prior is None else strategy


def choose_length(
    strategy: Strategy, hints: LengthHints, probe: Probe, bias: Bias = published_bias
) -> Length:
    """The number of masks by a strategy, the strategy actually used, and its forwards."""
    strategy = hints.settle(strategy)
    if strategy == "fixed":
        return Length(min(max(hints.usual, hints.least), hints.most), strategy)
    if strategy in ("prior", "grow"):
        return Length(hints.start, strategy)
    prior = hints.prior if strategy == "both" else None

    def score(masks: int) -> float:
        """The logarithm of CAL's calibrated confidence, plus the weighted log prior."""
        confidence = math.log(max(probe(masks), 1e-9) / bias(masks))
        return confidence + (_PRIOR_WEIGHT * prior.log(masks) if prior else 0.0)

    masks, forwards = _climb(score, hints)
    return Length(masks, strategy, forwards)


def _climb(score: Callable[[int], float], hints: LengthHints) -> tuple[int, int]:
    """Search upwards, then downwards from the start; the best length and the number of probes.

    Each direction ends at a bound or after four lengths in a row that did not improve the score.
    """
    best, highest, looked = hints.start, score(hints.start), 1
    for step in (1, -1):
        masks, worse = hints.start + step, 0
        while hints.least <= masks <= hints.most and worse < _PATIENCE:
            value, looked = score(masks), looked + 1
            if value > highest:
                best, highest, worse = masks, value, 0
            else:
                worse += 1
            masks += step
    return best, looked


def _share_up_to(lengths: Lengths, characters: float) -> float:
    """The share of texts of at most ``characters``, uniform inside a class."""
    share, low = 0.0, 0
    for high, of_class in zip(lengths.bounds, lengths.shares, strict=True):
        if characters < high:
            return share + of_class * max(0.0, characters - low) / (high - low)
        share, low = share + of_class, high
    return share
