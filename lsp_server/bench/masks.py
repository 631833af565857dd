"""How many masks a hole in real code gets: every strategy, on one two-sided model.

Cuts holes into files, has the syntax say what is being written there, and asks for it at a cursor
as an editor would. Knows files and holes; nothing of tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from lsp_server.bench import ways
from lsp_server.bench.holes import Cut, Shape
from lsp_server.bench.lengths import measure
from lsp_server.bench.ways import Known, Way
from lsp_server.completion.context import choose_window
from lsp_server.completion.place import Place
from lsp_server.completion.service import make_hole
from lsp_server.diffusion.length import Bias
from lsp_server.models.interfaces import Model, ModelError, Tokenizer
from lsp_server.settings import Settings
from lsp_server.syntax.spans.find import find_span

SHAPES: Final[tuple[Shape, ...]] = ("line", "brackets", "statement")
LINES: Final = 3
"""Lines of a hole, at most."""

SPENT: Final = 48
"""Holes that a model's own bias is measured on."""

CAPTION: Final = (
    "given: the true number of masks · calibrated: searched by the model's own confidence at every "
    "length, measured on other files · searching: forwards, of those per hole, that looked for a "
    "length · right length, error: of the canvas, in masks"
)


def know(cuts: Sequence[Cut], settings: Settings, tokenizer: Tokenizer, most: int) -> list[Known]:
    """The holes of cuts, and what belongs there; without those of no or of over ``most`` tokens."""
    found = []
    for cut in cuts:
        tree, start = cut.snapshot().tree, cut.start
        span = find_span(tree, start, settings.span_bounding)
        place = Place.of(tree, start, start)
        window = choose_window(place.before, place.after_cursor, settings)
        hole = replace(make_hole(tree, span, window, settings), max_tokens=most)
        _, length = measure(cut, settings.span_bounding)
        known = Known.of(hole, cut.file.text[start : start + length], tokenizer, cut.shape)
        if length and known.tokens <= most:
            found.append(known)
    return found


def choose_ways(model: Model, settings: Settings, spent: Sequence[Known], most: int) -> list[Way]:
    """Every strategy; searches also by the model's own bias, measured on the holes ``spent``.

    Raises ModelError for a model that is not two-sided.
    """
    if not model.denoiser.two_sided:
        raise ModelError(
            f"{model.info.name} writes from left to right: it is not told how many masks there are"
        )
    made = ways.length_ways(settings, model.denoiser.growth is not None)
    bias: Bias = ways.calibrate(model, spent, most)
    searching = [way for way in made if way.name in ("search", "both")]
    return [*made, *(ways.with_own_bias(way, bias) for way in searching)]
