"""The console script ``unmask``: what can be said on the command line, and its exit status.

Only words and their meaning; what they do is in ``commands`` and ``bench``, imported when asked
for, so that ``--help`` is quick. 0 is an answer or an honest nothing, 2 a wrong command line, 1 a
failure, told in one line on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from lsp_server import __version__
from lsp_server.settings import SOURCES, Device, Precision, Sampler, SettingsError, Strategy
from lsp_server.terminal.source import PlaceError, SourceError

if TYPE_CHECKING:
    Groups = argparse._SubParsersAction[argparse.ArgumentParser]

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Raises SystemExit for ``--help`` and wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        status = _run(arguments)
        sys.stdout.flush()
        return status
    except (PlaceError, SettingsError) as error:
        return _fail(str(error), 2)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _fail(_describe(error), 1)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.group == "bench":
        from lsp_server.bench.commands import BENCHMARKS

        return BENCHMARKS[arguments.benchmark](arguments)
    from lsp_server.terminal.commands import COMMANDS

    return COMMANDS[arguments.group](arguments)


def _describe(error: Exception) -> str:
    """A failure in a line; one that nobody foresaw also says where it comes from."""
    from lsp_server.models.interfaces import ModelError

    if isinstance(error, (SourceError, ModelError)):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror}"
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
    return f"unexpected {type(error).__name__}: {error} ({where})"


def _fail(message: str, status: int) -> int:
    line = " ".join(message.split())
    print(f"unmask: {line}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unmask", description="Local code completion by diffusion."
    )
    parser.add_argument("--version", action="version", version=f"unmask {__version__}")
    groups = parser.add_subparsers(dest="group", required=True, metavar="COMMAND")
    _add_serve(groups)
    _add_complete(groups)
    _add_infill(groups)
    _add_bench(groups)
    _add_model(groups)
    groups.add_parser("doctor", help="say what is installed, what is missing, and how to fix it")
    return parser


def _add_serve(groups: Groups) -> None:
    parser = groups.add_parser(
        "serve",
        help="run the language server, on standard input and output by default",
        description="Run the language server. The settings here are defaults; an editor's own "
        "settings go on top of them.",
    )
    parser.add_argument(
        "--tcp", type=_address, metavar="HOST:PORT", help="listen there for one client"
    )
    parser.add_argument("--stdio", action="store_true", help=argparse.SUPPRESS)
    _add_model_options(parser)
    _add_decoding_options(parser)


def _add_complete(groups: Groups) -> None:
    parser = groups.add_parser(
        "complete",
        help="complete at a place in a file",
        description="Complete at a place in a file, as an editor would show it. Lines and columns "
        "count from 1; a column counts characters, a tab is one.",
    )
    parser.add_argument("place", metavar="FILE:LINE:COL")
    parser.add_argument(
        "--automatic", action="store_true", help="behave as while typing, not as when asked"
    )
    _add_output_options(parser)
    _add_model_options(parser)
    _add_decoding_options(parser)


def _add_infill(groups: Groups) -> None:
    parser = groups.add_parser(
        "infill",
        help="fill a region of a file from both sides",
        description="Write a region of a file anew from what stands before and after it. The end "
        "is exclusive.",
    )
    parser.add_argument("place", metavar="FILE:L1:C1-L2:C2")
    _add_output_options(parser)
    _add_model_options(parser)
    _add_decoding_options(parser)


def _add_model(groups: Groups) -> None:
    parser = groups.add_parser("model", help="the models on this machine")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    rows = actions.add_parser(
        "list", help="list the models, and what this machine can do with them"
    )
    rows.add_argument("--json", action="store_true", help="print one JSON list")
    fetch = actions.add_parser("fetch", help="bring the embedded model here and check it")
    fetch.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="PATH",
        help="take it from this file or folder instead of the network",
    )
    info = actions.add_parser("info", help="say what a model is, load it, and say what it takes")
    info.add_argument("name", nargs="?", metavar="NAME", help="or a model folder")
    _add_model_options(info)
    add = actions.add_parser(
        "add",
        help="give a model folder a name",
        description="Give a model folder a name. A model of the hub is downloaded first, after its "
        "licence and size are told; run the command again to go on with a broken download.",
    )
    add.add_argument("name", metavar="NAME")
    add.add_argument("source", metavar="FOLDER_OR_HUB_ID")
    add.add_argument(
        "--fim",
        action="store_true",
        help="it sees no suffix, but was trained to be given one by the prompt",
    )
    add.add_argument(
        "--block",
        type=_count,
        metavar="TOKENS",
        help="it fills blocks of so many tokens, where its config.json does not say so",
    )
    train = actions.add_parser(
        "train",
        help="train the embedded model's denoiser on code in these folders",
        description="Go on training the embedded model's denoiser, on what the base itself would "
        "write in the code of these folders. Takes hours; the base is not changed.",
    )
    train.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="one per project")
    train.add_argument("--steps", type=_count, default=800, help="of up to 128 canvases (800)")
    train.add_argument("--rate", type=float, default=3e-4, help="of learning, at most (3e-4)")
    train.add_argument("--seed", type=int, default=0, help="of the choice of files (0)")
    train.add_argument("--output", type=Path, required=True, metavar="FILE", help="the adapter")
    train.add_argument(
        "--resume", action="store_true", help="go on with a training that was broken off"
    )
    use = actions.add_parser("use", help="take a model wherever none is named")
    use.add_argument("name", metavar="NAME")
    verify = actions.add_parser("verify", help="compare a model's files with their hashes")
    verify.add_argument("name", metavar="NAME")
    remove = actions.add_parser("remove", help="forget a model; its files stay")
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--files", action="store_true", help="delete what was downloaded for it")


def _add_bench(groups: Groups) -> None:
    parser = groups.add_parser("bench", help="measure speed, cost and quality")
    names = parser.add_subparsers(dest="benchmark", required=True, metavar="BENCHMARK")

    structure = names.add_parser(
        "structure", help="tokens per second by kind of text, beside the published table"
    )
    structure.add_argument("--tokens", type=_count, default=256, help="per text (256)")
    structure.add_argument("--repeats", type=_count, default=3, help="of every text (3)")
    _add_hole_options(structure, holes=60)

    latency = names.add_parser("latency", help="milliseconds per keystroke, typing in real files")
    latency.add_argument("--places", type=_count, default=12, help="where to type (12)")
    latency.add_argument("--keys", type=_count, default=24, help="keystrokes at each place (24)")
    _add_hole_options(latency, holes=60)

    infill = names.add_parser("infill", help="pass@1 and cost on HumanEval-Infilling's format")
    infill.add_argument("--data", type=Path, required=True, metavar="FILE.jsonl.gz")
    infill.add_argument("--limit", type=_count, default=200, help="holes to draw (200)")
    infill.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    infill.add_argument(
        "--compare",
        choices=("fp32", "bf16", "int8"),
        help="fill the same holes in this precision too",
    )
    lengths = names.add_parser(
        "lengths", help="how long texts are by kind and language, in code; loads no model"
    )
    lengths.add_argument(
        "folders",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="one per project; so many files of every language are drawn from each",
    )
    lengths.add_argument("--holes", type=_count, default=5000, help="per language (5000)")
    lengths.add_argument("--seed", type=int, default=0, help="of the drawing (0)")
    lengths.add_argument(
        "--write", action="store_true", help="put the statistics into the grammars' folders"
    )
    miniature = names.add_parser(
        "miniature",
        help="samplers, caches and lengths on a small language with one right answer per hole",
        description="Fill held-out holes of a small language, each of which has one right answer, "
        "with a small model made for it: by every sampler, with and without caches, and with "
        "every way to choose the number of masks.",
    )
    miniature.add_argument("--holes", type=_count, default=100, help="of each of 3 kinds (100)")
    miniature.add_argument("--seed", type=int, default=0, help="of their drawing (0)")
    miniature.add_argument(
        "--train",
        action="store_true",
        help="train the model anew first, into the cache folder; takes minutes",
    )
    miniature.add_argument(
        "--resume", action="store_true", help="go on with a training that was broken off"
    )
    miniature.add_argument("--steps", type=_count, default=12_000, help="to train (12000)")
    miniature.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
    masks = names.add_parser(
        "masks",
        help="every way to find the number of masks, on holes in real code",
        description="Fill holes in real code with a two-sided model, with the true number of masks "
        "and with the number that every strategy finds. A model that can be trained in an hour on "
        "two cores serves where no published one is at hand.",
    )
    masks.add_argument(
        "folders",
        type=Path,
        nargs="*",
        metavar="FOLDER",
        help="one per project; so many files of every language are drawn from each "
        "(default: the package's own files)",
    )
    masks.add_argument("--holes", type=_count, default=300, help="to cut (300)")
    masks.add_argument("--longest", type=_count, default=32, help="tokens of a hole (32)")
    masks.add_argument("--seed", type=int, default=0, help="of all drawing (0)")
    masks.add_argument(
        "--train",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="train a small model on the code in these folders first, and take that",
    )
    masks.add_argument(
        "--resume", action="store_true", help="go on with a training that was broken off"
    )
    masks.add_argument("--steps", type=_count, default=3000, help="to train (3000)")
    for each in (structure, latency, infill, masks):
        each.add_argument("--json", type=Path, metavar="FILE", help="write the report there")
        _add_model_options(each)
        _add_decoding_options(each)


def _add_hole_options(parser: argparse.ArgumentParser, holes: int) -> None:
    parser.add_argument(
        "--files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="real files to measure in; none of them is changed (default: the package's own)",
    )
    parser.add_argument(
        "--holes",
        type=_amount,
        default=holes,
        help=f"to fill with span bounding on and off ({holes}; 0 leaves that out)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the choice of places (0)")


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--watch", action="store_true", help="draw the canvas after every forward")


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument("--model", help="a registered name, or a model folder (the one in use)")
    group.add_argument("--precision", choices=get_args(Precision))
    group.add_argument("--device", choices=get_args(Device))
    group.add_argument("--threads", type=int, help="processor threads (0: one per core)")


def _add_decoding_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("decoding")
    group.add_argument("--sampler", choices=get_args(Sampler), help="how masks become text")
    group.add_argument("--threshold", type=float, help="of samplers threshold and remask (0.9)")
    group.add_argument("--factor", type=float, help="of sampler factor (1)")
    group.add_argument("--entropy-bound", type=float, help="of sampler entropy, in nats (0.1)")
    group.add_argument("--top-k", type=int, help="tokens per forward of sampler top_k (1)")
    group.add_argument(
        "--length", choices=get_args(Strategy), help="how a two-sided model gets its masks"
    )
    group.add_argument(
        "--fixed-tokens", type=int, help="masks of length fixed, or where nothing is known (16)"
    )
    group.add_argument(
        "--refresh-every",
        type=int,
        help="forwards from computing the context to doing it anew (1: exact; 0: per canvas)",
    )
    group.add_argument(
        "--drafts",
        type=_sources,
        metavar="SOURCES",
        help=f"where drafts come from: some of {','.join(SOURCES)}, or none",
    )
    group.add_argument(
        "--no-bounding",
        dest="span_bounding",
        action="store_false",
        default=None,
        help="do not let the syntax tree bound the masked region",
    )


def _sources(value: str) -> tuple[str, ...]:
    if value == "none":
        return ()
    chosen = tuple(value.split(","))
    for source in chosen:
        if source not in SOURCES:
            raise argparse.ArgumentTypeError(f"{source!r} is none of {', '.join(SOURCES)}")
    return chosen


def _address(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{value!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _amount(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number")
    return int(value)


def _count(value: str) -> int:
    if not _amount(value):
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(value)
