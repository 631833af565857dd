"""``python -m tests.experiments.synthetic``: the command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lsp_server.bench import report
from lsp_server.cli import exit_status
from lsp_server.commands.options import count
from lsp_server.models.storage import cache_folder
from lsp_server.settings import Settings
from tests.experiments import variants
from tests.experiments.synthetic import training, trials
from tests.experiments.synthetic.checkpoint import NAME


def main(argv: Sequence[str] | None = None) -> int:
    """Run the experiment; the exit status."""
    return exit_status(lambda: run(_parse(argv)))


def run(arguments: argparse.Namespace) -> int:
    """Train the model anew where that is asked for, fill the holes, print and write the report."""
    report.check_writable(arguments.json)
    folder = trials.TRAINED
    if arguments.train or arguments.resume:
        folder = cache_folder() / NAME
        training.train(folder, arguments.steps, arguments.resume, _print_check)
        print(f"written: {folder}")
    model = trials.load_trained(folder)
    puzzles = trials.draw_trials(model.tokenizer, arguments.holes, arguments.seed)
    with report.progress_on_terminal() as progress:
        progress("calibrating")
        bias = trials.calibrate(model)
        samplers = variants.measure(model, puzzles, trials.sampler_variants(), progress)
        lengths = variants.measure(model, puzzles, trials.length_variants(bias), progress)
    result = report.context("synthetic", Settings(), model.info)
    result["options"] = report.options(arguments, "holes", "seed")
    result |= {"samplers": variants.to_json(samplers), "lengths": variants.to_json(lengths)}
    title = f"How many masks: sampler {trials.SAFE}, at most {trials.MOST_MASKS}"
    tables = [
        variants.table(
            "Samplers, each hole with its true number of masks", samplers, lengths=False
        ),
        variants.table(title, lengths, lengths=True),
    ]
    report.show(result, tables, arguments.json, trials.CAPTION)
    return 0


def _print_check(check: training.Check) -> None:
    exact = ", ".join(f"{kind} {100 * part:.0f}%" for kind, part in check.exact.items())
    print(f"{check.milestone}; held out, exact: {exact}", flush=True)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.experiments.synthetic",
        description="Fill held-out holes of a synthetic language, each of which has one right "
        "answer, with a small model made for it: by every sampler, with and without caches, and "
        "with every way to choose the number of masks.",
    )
    parser.add_argument("--holes", type=count, default=100, help="of each of 3 kinds (100)")
    parser.add_argument("--seed", type=int, default=0, help="of their drawing (0)")
    parser.add_argument(
        "--train",
        action="store_true",
        help="train the model anew first, into the cache folder; takes minutes",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a training that was broken off"
    )
    parser.add_argument("--steps", type=count, default=12_000, help="to train (12000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
