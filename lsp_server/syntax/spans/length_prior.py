"""The length prior: how long texts are, by span kind and language, from ``lengths.toml``.

The files in ``grammars/`` are written by ``tests/experiments/length_statistics.py``. The one in a
language's folder covers the kinds that were seen often enough; for other kinds, and for texts
without a grammar, the file beside the folders applies, which is of all languages together. Lengths
are in characters, not tokens.
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
    """A distribution of lengths in characters.

    ``shares[i]`` belongs to lengths above ``bounds[i - 1]`` (0 for the first) up to ``bounds[i]``;
    together they are 1.
    """

    bounds: tuple[int, ...]
    shares: tuple[float, ...]

    def at_least(self, least: int) -> Histogram:
        """The distribution given a length of at least ``least``, uniform inside each class.

        Unchanged if no class reaches that far.
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
    """The prior of a span's length, which is at least that of its closing marks."""
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
