"""Messages and progress of commands, on standard error.

Results go to standard output, so that they can be piped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lsp_server.settings import Settings

if TYPE_CHECKING:
    from lsp_server.models.interfaces import Model


def say(message: str) -> None:
    """Print a line on standard error."""
    print(message, file=sys.stderr)


def load_model(settings: Settings) -> Model:
    """Load the model, with a spinner on a terminal. Raises ModelError."""
    from rich.console import Console

    from lsp_server.models.loader import load

    console = Console(stderr=True)
    if not console.is_terminal:
        return load(settings)
    with console.status("loading the model") as status:
        return load(settings, lambda message, _: status.update(f"{message} the model"))


@contextmanager
def progress_bar() -> Iterator[Callable[[str, float], None]]:
    """A progress bar: call it with what is being done and the fraction done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("the model", total=1.0)
        yield lambda message, fraction: bar.update(task, description=message, completed=fraction)
