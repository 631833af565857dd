"""Options that several commands share, the types of arguments, and the settings made of them."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from lsp_server.settings import (
    SOURCES,
    Decoding,
    Device,
    Precision,
    RuntimeChoice,
    Sampler,
    Settings,
    Strategy,
)

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def settings_from(arguments: argparse.Namespace) -> Settings:
    """The settings given on the command line; raises SettingsError."""
    names = {field.name for field in fields(Settings)}
    return Settings.from_json({k: v for k, v in vars(arguments).items() if k in names})


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """How an answer is printed."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--watch", action="store_true", help="draw the canvas after every forward")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Which model runs, and how."""
    group = parser.add_argument_group("model")
    group.add_argument("--model", help="a registered name, or a model folder (the one in use)")
    group.add_argument("--precision", choices=get_args(Precision))
    group.add_argument("--device", choices=get_args(Device))
    group.add_argument(
        "--runtime", choices=get_args(RuntimeChoice), help="of the embedded model (auto)"
    )
    group.add_argument("--threads", type=int, help="processor threads (0: one per core)")


def add_decoding_options(parser: argparse.ArgumentParser) -> None:
    """How masks become text."""
    group = parser.add_argument_group("decoding")
    group.add_argument(
        "--decoding",
        choices=get_args(Decoding),
        help="whether the base verifies (speculative), where the model can",
    )
    group.add_argument(
        "--sampler", choices=get_args(Sampler), help="of masked decoding: which masks to commit"
    )
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
        type=_draft_sources,
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


def add_files_option(parser: argparse._ActionsContainer) -> None:
    """Which files a benchmark measures in."""
    parser.add_argument(
        "--files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="real files to measure in; none of them is changed (default: the package's own)",
    )


def amount(value: str) -> int:
    """The type of an argument that counts something, from 0."""
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number")
    return int(value)


def count(value: str) -> int:
    """The type of an argument that counts something, from 1."""
    if not amount(value):
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(value)


def _draft_sources(value: str) -> tuple[str, ...]:
    if value == "none":
        return ()
    chosen = tuple(value.split(","))
    for source in chosen:
        if source not in SOURCES:
            raise argparse.ArgumentTypeError(f"{source!r} is none of {', '.join(SOURCES)}")
    return chosen
