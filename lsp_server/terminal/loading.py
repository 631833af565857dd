"""What most commands begin with: settings from the command line, the model that they name.

Answers go to standard output; everything said beside them goes to standard error.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from rich.console import Console

from lsp_server.settings import Settings

if TYPE_CHECKING:
    from lsp_server.models.interfaces import Model


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Settings with what the command line says; raises SettingsError."""
    names = {field.name for field in fields(Settings)}
    return Settings.from_json({k: v for k, v in vars(arguments).items() if k in names})


def load_model(settings: Settings) -> Model:
    """Load the model, with a sign of life on a terminal."""
    from lsp_server.models.loader import load

    console = Console(stderr=True)
    if not console.is_terminal:
        return load(settings)
    with console.status("loading the model") as status:
        return load(settings, lambda message, _: status.update(f"{message} the model"))


def say(message: str) -> None:
    """A line to the person, on standard error."""
    print(message, file=sys.stderr)
