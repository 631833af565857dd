"""What ``unmask bench`` does: load the model, measure, print tables, write the report.

Wires benchmarks to the command line; measures nothing itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rich.console import Console, RenderableType

from lsp_server.bench import (
    bounding,
    holes,
    infill,
    latency,
    lengths,
    masks,
    problems,
    report,
    sandbox,
    structure,
    ways,
)
from lsp_server.bench.miniature import checkpoint as miniature
from lsp_server.bench.miniature import training, trials
from lsp_server.bench.novice import checkpoint as novice
from lsp_server.bench.novice import training as novice_training
from lsp_server.bench.passages import Passage
from lsp_server.bench.report import Progress
from lsp_server.models.storage import cache_folder
from lsp_server.settings import Settings
from lsp_server.syntax.languages import grammars
from lsp_server.terminal.loading import load_model, settings_of
from lsp_server.terminal.source import SourceError, find_files

_WIDTH: Final = 160  # columns of tables that do not go to a terminal


def run_structure(arguments: argparse.Namespace) -> int:
    """Tokens per second by kind of text."""
    settings = settings_of(arguments)
    _check(arguments)
    cuts = _cuts(arguments, arguments.holes)
    model = load_model(settings)
    with _Status() as progress:
        rows = structure.measure(model, settings, arguments.tokens, arguments.repeats, progress)
        bounded = bounding.measure(model, settings, cuts, progress)
    result = report.context("structure", settings, model.info)
    result["options"] = _options(arguments, "tokens", "repeats", "holes", "seed")
    result |= structure.to_json(rows)
    return _show(arguments, result, structure.tables(rows), bounded)


def run_latency(arguments: argparse.Namespace) -> int:
    """Milliseconds per keystroke."""
    settings = settings_of(arguments)
    _check(arguments)
    places = _cuts(arguments, arguments.places)
    passages = [Passage.of(cut, arguments.keys) for cut in places]
    cuts = _cuts(arguments, arguments.holes)
    model = load_model(settings)
    with _Status() as progress:
        scores = latency.measure(model, settings, passages, arguments.keys, progress)
        bounded = bounding.measure(model, settings, cuts, progress)
    result = report.context("latency", settings, model.info)
    result["options"] = _options(arguments, "places", "keys", "holes", "seed")
    result["places"] = [f"{each.file.path.name}:{each.start}" for each in passages]
    result |= latency.to_json(scores)
    return _show(arguments, result, [latency.table(scores)], bounded)


def run_infill(arguments: argparse.Namespace) -> int:
    """Pass@1 and cost on files of HumanEval-Infilling's format."""
    settings = settings_of(arguments)
    _check(arguments)
    everything = problems.load(arguments.data)
    lines = problems.holes_are_lines(everything)
    drawn = problems.draw(everything, arguments.limit, arguments.seed)
    precisions: dict[str, list[infill.Score]] = {}
    result: dict[str, Any] = {}
    for precision in filter(None, (settings.precision, arguments.compare)):
        model = load_model(replace(settings, precision=precision))
        if model.info.precision in precisions:
            continue
        with _Status() as progress:
            scores = infill.measure(model, settings, drawn, lines, progress)
            progress("running the programs")
            infill.run_programs(drawn, scores)
        result = result or report.context("infill", settings, model.info)
        precisions[model.info.precision] = scores
        del model  # before the next one is loaded
    result["options"] = _options(arguments, "limit", "seed") | {
        "data": arguments.data.name,
        "holes_are_lines": lines,
        "of": len(everything),
        "network_cut": sandbox.network_can_be_cut(),
    }
    result["precisions"] = {
        name: infill.to_json(drawn, scores) for name, scores in precisions.items()
    }
    tables: list[RenderableType] = [
        infill.table(f"{len(drawn)} of {len(everything)} holes of {arguments.data.name}, {name}", s)
        for name, s in precisions.items()
    ]
    return _show(arguments, result, [*tables, *infill.comparison(precisions)])


def run_lengths(arguments: argparse.Namespace) -> int:
    """How long texts are, by kind and language; loads no model."""
    paths = find_files(arguments.folders, arguments.seed)
    with _Status() as progress:
        samples = lengths.collect(paths, arguments.holes, arguments.seed, progress)
    console = _console()
    for table in lengths.tables(samples):
        console.print(table)
    console.print(lengths.CAPTION, style="dim")
    if arguments.write:
        for path in lengths.write(samples, grammars()):
            console.print(f"written: {path}")
    return 0


def run_miniature(arguments: argparse.Namespace) -> int:
    """Samplers, caches and lengths where every hole has one right answer."""
    _check(arguments)
    folder = trials.SHIPPED
    if arguments.train or arguments.resume:
        folder = cache_folder() / miniature.NAME
        training.train(folder, arguments.steps, arguments.resume, _tell_exact)
        print(f"written: {folder}")
    model = trials.load_miniature(folder)
    puzzles = trials.draw_trials(model.tokenizer, arguments.holes, arguments.seed)
    with _Status() as progress:
        progress("calibrating")
        bias = trials.calibrate(model)
        samplers = ways.measure(model, puzzles, trials.sampler_ways(), progress)
        counted = ways.measure(model, puzzles, trials.length_ways(bias), progress)
    result = report.context("miniature", Settings(), model.info)
    result["options"] = _options(arguments, "holes", "seed")
    result |= {"samplers": ways.to_json(samplers), "lengths": ways.to_json(counted)}
    title = f"How many masks: sampler {trials.SAFE}, at most {trials.MOST_MASKS}"
    tables = [
        ways.table("Samplers, each hole with its true number of masks", samplers, lengths=False),
        ways.table(title, counted, lengths=True),
    ]
    return _show(arguments, result, tables, caption=trials.CAPTION)


def run_masks(arguments: argparse.Namespace) -> int:
    """Every way to find the number of masks, on holes in real code."""
    settings = settings_of(arguments)
    _check(arguments)
    most, seed = arguments.longest, arguments.seed
    own = holes.open_files(holes.default_files())
    opened = _open_folders(arguments.folders, seed) if arguments.folders else own
    cuts = holes.draw_cuts(opened, arguments.holes, seed, masks.SHAPES, masks.LINES)
    spent = holes.draw_cuts(own, masks.SPENT, seed + 1, masks.SHAPES, masks.LINES)
    if arguments.train:
        folder = cache_folder() / novice.NAME
        texts = [file.text for file in _open_folders(arguments.train, seed)]
        novice_training.train(folder, texts, arguments.steps, arguments.resume, _tell_right)
        print(f"written: {folder}")
        settings = replace(settings, model=str(folder))
    model = load_model(settings)
    with _Status() as progress:
        known = masks.know(cuts, settings, model.tokenizer, most)
        progress("calibrating")
        chosen = masks.choose_ways(
            model, settings, masks.know(spent, settings, model.tokenizer, most), most
        )
        scores = ways.measure(model, known, chosen, progress)
    result = report.context("masks", settings, model.info)
    result["options"] = _options(arguments, "holes", "longest", "seed")
    result["files"] = len({cut.file.path for cut in cuts})
    result["lengths"] = ways.to_json(scores)
    title = f"How many masks: {len(known)} holes of at most {most} tokens"
    return _show(
        arguments, result, [ways.table(title, scores, lengths=True)], caption=masks.CAPTION
    )


BENCHMARKS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "structure": run_structure,
    "latency": run_latency,
    "infill": run_infill,
    "lengths": run_lengths,
    "miniature": run_miniature,
    "masks": run_masks,
}


class _Status:
    """Says on a terminal what is being measured; on anything else, nothing."""

    def __init__(self) -> None:
        self._status = Console(stderr=True).status("")

    def __enter__(self) -> Progress:
        self._status.start()
        return lambda message: self._status.update(message)

    def __exit__(self, *_: object) -> None:
        self._status.stop()


def _tell_exact(check: training.Check) -> None:
    exact = ", ".join(f"{kind} {100 * part:.0f}%" for kind, part in check.exact.items())
    print(f"{check.milestone}; held out, exact: {exact}", flush=True)


def _tell_right(check: novice_training.Check) -> None:
    print(f"{check.milestone}; held out, right at first: {100 * check.right:.1f}%", flush=True)


def _check(arguments: argparse.Namespace) -> None:
    """Fail before the work rather than after it."""
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        raise SourceError(f"cannot write {arguments.json}: there is no such folder")


def _cuts(arguments: argparse.Namespace, count: int) -> list[holes.Cut]:
    if not count:
        return []
    opened = holes.open_files(arguments.files or holes.default_files())
    return holes.draw_cuts(opened, count, arguments.seed)


def _open_folders(folders: Sequence[Path], seed: int) -> list[holes.RealFile]:
    """Files of every language, drawn from each folder."""
    return holes.open_files(find_files(folders, seed))


def _options(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in names}


def _show(
    arguments: argparse.Namespace,
    result: dict[str, Any],
    tables: Iterable[RenderableType],
    bounded: Sequence[bounding.Score] = (),
    caption: str = report.CAPTION,
) -> int:
    console = _console()
    console.print(report.headline(result))
    for table in tables:
        console.print(table)
    if bounded:
        result["bounding"] = bounding.to_json(bounded)
        console.print(bounding.table(bounded))
    console.print(caption, style="dim")
    if arguments.json:
        report.write(arguments.json, result)
        console.print(f"report: {arguments.json}")
    return 0


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)
