"""``unmask serve``: the language server."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lsp_server.commands.options import add_decoding_options, add_model_options, settings_from

if TYPE_CHECKING:
    from lsp_server.commands.options import Subparsers


def add_arguments(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "serve",
        help="run the language server, on standard input and output by default",
        description="Run the language server. The settings here are defaults; an editor's own "
        "settings go on top of them.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--tcp", type=_address, metavar="HOST:PORT", help="listen there for one client"
    )
    parser.add_argument("--stdio", action="store_true", help=argparse.SUPPRESS)
    add_model_options(parser)
    add_decoding_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the language server to its end."""
    from lsp_server.server.handlers import serve

    return serve(settings_from(arguments), arguments.tcp)


def _address(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{value!r} is not HOST:PORT")
    return host.strip("[]"), int(port)
