"""``unmask bench latency``: milliseconds from key to answer, at the real server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_server.commands.console import load_model
from lsp_server.commands.options import (
    add_decoding_options,
    add_files_option,
    add_model_options,
    count,
    settings_from,
)

if TYPE_CHECKING:
    from lsp_server.commands.options import Subparsers


def add_arguments(benchmarks: Subparsers) -> None:
    """Declare the benchmark."""
    parser = benchmarks.add_parser(
        "latency", help="milliseconds from key to answer, typing in real files at the real server"
    )
    parser.set_defaults(run=run)
    parser.add_argument("--places", type=count, default=12, help="files to type in (12)")
    parser.add_argument("--keys", type=count, default=24, help="keystrokes at each place (24)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of places (0)")
    add_files_option(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    add_model_options(parser)
    add_decoding_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Type at a server of its own, then measure forwards by rows in this process."""
    from lsp_server.bench import forward_rows, latency, latency_report, report, situations, targets
    from lsp_server.bench.holes import default_files, open_files

    settings = settings_from(arguments)
    report.check_writable(arguments.json)
    opened = open_files(arguments.files or default_files())
    plans = situations.plan(opened, arguments.places, arguments.keys, arguments.seed)
    filler = "".join(f"{file.text}\n" for file in opened)
    with report.progress_on_terminal() as progress:
        measured = latency.measure(settings, plans, arguments.keys, filler, progress)
    model = load_model(settings)
    rows = forward_rows.measure(model, filler)
    aims = latency_report.targets(measured, rows)
    result = report.context("latency", settings, model.info)
    result["options"] = report.options(arguments, "places", "keys", "seed")
    result["places"] = [plan.name for plan in plans]
    result |= latency_report.to_json(measured, rows)
    result["targets"] = targets.to_json(aims)
    tables = [*latency_report.tables(measured, rows), targets.table(aims)]
    report.show(result, tables, arguments.json, latency_report.caption(measured))
    return 0
