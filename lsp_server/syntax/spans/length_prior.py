"""How long texts are, by kind and language: what ``lengths.toml`` in ``grammars/`` says.

Counted in code by ``tests/experiments/length_statistics.py``. A language has its own shares for
the kinds of which enough was seen, in its folder; everything else, and every text without a
grammar, has those of all languages together, beside the folders. Lengths count characters,
not tokens.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from lsp_server.syntax.languages import Language, grammars
from lsp_server.syntax.spans.types import Kind, Span

FILE: Final = "lengths.toml"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of texts by their length in characters.

    ``shares[i]`` belongs to lengths above ``bounds[i - 1]`` (0 for the first) up to ``bounds[i]``;
    together they are 1.
    """

    bounds: tuple[int, ...]
    shares: tuple[float, ...]

    def at_least(self, least: int) -> Histogram:
        """Without the lengths below ``least``; inside a class all lengths are alike.

        Unchanged when no class reaches so far.
        """
        kept = [
            share * max(0, high - max(low, least - 1)) / (high - low)
            for share, (low, high) in zip(self.shares, pairwise((0, *self.bounds)), strict=True)
        ]
        return Histogram.of(self.bounds, kept) if any(kept) else self

    @classmethod
    def of(cls, bounds: tuple[int, ...], weights: list[float]) -> Histogram:
        """Shares in proportion to weights, of which one at least is above 0."""
        total = sum(weights)
        return cls(bounds, tuple(weight / total for weight in weights))


def find_lengths(language: Language | None, span: Span) -> Histogram:
    """How long the text of a span will be: at least as long as what it has to end with."""
    own = {} if language is None else _read(language.name)
    return (own.get(span.kind) or _read()[span.kind]).at_least(len(span.closers))


@cache
def _read(name: str = "") -> dict[Kind, Histogram]:
    """The shares of one language, or of all together; none for a language that has no file."""
    path = grammars() / name / FILE
    if name and not path.is_file():
        return {}
    facts = tomllib.loads(path.read_text("utf-8"))
    bounds = tuple(facts.pop("bounds"))
    return {Kind(kind): Histogram.of(bounds, of_kind["shares"]) for kind, of_kind in facts.items()}
