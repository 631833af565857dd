"""Compares variants of decoding on holes whose text is known: samplers, caches, lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final

import torch
from rich.table import Table

from lsp_server.bench.report import Progress, new_table, ratio, share
from lsp_server.diffusion.decoder import Decoder
from lsp_server.diffusion.length import Bias, measure_bias, published_bias
from lsp_server.diffusion.token_healing import tokenize
from lsp_server.diffusion.types import Hole, Infill
from lsp_server.models.interfaces import MASK, Model, Tokenizer
from lsp_server.settings import Settings, Strategy

STRATEGIES: Final[tuple[Strategy, ...]] = ("fixed", "prior", "search", "both", "grow")


@dataclass(frozen=True, slots=True)
class KnownHole:
    """A hole with the right text, its length in tokens, and its group in reports."""

    hole: Hole
    truth: str
    tokens: int
    group: str

    @classmethod
    def of(cls, hole: Hole, truth: str, tokenizer: Tokenizer, group: str) -> KnownHole:
        """Count the tokens of a text in its hole."""
        return cls(hole, truth, count_tokens(hole, truth, tokenizer), group)


@dataclass(frozen=True, slots=True)
class Variant:
    """Named settings; ``given``: a hole gets as many masks as its text has tokens."""

    name: str
    settings: Settings
    given: bool = False
    bias: Bias = published_bias


@dataclass(frozen=True, slots=True)
class Score:
    """A variant's results for the holes of one group."""

    variant: str
    group: str
    holes: int
    exact: int
    tokens: int  # of the right texts
    forwards: int
    searching: int  # of the forwards: those that looked for a length
    right_length: int
    error: int  # masks too many or too few, summed

    @property
    def forwards_per_hole(self) -> float:
        """Forwards, those that look for a length included."""
        return ratio(self.forwards, self.holes)


def length_variants(settings: Settings, growing: bool) -> list[Variant]:
    """The true length, and every strategy that finds one; "grow" where the model can."""
    strategies = [each for each in STRATEGIES if growing or each != "grow"]
    found = [Variant(each, replace(settings, length=each)) for each in strategies]
    return [Variant("given", replace(settings, length="fixed"), given=True), *found]


def with_own_bias(variant: Variant, bias: Bias) -> Variant:
    """The same variant, searching by a bias that was measured on the model."""
    return replace(variant, name=f"{variant.name}, calibrated", bias=bias)


def measure(
    model: Model, holes: Sequence[KnownHole], variants: Iterable[Variant], progress: Progress
) -> list[Score]:
    """Fill every hole in every variant; a score for each variant and group."""
    scores = []
    for variant in variants:
        for group in dict.fromkeys(known.group for known in holes):
            progress(f"{variant.name}: {group}")
            chosen = [known for known in holes if known.group == group]
            answers = list(_fill(model, variant, chosen))
            scores.append(_score(variant, group, chosen, answers))
    return scores


def calibrate(model: Model, holes: Sequence[KnownHole], most: int) -> Bias:
    """The model's own bias of confidence by length up to ``most``, on holes to spend on that."""
    denoiser = model.denoiser

    def look(known: KnownHole, masks: int) -> float:
        prompt, _ = tokenize(known.hole, model.tokenizer, two_sided=True)
        logits = denoiser.denoise(prompt, [MASK] * masks).logits
        if denoiser.growth is not None:
            unwanted = torch.tensor([denoiser.growth.expand, denoiser.growth.delete])
            logits = logits.index_fill(-1, unwanted, float("-inf"))
        return float(logits.softmax(-1).amax(-1).mean())

    probes = [(partial(look, known), known.tokens) for known in holes]
    return measure_bias(probes, range(1, most + 1))


def count_tokens(hole: Hole, text: str, tokenizer: Tokenizer) -> int:
    """The number of tokens of a text in its hole, including the partial token before it."""
    _, stub = tokenize(hole, tokenizer)
    return len(tokenizer.encode(stub + text))


def to_json(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """The scores, with what they mean per hole."""
    return [
        {**asdict(score), "forwards_per_hole": round(score.forwards_per_hole, 3)}
        for score in scores
    ]


def table(title: str, scores: Sequence[Score], lengths: bool) -> Table:
    """Exact texts and forwards per hole, in all and by group; with the lengths found, or not."""
    groups = list(dict.fromkeys(score.group for score in scores))
    columns = ["exact", *groups, "forwards per hole"]
    columns += ["searching", "right length", "error"] if lengths else groups
    rows = new_table(title, "variant", *columns)
    for variant in dict.fromkeys(score.variant for score in scores):
        own = [score for score in scores if score.variant == variant]
        holes = sum(score.holes for score in own)
        row = [share(sum(score.exact for score in own), holes)]
        row += [f"{100 * ratio(score.exact, score.holes):.1f}%" for score in own]
        row.append(f"{ratio(sum(score.forwards for score in own), holes):.2f}")
        if lengths:
            row.append(f"{ratio(sum(score.searching for score in own), holes):.2f}")
            row.append(share(sum(score.right_length for score in own), holes))
            row.append(f"{ratio(sum(score.error for score in own), holes):.2f}")
        else:
            row += [f"{score.forwards_per_hole:.2f}" for score in own]
        rows.add_row(variant, *row)
    return rows


def _fill(model: Model, variant: Variant, holes: Iterable[KnownHole]) -> Iterator[Infill]:
    decoders: dict[int, Decoder] = {}
    for known in holes:
        masks = known.tokens if variant.given else variant.settings.fixed_tokens
        if masks not in decoders:
            settings = replace(variant.settings, fixed_tokens=masks)
            decoders[masks] = Decoder(model, settings, variant.bias)
        yield decoders[masks].infill(known.hole)


def _masks(answer: Infill) -> int:
    """The masks that a canvas came to, whatever of its text was cut off; as they began, or grew."""
    if answer.length is None or answer.length.strategy == "grow":
        return answer.cost.tokens
    return answer.length.masks


def _score(
    variant: Variant, group: str, holes: Sequence[KnownHole], answers: Sequence[Infill]
) -> Score:
    pairs = list(zip(holes, answers, strict=True))
    errors = [abs(_masks(answer) - known.tokens) for known, answer in pairs]
    return Score(
        variant=variant.name,
        group=group,
        holes=len(holes),
        exact=sum(answer.text == known.truth for known, answer in pairs),
        tokens=sum(known.tokens for known in holes),
        forwards=sum(answer.cost.forwards.canvas for answer in answers),
        searching=sum(answer.length.forwards for answer in answers if answer.length),
        right_length=errors.count(0),
        error=sum(errors),
    )
