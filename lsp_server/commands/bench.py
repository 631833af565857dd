"""``unmask bench``: measure speed, cost and quality of the model in use, and of the spans."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_server.commands import bench_latency, bench_peers
from lsp_server.commands.console import load_model
from lsp_server.commands.options import (
    add_decoding_options,
    add_files_option,
    add_model_options,
    amount,
    count,
    settings_from,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lsp_server.bench.holes import Cut
    from lsp_server.bench.infill import Score
    from lsp_server.commands.options import Subparsers


def add_arguments(subparsers: Subparsers) -> None:
    """Declare the command and its benchmarks."""
    parser = subparsers.add_parser("bench", help="measure speed, cost and quality")
    benchmarks = parser.add_subparsers(required=True, metavar="BENCHMARK")

    structure = benchmarks.add_parser(
        "structure", help="tokens per second by kind of text, beside the published table"
    )
    structure.set_defaults(run=run_structure)
    structure.add_argument("--tokens", type=count, default=256, help="per text (256)")
    structure.add_argument("--repeats", type=count, default=3, help="of every text (3)")
    _add_hole_options(structure, holes=60)

    infill = benchmarks.add_parser("infill", help="pass@1 and cost on HumanEval-Infilling's format")
    infill.set_defaults(run=run_infill)
    infill.add_argument("--data", type=Path, required=True, metavar="FILE.jsonl.gz")
    infill.add_argument("--limit", type=count, default=200, help="holes to draw (200)")
    infill.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    infill.add_argument(
        "--compare",
        choices=("fp32", "bf16", "int8"),
        help="fill the same holes in this precision too",
    )
    spans = benchmarks.add_parser(
        "spans", help="whether the true text of real files restores them; no model is loaded"
    )
    spans.set_defaults(run=run_spans)
    spans.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    spans.add_argument("--units", type=count, default=400, help="to draw per language (400)")
    spans.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    spans.add_argument(
        "--size",
        type=amount,
        default=0,
        metavar="CHARACTERS",
        help="of the documents: copies of a file stand above and below it (0: files as they are)",
    )
    spans.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    for each in (structure, infill):
        each.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
        add_model_options(each)
        add_decoding_options(each)
    bench_latency.add_arguments(benchmarks)
    bench_peers.add_arguments(benchmarks)


def run_structure(arguments: argparse.Namespace) -> int:
    """Tokens per second by kind of text."""
    from lsp_server.bench import report, span_bounding, structure

    settings = settings_from(arguments)
    report.check_writable(arguments.json)
    cuts = _cuts(arguments, arguments.holes)
    model = load_model(settings)
    with report.progress_on_terminal() as progress:
        rows = structure.measure(model, settings, arguments.tokens, arguments.repeats, progress)
        bounded = span_bounding.measure(model, settings, cuts, progress)
    result = report.context("structure", settings, model.info)
    result["options"] = report.options(arguments, "tokens", "repeats", "holes", "seed")
    result |= structure.to_json(rows) | span_bounding.to_json(bounded)
    tables = [*structure.tables(rows), *span_bounding.tables(bounded)]
    report.show(result, tables, arguments.json)
    return 0


def run_infill(arguments: argparse.Namespace) -> int:
    """Pass@1 and cost on a file of HumanEval-Infilling's format."""
    from lsp_server.bench import humaneval_infilling, infill, report, sandbox

    settings = settings_from(arguments)
    report.check_writable(arguments.json)
    problems = humaneval_infilling.load(arguments.data)
    lines = humaneval_infilling.holes_are_lines(problems)
    drawn = humaneval_infilling.draw(problems, arguments.limit, arguments.seed)
    precisions: dict[str, list[Score]] = {}
    result: dict[str, Any] = {}
    for precision in filter(None, (settings.precision, arguments.compare)):
        model = load_model(replace(settings, precision=precision))
        if model.info.precision in precisions:
            continue
        with report.progress_on_terminal() as progress:
            scores = infill.measure(model, settings, drawn, lines, progress)
            progress("running the programs")
            infill.run_programs(drawn, scores)
        result = result or report.context("infill", settings, model.info)
        precisions[model.info.precision] = scores
        del model  # before the next one is loaded
    result["options"] = report.options(arguments, "limit", "seed") | {
        "data": arguments.data.name,
        "holes_are_lines": lines,
        "of": len(problems),
        "network_cut": sandbox.network_can_be_cut(),
    }
    result["precisions"] = {
        name: infill.to_json(drawn, scores) for name, scores in precisions.items()
    }
    title = f"{len(drawn)} of {len(problems)} holes of {arguments.data.name}"
    tables: list[RenderableType] = [
        infill.table(f"{title}, {name}", scores) for name, scores in precisions.items()
    ]
    report.show(result, [*tables, *infill.comparison(precisions)], arguments.json)
    return 0


def run_spans(arguments: argparse.Namespace) -> int:
    """How often the true text of real files restores them."""
    from lsp_server.bench import report, spans
    from lsp_server.source_files import find_files

    report.check_writable(arguments.json)
    paths = find_files(arguments.folders, arguments.seed)
    with report.progress_on_terminal() as progress:
        judged = spans.measure(paths, arguments.units, arguments.seed, progress, arguments.size)
    console = report.open_console()
    console.print(spans.table(judged))
    console.print(spans.CAPTION, style="dim")
    if arguments.json:
        options = report.options(arguments, "units", "seed", "size")
        report.write(arguments.json, {"options": options} | spans.to_json(judged))
        console.print(f"report: {arguments.json}")
    return 0


def _add_hole_options(parser: argparse.ArgumentParser, holes: int) -> None:
    add_files_option(parser)
    parser.add_argument(
        "--holes",
        type=amount,
        default=holes,
        help=f"to fill with span bounding on and off ({holes}; 0 leaves that out)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice of places (0)")


def _cuts(arguments: argparse.Namespace, number: int) -> list[Cut]:
    from lsp_server.bench.holes import default_files, draw_cuts, open_files

    if not number:
        return []
    opened = open_files(arguments.files or default_files())
    parsed = [file for file in opened if file.language]  # without a grammar nothing is bounded
    return draw_cuts(parsed, number, arguments.seed)
