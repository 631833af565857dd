"""The console script ``unmask``: its commands and exit statuses.

Exit status 0 means success, also where there is no completion to offer; 2 a wrong command line;
1 any other failure. Failures print one line on standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from lsp_server import __version__
from lsp_server.commands import bench, complete, demo, doctor, model, serve
from lsp_server.commands.locations import LocationError
from lsp_server.settings import SettingsError

COMMANDS = (serve, complete, bench, model, doctor, demo)
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. Raises SystemExit for ``--help`` or wrong usage."""
    arguments = make_parser().parse_args(argv)
    return exit_status(lambda: arguments.run(arguments))


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; ``run`` of the parsed arguments is the command's function."""
    parser = argparse.ArgumentParser(
        prog="unmask", description="Local code completion by diffusion."
    )
    parser.add_argument("--version", action="version", version=f"unmask {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_arguments(subparsers)
    return parser


def exit_status(run: Callable[[], int]) -> int:
    """What ``run`` returns; if it raises, prints the error in one line and returns its status."""
    try:
        status = run()
        sys.stdout.flush()
        return status
    except (LocationError, SettingsError) as error:
        return _fail(str(error), 2)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has closed our output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _fail(_describe(error), 1)


def _describe(error: Exception) -> str:
    """An error in one line; an unexpected one with the place that raised it."""
    from lsp_server.models.interfaces import ModelError
    from lsp_server.source_files import SourceError

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
