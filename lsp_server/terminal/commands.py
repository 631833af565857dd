"""What the commands of the command line do: serve, complete, infill, model, doctor.

Reads files and settings, asks the completion service or the model store, prints. The answer goes
to standard output, everything about it to standard error.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from lsp_server.completion.gate import MAX_CHARACTERS
from lsp_server.completion.reasons import REASONS
from lsp_server.completion.secret import is_secret
from lsp_server.settings import Settings
from lsp_server.terminal.source import Place, Source, parse_place, parse_region, read, size_of

if TYPE_CHECKING:
    from lsp_server.completion.gate import Trigger
    from lsp_server.completion.service import Completion, CompletionService
    from lsp_server.diffusion.canvas import Step
    from lsp_server.models.base import Model
    from lsp_server.models.shelf import Entry

SUFFIX: Final = {"seen": "behind the canvas", "prompt": "in the prompt", "unseen": "no"}
_TITLE: Final = 18  # columns
_MOST_BYTES: Final = 4  # of a character, in every encoding that is read here


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Settings with what the command line says; raises SettingsError."""
    names = {field.name for field in fields(Settings)}
    return Settings.from_json({k: v for k, v in vars(arguments).items() if k in names})


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


def model(arguments: argparse.Namespace) -> int:
    """List, fetch, describe, register, choose, check or forget models."""
    actions = {
        "list": _list_models,
        "fetch": _fetch_model,
        "info": _describe_model,
        "add": _add_model,
        "use": _use_model,
        "verify": _verify_model,
        "remove": _remove_model,
    }
    return actions[arguments.action](arguments)


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
            _say(f"{path} is not valid UTF-8: read as Latin-1")
        result = _ask(arguments, settings, path, source, start, end)
    _print_result(result, arguments.json)
    return 0


def _refuse_unread(path: Path, settings: Settings) -> str | None:
    """The gate's rule that forbids even to read a file, or None."""
    absolute = path.absolute()
    if any(is_secret(each.as_uri(), settings.secret_globs) for each in (absolute, path.resolve())):
        return "G1"
    return "G6" if size_of(path) > MAX_CHARACTERS * _MOST_BYTES else None


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
    from lsp_server.syntax.trees import SyntaxTree

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
        _say(f"nothing to offer: {REASONS[result['reason']]} ({result['reason']})")
    else:
        print(result["text"])
    _say(_describe_cost(result))


def _describe_cost(result: dict[str, Any]) -> str:
    """A line about a result's span, forwards, tokens and time."""
    forwards, accepted, ms = result["forwards"], result["accepted"], result["ms"]
    kept = ", ".join(f"{count} from {name}" for name, count in accepted.items() if count)
    return (
        f"{result['span'] or 'no span'} · {result['tokens']} tokens"
        f"{f' ({kept})' if kept else ''} · forwards: {forwards['prefill']} prefill, "
        f"{forwards['verify']} verify, {forwards['canvas']} canvas · {ms['total']:.0f} ms"
    )


def load_model(settings: Settings) -> Model:
    """Load the model, with a sign of life on a terminal."""
    from lsp_server.models.registry import load

    console = Console(stderr=True)
    if not console.is_terminal:
        return load(settings)
    with console.status("loading the model") as status:
        return load(settings, lambda message, _: status.update(f"{message} the model"))


def _list_models(arguments: argparse.Namespace) -> int:
    from lsp_server.models.shelf import listings

    rows = listings()
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
        return 0
    table = Table("name", "family", "size", "memory", "licence", "sees the suffix", "this machine")
    for row in rows:
        table.add_row(
            f"{row.name} (in use)" if row.in_use else row.name,
            row.family,
            _count(row.parameters),
            f"{row.memory / 1e9:.1f} GB in {row.precision}" if row.memory else "?",
            row.licence,
            SUFFIX[row.suffix] if row.parameters else "?",
            row.problem or "can",
        )
    _wide().print(table)
    return 0


def _count(parameters: int) -> str:
    """A number of parameters, short."""
    if not parameters:
        return "?"
    if parameters < 1e9:
        return f"{parameters / 1e6:.3g} M"
    return f"{parameters / 1e9:.3g} B"


def _add_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import shelf
    from lsp_server.models.families import FAMILIES
    from lsp_server.models.hub import Offer
    from lsp_server.models.layout import Declared, read_layout

    def announce(offer: Offer, folder: Path) -> None:
        _say(f"{offer.model}: licence {offer.licence}, {offer.size / 1e9:.1f} GB, into {folder}")

    declared = Declared(infill=arguments.fim, block=arguments.block)
    with _progress() as report:
        entry = shelf.add(arguments.name, arguments.source, declared, report, announce)
    layout = read_layout(entry.folder, entry.declared)
    _say(
        f"{entry.name} is a model of family {layout.family.name}, licence {layout.licence}; "
        f"'unmask model use {entry.name}' takes it wherever none is named"
    )
    for other in FAMILIES:  # which a folder does not tell from this one
        if other.declared and other.classes == layout.family.classes and layout.block is None:
            _say(f"if it is of family {other.name}, add it again with --block {other.block}")
    return 0


def _use_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import shelf

    shelf.use(arguments.name)
    _say(f"{arguments.name} is in use wherever no model is named")
    return 0


def _verify_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import shelf
    from lsp_server.models.base import ModelError

    entry = next((each for each in shelf.entries() if each.name == arguments.name), None)
    if entry is None:
        raise ModelError(f"there is no registered model named {arguments.name!r}")
    with _progress() as report:
        changed = shelf.changed(entry, report)
    if changed:
        raise ModelError(f"not as when {entry.name} was added: {', '.join(changed)}")
    _say(f"all {len(entry.files)} files of {entry.name} are as when it was added")
    return 0


def _remove_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import shelf

    entry = shelf.remove(arguments.name, arguments.files)
    if arguments.files:
        _say(f"{entry.name} is removed, and {entry.folder} with it")
    else:
        _say(f"{entry.name} is removed; its files stay in {entry.folder}")
    return 0


def _fetch_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import registry, weights

    with _progress() as report:
        path = weights.fetch(arguments.source, report)
        registry.prepare(report)
    _say(f"the model is ready: {path}")
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """A bar on standard error, told what is being done and how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("the model", total=1.0)
        yield lambda message, fraction: bar.update(task, description=message, completed=fraction)


def _describe_model(arguments: argparse.Namespace) -> int:
    from lsp_server.memory import peak_bytes, resident_bytes
    from lsp_server.models import shelf

    arguments.model = arguments.name or arguments.model
    settings = settings_of(arguments)
    entry = shelf.find(settings.model)
    _show(_describe_embedded() if entry is None else _describe_folder(entry))
    model = load_model(settings)
    _fill_context(model, settings)
    info = model.info
    _show(
        {
            "device": info.device,
            "precision": info.precision,
            "loaded in": f"{info.load_ms:.0f} ms",
            "resident memory": f"{resident_bytes() / 1e9:.2f} GB with a full context",
            "its peak so far": f"{peak_bytes() / 1e9:.2f} GB",
        }
    )
    return 0


def _describe_embedded() -> dict[str, str]:
    """The embedded model, before it is loaded."""
    from lsp_server.models import weights
    from lsp_server.models.checkpoint import adapter_path

    return {
        "name": weights.EMBEDDED,
        "family": weights.FAMILY,
        "licence": weights.LICENCE,
        "parameters": f"{weights.PARAMETERS:,}",
        "base weights": str(weights.path()),
        "denoiser": str(adapter_path()),
        "sees the suffix": SUFFIX["prompt"],
    }


def _describe_folder(entry: Entry) -> dict[str, str]:
    """A model folder, before it is loaded."""
    from lsp_server.models.layout import read_layout

    layout = read_layout(entry.folder, entry.declared)
    blocks = f"left to right, {layout.block} tokens at a time"
    return {
        "name": entry.name,
        "family": layout.family.name,
        "licence": layout.licence,
        "parameters": f"{layout.parameters:,}",
        "folder": str(entry.folder),
        "came from": entry.source or "this machine",
        "fills": "a canvas as a whole" if layout.block is None else blocks,
        "changes its length": "no" if layout.growth is None else "yes",
        "sees the suffix": SUFFIX[layout.suffix],
        "context": f"{layout.context:,} tokens",
    }


def _show(facts: dict[str, str]) -> None:
    """Facts below one another on standard output."""
    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=_TITLE)
    for name, value in facts.items():
        table.add_row(name, value)
    _wide().print(table)


def _wide() -> Console:
    """Standard output, never folded where nobody looks at it."""
    return Console(width=None if sys.stdout.isatty() else 200)


def _fill_context(model: Model, settings: Settings) -> None:
    """One completion with as much context as settings allow, so that memory is what it will be."""
    from lsp_server.diffusion.canvas import Hole
    from lsp_server.diffusion.decoder import Decoder

    prefix, suffix = "value = 1\n" * settings.prefix_tokens, "other = 2\n" * settings.suffix_tokens
    tokens = model.tokenizer.encode
    hole = Hole(
        model.tokenizer.decode(tokens(prefix)[: settings.prefix_tokens]),
        model.tokenizer.decode(tokens(suffix)[: settings.suffix_tokens]),
        max_tokens=16,
    )
    Decoder(model, settings).infill(hole)


def _say(message: str) -> None:
    print(message, file=sys.stderr)
