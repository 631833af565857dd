"""Compares the strategies for a two-sided model's number of masks, on holes in real code.

``python -m tests.experiments.canvas_lengths FOLDER...`` cuts holes into files, finds their spans,
and fills them with the true number of masks and with the number that each strategy chooses. If no
published model is available, ``--train`` trains one in an hour on two cores (``code_model``).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from lsp_server.bench import report
from lsp_server.bench.holes import Cut, RealFile, Shape, default_files, draw_cuts, open_files
from lsp_server.cli import exit_status
from lsp_server.commands.console import load_model
from lsp_server.commands.options import (
    add_decoding_options,
    add_model_options,
    count,
    settings_from,
)
from lsp_server.completion.question import Question
from lsp_server.diffusion.length import Bias
from lsp_server.models.interfaces import Model, ModelError, Tokenizer
from lsp_server.models.storage import cache_folder
from lsp_server.settings import Settings
from lsp_server.source_files import find_files
from tests.experiments import variants
from tests.experiments.code_model import training
from tests.experiments.code_model.checkpoint import NAME
from tests.experiments.length_statistics import measure
from tests.experiments.variants import KnownHole, Variant

SHAPES: Final[tuple[Shape, ...]] = ("line", "brackets", "statement")
LINES: Final = 3
"""Lines of a hole, at most."""

SPENT: Final = 48
"""Number of holes used to measure a model's own bias."""

CAPTION: Final = (
    "given: the true number of masks · calibrated: searched by the model's own confidence at every "
    "length, measured on other files · searching: forwards, of those per hole, that looked for a "
    "length · right length, error: of the canvas, in masks"
)


def cut_known_holes(
    cuts: Sequence[Cut], settings: Settings, tokenizer: Tokenizer, most: int
) -> list[KnownHole]:
    """The holes of cuts with their texts, leaving out those of 0 or more than ``most`` tokens."""
    found = []
    for cut in cuts:
        start = cut.start
        question = Question.at_cursor(cut.snapshot(), start, settings)
        hole = replace(question.hole(settings), max_tokens=most)
        _, length = measure(cut, settings.span_bounding)
        known = KnownHole.of(hole, cut.file.text[start : start + length], tokenizer, cut.shape)
        if length and known.tokens <= most:
            found.append(known)
    return found


def choose_variants(
    model: Model, settings: Settings, spent: Sequence[KnownHole], most: int
) -> list[Variant]:
    """Every strategy; searches also by the model's own bias, measured on the holes ``spent``.

    Raises ModelError for a model that is not two-sided.
    """
    if not model.denoiser.two_sided:
        raise ModelError(
            f"{model.info.name} writes from left to right: it is not told how many masks there are"
        )
    made = variants.length_variants(settings, model.denoiser.growth is not None)
    bias: Bias = variants.calibrate(model, spent, most)
    searching = [variant for variant in made if variant.name in ("search", "both")]
    return [*made, *(variants.with_own_bias(variant, bias) for variant in searching)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment; the exit status."""
    return exit_status(lambda: run(_parse(argv)))


def run(arguments: argparse.Namespace) -> int:
    """Train a model if asked to, fill the holes, print and write the report."""
    settings = settings_from(arguments)
    report.check_writable(arguments.json)
    most, seed = arguments.longest, arguments.seed
    own = open_files(default_files())
    opened = _open_folders(arguments.folders, seed) if arguments.folders else own
    cuts = draw_cuts(opened, arguments.holes, seed, SHAPES, LINES)
    spent = draw_cuts(own, SPENT, seed + 1, SHAPES, LINES)
    if arguments.train:
        folder = cache_folder() / NAME
        texts = [file.text for file in _open_folders(arguments.train, seed)]
        training.train(folder, texts, arguments.steps, arguments.resume, _print_check)
        print(f"written: {folder}")
        settings = replace(settings, model=str(folder))
    model = load_model(settings)
    with report.progress_on_terminal() as progress:
        known = cut_known_holes(cuts, settings, model.tokenizer, most)
        progress("calibrating")
        calibrating = cut_known_holes(spent, settings, model.tokenizer, most)
        chosen = choose_variants(model, settings, calibrating, most)
        scores = variants.measure(model, known, chosen, progress)
    result = report.context("canvas_lengths", settings, model.info)
    result["options"] = report.options(arguments, "holes", "longest", "seed")
    result["files"] = len({cut.file.path for cut in cuts})
    result["lengths"] = variants.to_json(scores)
    title = f"How many masks: {len(known)} holes of at most {most} tokens"
    tables = [variants.table(title, scores, lengths=True)]
    report.show(result, tables, arguments.json, CAPTION)
    return 0


def _open_folders(folders: Sequence[Path], seed: int) -> list[RealFile]:
    """Files of every language, drawn from each folder."""
    return open_files(find_files(folders, seed))


def _print_check(check: training.Check) -> None:
    print(f"{check.milestone}; held out, right at first: {100 * check.right:.1f}%", flush=True)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.experiments.canvas_lengths",
        description="Fill holes in real code with a two-sided model, with the true number of masks "
        "and with the number that every strategy finds.",
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="*",
        metavar="FOLDER",
        help="one per project; so many files of every language are drawn from each "
        "(default: the package's own files)",
    )
    parser.add_argument("--holes", type=count, default=300, help="to cut (300)")
    parser.add_argument("--longest", type=count, default=32, help="tokens of a hole (32)")
    parser.add_argument("--seed", type=int, default=0, help="of all drawing (0)")
    parser.add_argument(
        "--train",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="train a small model on the code in these folders first, and take that",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a training that was broken off"
    )
    parser.add_argument("--steps", type=count, default=3000, help="to train (3000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    add_model_options(parser)
    add_decoding_options(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
