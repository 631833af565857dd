"""Counts how long texts are, by span kind and language; writes ``grammars/*/lengths.toml``.

``python -m tests.experiments.length_statistics FOLDER...`` cuts holes into files, finds their
spans, and counts the lengths of the texts that were cut out. Some files of every language are held
out; histograms are evaluated by the mean code length, in bits, of the lengths in these. No model is
loaded.
"""

from __future__ import annotations

import argparse
import math
import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean, quantiles
from typing import Final

from rich.table import Table

from lsp_server.bench import report
from lsp_server.bench.holes import Cut, RealFile, Shape, draw_cuts, open_files
from lsp_server.bench.report import Progress
from lsp_server.cli import exit_status
from lsp_server.commands.options import count
from lsp_server.completion.place import Place
from lsp_server.source_files import SourceError, find_files
from lsp_server.syntax.languages import grammars
from lsp_server.syntax.spans.find import find_span
from lsp_server.syntax.spans.length_prior import FILE, Histogram
from lsp_server.syntax.spans.types import Kind

BOUNDS: Final = (2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 4096)
EVERYTHING: Final = ""
"""Stands for all languages together, and for texts without a grammar."""

CAPTION: Final = (
    "bits each: to say how long a held-out text is (minus log2 of its likelihood) by the shares of "
    "its kind and language · all languages: by those of its kind · any kind: by those of its "
    "language · uniform: all lengths alike"
)

_SHAPES: Final[tuple[Shape, ...]] = ("line", "brackets", "block", "statement")
_LINES: Final = 24
_PRIOR: Final = 50.0  # texts that what is known of all languages counts as in one of them
_HELD_OUT: Final = 5  # one file in this many
_WIDEST: Final = 100  # characters that lines have on average in a file that someone wrote
_AHEAD: Final = 1000  # characters behind a hole that its end is looked for in
_HEADER: Final = """\
# How long texts are in characters, by what is being written: the share of texts up to each bound.
# Written by `python -m tests.experiments.length_statistics --write`; see grammars/README.md.
"""

Texts = Mapping[Kind, Sequence[int]]
"""Lengths in characters by kind."""


@dataclass(slots=True)
class Sample:
    """The lengths seen in one language, or in everything."""

    trained: defaultdict[Kind, list[int]] = field(default_factory=lambda: defaultdict(list))
    held_out: defaultdict[Kind, list[int]] = field(default_factory=lambda: defaultdict(list))
    files: int = 0


def collect(paths: Iterable[Path], holes: int, seed: int, progress: Progress) -> dict[str, Sample]:
    """The lengths of ``holes`` texts of every language, and of everything under ``EVERYTHING``.

    One hole in five comes from files that are held out. Raises SourceError.
    """
    by_language: defaultdict[str, list[RealFile]] = defaultdict(list)
    for file in open_files(list(paths)):
        if file.language and len(file.text) <= _WIDEST * (file.text.count("\n") + 1):
            by_language[file.language.name].append(file)
    enough = {name: files for name, files in by_language.items() if len(files) >= _HELD_OUT}
    if not enough:
        raise SourceError(f"there are not {_HELD_OUT} files of a known language in these folders")
    samples: defaultdict[str, Sample] = defaultdict(Sample)
    everything = samples[EVERYTHING]
    everything.files = sum(map(len, enough.values()))
    for name, files in sorted(enough.items()):
        random.Random(seed).shuffle(files)
        apart = [file for index, file in enumerate(files) if index % _HELD_OUT == 0]
        rest = [file for index, file in enumerate(files) if index % _HELD_OUT]
        sample = samples[name]
        sample.files = len(files)
        for part, number, own, all_own in (
            (apart, holes // _HELD_OUT, sample.held_out, everything.held_out),
            (rest, holes - holes // _HELD_OUT, sample.trained, everything.trained),
        ):
            for index, cut in enumerate(draw_cuts(part, number, seed, _SHAPES, _LINES)):
                progress(f"{name}: hole {index + 1} of {number}")
                for bounded in (True, False):
                    kind, length = measure(cut, bounded)
                    if length:
                        all_own[kind].append(length)
                    if length and bounded:
                        own[kind].append(length)
    return dict(samples)


def measure(cut: Cut, bounded: bool = True) -> tuple[Kind, int]:
    """The span kind of a hole, and the length of its text.

    The text is what was cut out, up to where its span ends. Closing marks right of the cursor are
    hidden from a model, which writes them again, so they are part of the text.
    """
    tree = cut.snapshot().tree
    place = Place.of(tree, cut.start, cut.start)
    span = find_span(tree, cut.start, bounded)
    length = len(cut.truth) + (len(place.rest.rstrip()) if place.closing else 0)
    end = span.end(cut.file.text[cut.start : cut.start + length + _AHEAD])
    return span.kind, length if end is None else min(end, length)


def fit(lengths: Iterable[int], prior: Histogram | None = None) -> Histogram:
    """The shares of lengths, smoothed by a prior, else by adding one to every class."""
    counts = [_PRIOR * share for share in prior.shares] if prior else [1.0] * len(BOUNDS)
    for length in lengths:
        counts[_class(BOUNDS, length)] += 1
    return Histogram.of(BOUNDS, counts)


def fit_all(samples: Mapping[str, Sample]) -> dict[str, dict[Kind, Histogram]]:
    """A histogram for every language and kind; where little was seen, much like that of all."""
    shared = {kind: fit(samples[EVERYTHING].trained.get(kind, ())) for kind in Kind}
    fitted = {
        name: {kind: fit(sample.trained.get(kind, ()), shared[kind]) for kind in Kind}
        for name, sample in samples.items()
    }
    return fitted | {EVERYTHING: shared}


def bits(histogram: Histogram, lengths: Iterable[int]) -> float:
    """The mean negative log2 likelihood of lengths under a histogram, in bits: less is better.

    The histogram is uniform inside a class; lengths beyond the last bound count in the last class.
    """
    widths = [high - low for low, high in pairwise((0, *histogram.bounds))]
    classes = (_class(histogram.bounds, length) for length in lengths)
    return fmean(math.log2(widths[each] / histogram.shares[each]) for each in classes)


def tables(samples: Mapping[str, Sample]) -> list[Table]:
    """Per language one row per kind: what was seen, and what the held-out texts take to say."""
    fitted = fit_all(samples)
    made = []
    for name, sample in sorted(samples.items()):
        rows = report.new_table(
            f"{name or 'all languages, and texts without a grammar'}: {sample.files} files",
            *("", "texts", "median", "p90", "held out", "bits each"),
            *("all languages", "any kind", "uniform"),
        )
        own, shared = fitted[name], fitted[EVERYTHING]
        any_kind = fit(length for lengths in sample.trained.values() for length in lengths)
        of_all: list[tuple[float, ...]] = []
        for kind, lengths in _in_order(sample.held_out):
            scores = bits(own[kind], lengths), bits(shared[kind], lengths), bits(any_kind, lengths)
            of_all += [scores] * len(lengths)
            rows.add_row(
                kind, *_seen(sample.trained.get(kind, ())), str(len(lengths)), *_bits(scores)
            )
        means = tuple(map(fmean, zip(*of_all, strict=True)))
        total = str(sum(map(len, sample.trained.values())))
        rows.add_row("all", total, "", "", str(len(of_all)), *_bits(means), end_section=True)
        made.append(rows)
    return made


def write(samples: Mapping[str, Sample], folder: Path) -> list[Path]:
    """Write every language's ``lengths.toml`` under ``folder``; the files written."""
    written = []
    for name, histograms in sorted(fit_all(samples).items()):
        path = folder / name / FILE
        path.write_text(to_toml(histograms, samples[name].trained), "utf-8")
        written.append(path)
    return written


def to_toml(histograms: Mapping[Kind, Histogram], seen: Texts) -> str:
    """A language's file."""
    parts = [_HEADER, f"bounds = [{', '.join(map(str, BOUNDS))}]\n"]
    for kind, histogram in histograms.items():
        shares = [f"{share:.5f}" for share in histogram.shares]
        half = len(shares) // 2
        lines = f"    {', '.join(shares[:half])},\n    {', '.join(shares[half:])},\n"
        parts.append(f"\n[{kind}]\ntexts = {len(seen.get(kind, ()))}\nshares = [\n{lines}]\n")
    return "".join(parts)


def _class(bounds: Sequence[int], length: int) -> int:
    return min(bisect_left(bounds, length), len(bounds) - 1)


def _in_order(texts: Texts) -> list[tuple[Kind, Sequence[int]]]:
    return [(kind, texts[kind]) for kind in Kind if texts.get(kind)]


def _seen(lengths: Sequence[int]) -> tuple[str, str, str]:
    """How many, their median and their ninetieth percentile."""
    if len(lengths) < 2:
        return str(len(lengths)), "", ""
    deciles = quantiles(lengths, n=10, method="inclusive")
    return str(len(lengths)), f"{deciles[4]:.0f}", f"{deciles[8]:.0f}"


def _bits(scores: Iterable[float]) -> list[str]:
    return [f"{score:.2f}" for score in (*scores, math.log2(BOUNDS[-1]))]


def main(argv: Sequence[str] | None = None) -> int:
    """Count, print, and write the files where that is asked for; the exit status."""
    return exit_status(lambda: run(_parse(argv), grammars()))


def run(arguments: argparse.Namespace, folder: Path) -> int:
    """Count, print, and write the files to ``folder`` where that is asked for."""
    paths = find_files(arguments.folders, arguments.seed)
    with report.progress_on_terminal() as progress:
        samples = collect(paths, arguments.holes, arguments.seed, progress)
    console = report.open_console()
    for table in tables(samples):
        console.print(table)
    console.print(CAPTION, style="dim")
    if arguments.write:
        for path in write(samples, folder):
            console.print(f"written: {path}")
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.experiments.length_statistics",
        description="Count how long texts are, by kind and language, in code.",
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="one per project; so many files of every language are drawn from each",
    )
    parser.add_argument("--holes", type=count, default=5000, help="per language (5000)")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    parser.add_argument(
        "--write", action="store_true", help="put the statistics into the grammars' folders"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
