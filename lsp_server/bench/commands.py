"""What ``unmask bench`` does: load the model, measure, print tables, write the report.

Wires benchmarks to the command line; measures nothing itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from lsp_server.bench import report, structure
from lsp_server.bench.report import Progress
from lsp_server.commands import load_model, settings_of
from lsp_server.source import SourceError

_WIDTH: Final = 160  # columns of tables that do not go to a terminal


def run_structure(arguments: argparse.Namespace) -> int:
    """Tokens per second by kind of text."""
    settings = settings_of(arguments)
    _check(arguments)
    model = load_model(settings)
    with _Status() as progress:
        rows = structure.measure(model, settings, arguments.tokens, arguments.repeats, progress)
    result = report.context("structure", settings, model.info)
    result |= {"options": {"tokens": arguments.tokens, "repeats": arguments.repeats}}
    result |= structure.to_json(rows)
    return _show(arguments, result, structure.tables(rows))


BENCHMARKS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "structure": run_structure,
}


class _Status:
    """Says on a terminal what is being measured; on anything else, nothing."""

    def __init__(self) -> None:
        self._status = Console(stderr=True).status("")

    def __enter__(self) -> Progress:
        self._status.start()
        return lambda message: self._status.update(message)

    def __exit__(self, *_: object) -> None:
        self._status.stop()


def _check(arguments: argparse.Namespace) -> None:
    """Fail before the work rather than after it."""
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        raise SourceError(f"cannot write {arguments.json}: there is no such folder")


def _show(arguments: argparse.Namespace, result: dict[str, Any], tables: Iterable[Table]) -> int:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(report.headline(result))
    for table in tables:
        console.print(table)
    if arguments.json:
        report.write(arguments.json, result)
        console.print(f"report: {arguments.json}")
    return 0
