"""What the commands of the command line do: serve, complete, infill, doctor.

Reads files and settings, asks the completion service, prints. The answer goes to standard output,
everything about it to standard error. What ``unmask model`` does is in ``models``.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from lsp_server.completion.exclusions import is_secret_file
from lsp_server.completion.gate import MAX_CHARACTERS
from lsp_server.completion.reasons import REASONS
from lsp_server.settings import Settings
from lsp_server.terminal.loading import load_model, say, settings_of
from lsp_server.terminal.models import model
from lsp_server.terminal.source import Place, Source, parse_place, parse_region, read, size_of

if TYPE_CHECKING:
    from lsp_server.completion.gate import Trigger
    from lsp_server.completion.service import Completion, CompletionService
    from lsp_server.diffusion.types import Step

_MOST_BYTES: Final = 4  # of a character, in every encoding that is read here


def serve(arguments: argparse.Namespace) -> int:
    """Run the language server to its end."""
    from lsp_server.server.handlers import serve

    return serve(settings_of(arguments), arguments.tcp)


def complete(arguments: argparse.Namespace) -> int:
    """Complete at a place in a file."""
    path, place = parse_place(arguments.place)
    return _answer(arguments, path, place, place)


def infill(arguments: argparse.Namespace) -> int:
    """Fill a region of a file."""
    path, start, end = parse_region(arguments.place)
    return _answer(arguments, path, start, end)


def doctor(arguments: argparse.Namespace) -> int:
    """Say what is there and what is missing."""
    from lsp_server.terminal.doctor import examine, show

    checks = examine()
    show(checks, Console())
    return 1 if any(check.fatal for check in checks) else 0


COMMANDS: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "serve": serve,
    "complete": complete,
    "infill": infill,
    "model": model,
    "doctor": doctor,
}


def _answer(arguments: argparse.Namespace, path: Path, start: Place, end: Place) -> int:
    settings = settings_of(arguments)
    reason = _refuse_unread(path, settings)
    if reason is not None:
        result = _nothing(reason, start, end)
    else:
        source = read(path)
        if source.encoding == "latin-1":
            say(f"{path} is not valid UTF-8: read as Latin-1")
        result = _ask(arguments, settings, path, source, start, end)
    _print_result(result, arguments.json)
    return 0


def _refuse_unread(path: Path, settings: Settings) -> str | None:
    """Why a file may not even be read, or None."""
    if is_secret_file(path, settings.secret_globs):
        return "secret-file"
    return "file-too-large" if size_of(path) > MAX_CHARACTERS * _MOST_BYTES else None


def _nothing(reason: str, start: Place, end: Place) -> dict[str, Any]:
    """The result for a file that was not read: its places stay as they were given."""
    from lsp_server.completion.service import Completion

    result = Completion(None, 0, 0, None, reason).to_json("")
    places = {"start": start, "end": end}
    result["range"] = {
        name: {"line": place.line - 1, "character": place.column - 1}
        for name, place in places.items()
    }
    return result


def _ask(
    arguments: argparse.Namespace,
    settings: Settings,
    path: Path,
    source: Source,
    start: Place,
    end: Place,
) -> dict[str, Any]:
    """What the completion service answers, as the contract's JSON."""
    from lsp_server.completion.service import CompletionService, Snapshot
    from lsp_server.diffusion.decoder import Decoder
    from lsp_server.syntax.languages import language_for
    from lsp_server.syntax.tree import SyntaxTree

    text = source.text
    first, last = start.offset(text), end.offset(text)
    language = language_for(None, str(path))
    identity = "plaintext" if language is None else language.name
    tree = SyntaxTree.parse(text, language)
    snapshot = Snapshot(path.absolute().as_uri(), identity, 0, text, tree)
    observe = _watch() if arguments.watch else None

    def ask(service: CompletionService) -> Completion:
        if arguments.group == "infill":
            return service.infill(snapshot, first, last, observe=observe)
        trigger: Trigger = "automatic" if arguments.automatic else "invoked"
        return service.complete(snapshot, first, trigger, observe=observe)

    with _Failures() as failures:
        completion = ask(CompletionService(None, settings))
        if completion.reason == "loading":  # no rule stands against it, so the model is worth it
            completion = ask(CompletionService(Decoder(load_model(settings), settings), settings))
        failures.check()
    return completion.to_json(text)


class _Failures(logging.Handler):
    """Keeps an exception that the service logged, to fail with it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._failure: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's exception."""
        if record.exc_info:
            self._failure = record.exc_info[1]

    def check(self) -> None:
        """Raise what was logged."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> _Failures:
        logging.getLogger("lsp_server").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("lsp_server").removeHandler(self)


def _watch() -> Callable[[Step], None]:
    from lsp_server.terminal.watch import Watch

    console = Console(stderr=True, highlight=False)
    watch = Watch(console)
    console.print(watch.legend())
    return watch


def _print_result(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    if result["text"] is None:
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
