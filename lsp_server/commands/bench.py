"""``unmask bench``: measure speed, cost and quality of the model in use."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lsp_server.commands.console import load_model, say
from lsp_server.commands.options import (
    add_decoding_options,
    add_model_options,
    amount,
    count,
    settings_from,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from lsp_server.bench.holes import Cut
    from lsp_server.bench.infill import Score
    from lsp_server.bench.llama_cpp import LlamaCpp
    from lsp_server.bench.peers import Case
    from lsp_server.commands.options import Subparsers
    from lsp_server.models.interfaces import Tokenizer
    from lsp_server.settings import Settings


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

    latency = benchmarks.add_parser(
        "latency", help="milliseconds per keystroke, typing in real files"
    )
    latency.set_defaults(run=run_latency)
    latency.add_argument("--places", type=count, default=12, help="where to type (12)")
    latency.add_argument("--keys", type=count, default=24, help="keystrokes at each place (24)")
    _add_hole_options(latency, holes=60)

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

    peers = benchmarks.add_parser(
        "peers", help="speed and quality beside llama.cpp, on the same holes and threads"
    )
    peers.set_defaults(run=run_peers)
    holes = peers.add_mutually_exclusive_group()
    holes.add_argument("--data", type=Path, metavar="FILE.jsonl.gz", help="as of infill")
    _add_files_option(holes)
    peers.add_argument("--limit", type=count, default=200, help="holes to fill (200)")
    peers.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    peers.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    peers.add_argument("--threads", type=int, help="of all engines (0: one per core)")

    for each in (structure, latency, infill):
        each.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
        add_model_options(each)
        add_decoding_options(each)


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


def run_latency(arguments: argparse.Namespace) -> int:
    """Milliseconds per keystroke."""
    from lsp_server.bench import latency, report, span_bounding
    from lsp_server.bench.keystrokes import Passage

    settings = settings_from(arguments)
    report.check_writable(arguments.json)
    passages = [Passage.of(cut, arguments.keys) for cut in _cuts(arguments, arguments.places)]
    cuts = _cuts(arguments, arguments.holes)
    model = load_model(settings)
    with report.progress_on_terminal() as progress:
        scores = latency.measure(model, settings, passages, arguments.keys, progress)
        bounded = span_bounding.measure(model, settings, cuts, progress)
    result = report.context("latency", settings, model.info)
    result["options"] = report.options(arguments, "places", "keys", "holes", "seed")
    result["places"] = [f"{each.file.path.name}:{each.start}" for each in passages]
    result |= latency.to_json(scores) | span_bounding.to_json(bounded)
    tables = [latency.table(scores), *span_bounding.tables(bounded)]
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


def run_peers(arguments: argparse.Namespace) -> int:
    """Speed and quality beside llama.cpp."""
    from lsp_server.bench import peers, peers_report, report, targets
    from lsp_server.bench.floors import Rates, file_read
    from lsp_server.bench.holes import default_files, open_files
    from lsp_server.bench.variants import AS_SET, ONE_AT_A_TIME, make_variants
    from lsp_server.models.embedded import download
    from lsp_server.models.embedded.spec import SPEC

    threads = arguments.threads or psutil.cpu_count(logical=False) or 1
    settings = replace(settings_from(arguments), model=SPEC.name, threads=threads)
    report.check_writable(arguments.json)
    opened = open_files(arguments.files or default_files())
    rates = Rates.measure(threads)
    model = load_model(settings)
    cases = _cases(arguments, settings, model.tokenizer)
    prompts = peers.prefill_prompts(opened, min(len(cases), peers.MOST_PREFILLS), model.tokenizer)
    variants = {variant.name: variant.decoder for variant in make_variants(model, settings)}
    engines: list[peers.Engine] = [
        peers.OwnEngine(peers.UNMASK, variants[AS_SET]),
        peers.OwnEngine(peers.ONE_AT_A_TIME, variants[ONE_AT_A_TIME]),
    ]
    with _llama(threads, cases) as process, report.progress_on_terminal() as progress:
        if process is not None:
            tokenizer = model.tokenizer
            engines.append(peers.PeerEngine(peers.LLAMA, process, tokenizer, lookup=False))
            engines.append(peers.PeerEngine(peers.LLAMA_LOOKUP, process, tokenizer, lookup=True))
        measured = peers.measure(engines, cases, prompts, progress)
        progress("running the programs")
        outcomes = peers_report.run_programs(cases, measured)
    scores = {score.name: score for score in measured}
    least = peers_report.floors(
        rates, model.info.precision, file_read(download.require()), process is not None
    )
    aims = peers_report.targets(scores)
    result = report.context("peers", settings, model.info)
    result["options"] = report.options(arguments, "limit", "seed") | {"threads": threads}
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


def _cases(arguments: argparse.Namespace, settings: Settings, tokenizer: Tokenizer) -> list[Case]:
    from lsp_server.bench import humaneval_infilling, peers
    from lsp_server.bench.holes import default_files, open_files

    if arguments.data is None:
        opened = open_files(arguments.files or default_files())
        return peers.cases_of_files(opened, arguments.limit, arguments.seed, settings, tokenizer)
    problems = humaneval_infilling.load(arguments.data)
    lines = humaneval_infilling.holes_are_lines(problems)
    drawn = humaneval_infilling.draw(problems, arguments.limit, arguments.seed)
    return peers.cases_of_problems(drawn, lines, settings, tokenizer)


def _add_files_option(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="real files to measure in; none of them is changed (default: the package's own)",
    )


def _add_hole_options(parser: argparse.ArgumentParser, holes: int) -> None:
    _add_files_option(parser)
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
    return draw_cuts(open_files(arguments.files or default_files()), number, arguments.seed)
