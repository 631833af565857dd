"""``unmask bench peers``: speed and quality beside llama.cpp."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_server.commands.console import load_model, say
from lsp_server.commands.options import add_files_option, count, settings_from

if TYPE_CHECKING:
    from lsp_server.bench.llama_cpp import LlamaCpp
    from lsp_server.bench.peers import Case
    from lsp_server.commands.options import Subparsers


def add_arguments(benchmarks: Subparsers) -> None:
    """Declare the benchmark."""
    parser = benchmarks.add_parser(
        "peers", help="speed and quality beside llama.cpp, on the same holes and threads"
    )
    parser.set_defaults(run=run)
    holes = parser.add_mutually_exclusive_group()
    holes.add_argument("--data", type=Path, metavar="FILE.jsonl.gz", help="as of infill")
    add_files_option(holes)
    parser.add_argument("--limit", type=count, default=200, help="holes to fill (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    parser.add_argument("--threads", type=int, help="of all engines (0: one per core)")


def run(arguments: argparse.Namespace) -> int:
    """Speed and quality beside llama.cpp."""
    import psutil

    from lsp_server.bench import humaneval_infilling, peers, peers_report, report, targets
    from lsp_server.bench.floors import Rates, file_read
    from lsp_server.bench.holes import default_files, open_files
    from lsp_server.models.embedded import download
    from lsp_server.models.embedded.spec import SPEC
    from lsp_server.source_files import SourceError

    threads = arguments.threads or psutil.cpu_count(logical=False) or 1
    settings = replace(settings_from(arguments), model=SPEC.name, threads=threads)
    report.check_writable(arguments.json)
    opened = open_files(arguments.files or default_files())
    problems = humaneval_infilling.load(arguments.data) if arguments.data else None
    rates = Rates.measure(threads)
    model = load_model(settings)
    if problems is None:
        drawing = opened, arguments.limit, arguments.seed
        cases = peers.cases_of_files(*drawing, settings, model.tokenizer)
    else:
        lines = humaneval_infilling.holes_are_lines(problems)
        drawn = humaneval_infilling.draw(problems, arguments.limit, arguments.seed)
        cases = peers.cases_of_problems(drawn, lines, settings, model.tokenizer)
    if not cases:
        raise SourceError("there is no hole whose text before it ends with a token")
    prompts = peers.prefill_prompts(opened, min(len(cases), peers.MOST_PREFILLS), model.tokenizer)
    with _llama(threads, cases) as process, report.progress_on_terminal() as progress:
        engines = peers.make_engines(model, settings, process)
        measured = peers.measure(engines, cases, prompts, progress)
        progress("running the programs")
        outcomes = peers_report.run_programs(cases, measured)
    rates = rates.best(Rates.measure(threads))
    scores = {score.name: score for score in measured}
    least = peers_report.floors(
        rates, model.info.precision, file_read(download.require()), process is not None
    )
    aims = peers_report.targets(scores)
    result = report.context("peers", settings, model.info)
    result["options"] = report.options(arguments, "limit", "seed") | {
        "threads": threads,
        "data": arguments.data.name if arguments.data else None,
    }
    result["llama_cpp"] = asdict(process.build) if process else None
    result |= peers_report.to_json(cases, scores, outcomes, rates, least)
    result["targets"] = targets.to_json(aims)
    tables = [*peers_report.tables(cases, scores, outcomes, rates, least), targets.table(aims)]
    report.show(result, tables, arguments.json, process.build.describe() if process else "")
    return 0


@contextmanager
def _llama(threads: int, cases: Sequence[Case]) -> Iterator[LlamaCpp | None]:
    """The running llama.cpp, or None, with a line that says why it is left out."""
    from lsp_server.bench.llama_cpp import LlamaCpp, PeerError, command
    from lsp_server.bench.node import NodeError
    from lsp_server.bench.peers import context_size
    from lsp_server.models.embedded import download

    size = context_size(cases)
    try:
        start = command(download.require(), threads, size, lambda message, _: say(message))
        process = LlamaCpp(start)
    except (PeerError, NodeError) as error:
        say(f"llama.cpp is left out: {error}")
        yield None
        return
    with process:
        yield process
