"""``unmask complete`` and ``unmask infill``: one completion or infill, in a terminal.

The text or JSON goes to standard output, all messages to standard error.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lsp_server.commands.console import load_model, say
from lsp_server.commands.locations import Location, parse_location, parse_region
from lsp_server.commands.options import (
    add_decoding_options,
    add_model_options,
    add_output_options,
    settings_from,
)
from lsp_server.settings import Settings

if TYPE_CHECKING:
    from lsp_server.commands.options import Subparsers
    from lsp_server.completion.gate import Trigger
    from lsp_server.completion.service import Completion, CompletionService, Snapshot
    from lsp_server.diffusion.types import Step

_MOST_BYTES: Final = 4  # of a character, in every encoding that is read here


def add_arguments(subparsers: Subparsers) -> None:
    """Declare both commands."""
    complete = subparsers.add_parser(
        "complete",
        help="complete at a place in a file",
        description="Complete at a place in a file, as an editor would show it. Lines and columns "
        "count from 1; a column counts characters, a tab is one.",
    )
    complete.set_defaults(run=run_complete)
    complete.add_argument("location", metavar="FILE:LINE:COL")
    complete.add_argument(
        "--automatic", action="store_true", help="behave as while typing, not as when asked"
    )
    infill = subparsers.add_parser(
        "infill",
        help="fill a region of a file from both sides",
        description="Write a region of a file anew from what stands before and after it. The end "
        "is exclusive.",
    )
    infill.set_defaults(run=run_infill)
    infill.add_argument("region", metavar="FILE:L1:C1-L2:C2")
    for parser in (complete, infill):
        add_output_options(parser)
        add_model_options(parser)
        add_decoding_options(parser)


def run_complete(arguments: argparse.Namespace) -> int:
    """Complete at a place in a file."""
    path, location = parse_location(arguments.location)
    trigger: Trigger = "automatic" if arguments.automatic else "invoked"
    return _answer(arguments, path, location, location, trigger)


def run_infill(arguments: argparse.Namespace) -> int:
    """Fill a region of a file."""
    path, start, end = parse_region(arguments.region)
    return _answer(arguments, path, start, end, None)


def _answer(
    arguments: argparse.Namespace,
    path: Path,
    start: Location,
    end: Location,
    trigger: Trigger | None,
) -> int:
    """Complete at ``start``, or fill the region if there is no trigger, and print the result."""
    from lsp_server.source_files import read

    settings = settings_from(arguments)
    reason = _refuse_unread(path, settings)
    if reason is not None:
        result = _nothing(reason, start, end)
    else:
        source = read(path)
        if source.encoding == "latin-1":
            say(f"{path} is not valid UTF-8: read as Latin-1")
        snapshot = _snapshot(path, source.text)
        first, last = start.offset(source.text), end.offset(source.text)
        observe = _draw_steps() if arguments.watch else None

        def ask(service: CompletionService) -> Completion:
            if trigger is None:
                return service.infill(snapshot, first, last, observe=observe)
            return service.complete(snapshot, first, trigger, observe=observe)

        result = _complete(ask, settings).to_json(source.text)
    _print_result(result, arguments.json)
    return 0


def _refuse_unread(path: Path, settings: Settings) -> str | None:
    """The reason for which a file must not be read, or None."""
    from lsp_server.completion.exclusions import is_secret_file
    from lsp_server.completion.gate import MAX_CHARACTERS
    from lsp_server.source_files import size_of

    if is_secret_file(path, settings.secret_globs):
        return "secret-file"
    return "file-too-large" if size_of(path) > MAX_CHARACTERS * _MOST_BYTES else None


def _nothing(reason: str, start: Location, end: Location) -> dict[str, Any]:
    """The result for a file that was not read, with the locations as given."""
    from lsp_server.completion.service import Completion

    result = Completion(None, 0, 0, None, reason).to_json("")
    result["range"] = {
        name: {"line": location.line - 1, "character": location.column - 1}
        for name, location in (("start", start), ("end", end))
    }
    return result


def _snapshot(path: Path, text: str) -> Snapshot:
    """The file as an editor would open it."""
    from lsp_server.completion.service import Snapshot
    from lsp_server.syntax.languages import language_for
    from lsp_server.syntax.tree import SyntaxTree

    language = language_for(None, str(path))
    language_id = "plaintext" if language is None else language.name
    tree = SyntaxTree.parse(text, language)
    return Snapshot(path.absolute().as_uri(), language_id, 0, text, tree)


def _complete(ask: Callable[[CompletionService], Completion], settings: Settings) -> Completion:
    """Complete or infill; the model is loaded only if the gate does not refuse."""
    from lsp_server.completion.service import CompletionService
    from lsp_server.diffusion.decoder import Decoder

    with _Failures() as failures:
        completion = ask(CompletionService(None, settings))
        if completion.reason == "loading":
            completion = ask(CompletionService(Decoder(load_model(settings), settings), settings))
        failures.check()
    return completion


class _Failures(logging.Handler):
    """A log handler that keeps the exception logged by the service, to raise it again."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._failure: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's exception."""
        if record.exc_info:
            self._failure = record.exc_info[1]

    def check(self) -> None:
        """Raise the logged exception, if any."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> _Failures:
        logging.getLogger("lsp_server").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("lsp_server").removeHandler(self)


def _draw_steps() -> Callable[[Step], None]:
    from rich.console import Console

    from lsp_server.commands.canvas_view import CanvasView

    console = Console(stderr=True, highlight=False)
    view = CanvasView(console)
    console.print(view.legend())
    return view


def _print_result(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    if result["text"] is None:
        from lsp_server.completion.reasons import REASONS

        say(f"nothing to offer: {REASONS[result['reason']]} ({result['reason']})")
    else:
        print(result["text"])
    say(_describe_cost(result))


def _describe_cost(result: dict[str, Any]) -> str:
    """A line about a result's span, forwards, tokens and time."""
    forwards, accepted, ms = result["forwards"], result["accepted"], result["ms"]
    kept = ", ".join(f"{count} from {name}" for name, count in accepted.items() if count)
    return (
        f"{result['span'] or 'no span'} · {result['tokens']} tokens"
        f"{f' ({kept})' if kept else ''} · forwards: {forwards['prefill']} prefill, "
        f"{forwards['verify']} verify, {forwards['canvas']} canvas · {ms['total']:.0f} ms"
    )
