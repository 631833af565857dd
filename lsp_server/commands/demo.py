"""``unmask demo``: shows in the terminal how the language server completes real files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lsp_server.commands.options import Subparsers

_WIDTH: Final = 110  # columns where there is no terminal


def add_arguments(subparsers: Subparsers) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "demo",
        help="complete sample files through the language server, step by step",
        description="Complete sample files through the language server, and draw every step. The "
        "exit status is 1 when a completion did not come.",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play the demonstration on this terminal; 0 only when every completion came."""
    import asyncio

    from rich.console import Console

    from lsp_server.commands.demo_session import DemoError, play

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    try:
        return 0 if asyncio.run(play(console)) else 1
    except TimeoutError:
        console.print("the language server took too long; 'unmask doctor' may know why")
    except DemoError as error:
        console.print(f"the language server cannot complete: {error}")
    return 1
