"""``unmask model``: list, fetch, describe, register, choose, verify, train and remove models."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lsp_server.commands.console import load_model, progress_bar, say
from lsp_server.commands.options import add_model_options, count, settings_from
from lsp_server.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from lsp_server.commands.options import Subparsers
    from lsp_server.models.interfaces import Model
    from lsp_server.models.registry import Entry

SUFFIX: Final = {"seen": "behind the canvas", "prompt": "in the prompt", "unseen": "no"}
_TITLE: Final = 18  # columns


def add_arguments(subparsers: Subparsers) -> None:
    """Declare the command and its actions."""
    parser = subparsers.add_parser("model", help="the models on this machine")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    rows = actions.add_parser(
        "list", help="list the models, and what this machine can do with them"
    )
    rows.set_defaults(run=_list_models)
    rows.add_argument("--json", action="store_true", help="print one JSON list")

    fetch = actions.add_parser("fetch", help="bring the embedded model here and check it")
    fetch.set_defaults(run=_fetch_model)
    fetch.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="PATH",
        help="take it from this file or folder instead of the network",
    )
    info = actions.add_parser("info", help="say what a model is, load it, and say what it takes")
    info.set_defaults(run=_describe_model)
    info.add_argument("name", nargs="?", metavar="NAME", help="or a model folder")
    add_model_options(info)

    add = actions.add_parser(
        "add",
        help="give a model folder a name",
        description="Give a model folder a name. A model of the hub is downloaded first, after its "
        "licence and size are told; run the command again to go on with a broken download.",
    )
    add.set_defaults(run=_add_model)
    add.add_argument("name", metavar="NAME")
    add.add_argument("source", metavar="FOLDER_OR_HUB_ID")
    add.add_argument(
        "--fim",
        action="store_true",
        help="it sees no suffix, but was trained to be given one by the prompt",
    )
    add.add_argument(
        "--block",
        type=count,
        metavar="TOKENS",
        help="it fills blocks of so many tokens, where its config.json does not say so",
    )
    train = actions.add_parser(
        "train",
        help="train the embedded model's denoiser on code in these folders",
        description="Go on training the embedded model's denoiser, on what the base itself would "
        "write in the code of these folders. Takes hours; the base is not changed.",
    )
    train.set_defaults(run=_train_model)
    train.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="one per project")
    train.add_argument("--steps", type=count, default=800, help="of up to 128 canvases (800)")
    train.add_argument("--rate", type=float, default=3e-4, help="of learning, at most (3e-4)")
    train.add_argument("--seed", type=int, default=0, help="of the choice of files (0)")
    train.add_argument("--output", type=Path, required=True, metavar="FILE", help="the adapter")
    train.add_argument(
        "--resume", action="store_true", help="go on with a training that was broken off"
    )
    use = actions.add_parser("use", help="take a model wherever none is named")
    use.set_defaults(run=_use_model)
    use.add_argument("name", metavar="NAME")

    verify = actions.add_parser("verify", help="compare a model's files with their hashes")
    verify.set_defaults(run=_verify_model)
    verify.add_argument("name", metavar="NAME")

    remove = actions.add_parser("remove", help="forget a model; its files stay")
    remove.set_defaults(run=_remove_model)
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--files", action="store_true", help="delete what was downloaded for it")


def _list_models(arguments: argparse.Namespace) -> int:
    from rich.table import Table

    from lsp_server.models.registry import listings

    rows = listings()
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
        return 0
    table = Table("name", "family", "size", "memory", "licence", "sees the suffix", "this machine")
    for row in rows:
        table.add_row(
            f"{row.name} (in use)" if row.in_use else row.name,
            row.family,
            _shortened(row.parameters),
            f"{row.memory / 1e9:.1f} GB in {row.precision}" if row.memory else "?",
            row.licence,
            SUFFIX[row.suffix] if row.parameters else "?",
            row.problem or "can",
        )
    _wide().print(table)
    return 0


def _shortened(parameters: int) -> str:
    """A number of parameters for a table."""
    if not parameters:
        return "?"
    if parameters < 1e9:
        return f"{parameters / 1e6:.3g} M"
    return f"{parameters / 1e9:.3g} B"


def _add_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import registry
    from lsp_server.models.hub import HubModel
    from lsp_server.models.pretrained.checkpoint_dir import DeclaredOptions, read_checkpoint_dir
    from lsp_server.models.pretrained.families import FAMILIES

    def announce(found: HubModel, folder: Path) -> None:
        say(f"{found.id}: licence {found.licence}, {found.size / 1e9:.1f} GB, into {folder}")

    declared = DeclaredOptions(infill=arguments.fim, block=arguments.block)
    with progress_bar() as report:
        entry = registry.add(arguments.name, arguments.source, declared, report, announce)
    layout = read_checkpoint_dir(entry.folder, entry.declared)
    say(
        f"{entry.name} is a model of family {layout.family.name}, licence {layout.licence}; "
        f"'unmask model use {entry.name}' takes it wherever none is named"
    )
    for other in FAMILIES:  # which a folder does not tell from this one
        if other.declared and other.classes == layout.family.classes and layout.block is None:
            say(f"if it is of family {other.name}, add it again with --block {other.block}")
    return 0


def _use_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import registry

    registry.use(arguments.name)
    say(f"{arguments.name} is in use wherever no model is named")
    return 0


def _verify_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import registry
    from lsp_server.models.interfaces import ModelError

    entry = next((each for each in registry.entries() if each.name == arguments.name), None)
    if entry is None:
        raise ModelError(f"there is no registered model named {arguments.name!r}")
    with progress_bar() as report:
        changed = registry.changed(entry, report)
    if changed:
        raise ModelError(f"not as when {entry.name} was added: {', '.join(changed)}")
    say(f"all {len(entry.files)} files of {entry.name} are as when it was added")
    return 0


def _remove_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import registry

    entry = registry.remove(arguments.name, arguments.files)
    if arguments.files:
        say(f"{entry.name} is removed, and {entry.folder} with it")
    else:
        say(f"{entry.name} is removed; its files stay in {entry.folder}")
    return 0


def _fetch_model(arguments: argparse.Namespace) -> int:
    from lsp_server.models import loader
    from lsp_server.models.embedded import download

    with progress_bar() as report:
        path = download.fetch(arguments.source, report)
        loader.prepare(report)
    say(f"the model is ready: {path}")
    return 0


def _describe_model(arguments: argparse.Namespace) -> int:
    from lsp_server.memory import peak_bytes, resident_bytes
    from lsp_server.models import registry

    arguments.model = arguments.name or arguments.model
    settings = settings_from(arguments)
    entry = registry.find(settings.model)
    _show(_describe_embedded() if entry is None else _describe_folder(entry))
    model = load_model(settings)
    _fill_context(model, settings)
    info = model.info
    _show(
        {
            "device": info.device,
            "precision": info.precision,
            "runtime": info.runtime,
            "loaded in": f"{info.load_ms:.0f} ms",
            "resident memory": f"{resident_bytes() / 1e9:.2f} GB with a full context",
            "its peak so far": f"{peak_bytes() / 1e9:.2f} GB",
        }
    )
    return 0


def _describe_embedded() -> dict[str, str]:
    """The embedded model, before it is loaded."""
    from lsp_server.models.embedded import download
    from lsp_server.models.embedded.files import adapter_path
    from lsp_server.models.embedded.spec import SPEC

    return {
        "name": SPEC.name,
        "family": SPEC.family,
        "licence": SPEC.licence,
        "parameters": f"{SPEC.parameters:,}",
        "base weights": str(download.path()),
        "denoiser": str(adapter_path()),
        "sees the suffix": SUFFIX["prompt"],
    }


def _describe_folder(entry: Entry) -> dict[str, str]:
    """A model folder, before it is loaded."""
    from lsp_server.models.pretrained.checkpoint_dir import read_checkpoint_dir

    layout = read_checkpoint_dir(entry.folder, entry.declared)
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
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(min_width=_TITLE)
    for name, value in facts.items():
        table.add_row(name, value)
    _wide().print(table)


def _wide() -> Console:
    """Standard output; lines are not wrapped unless it is a terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 200)


def _train_model(arguments: argparse.Namespace) -> int:
    """Continue the training of the embedded model's denoiser."""
    from lsp_server.models.embedded.files import adapter_path
    from lsp_server.source_files import find_texts
    from lsp_server.training import trainer

    part = arguments.output.with_name(arguments.output.name + ".part")
    going_on = arguments.resume and part.is_file()
    texts = find_texts(arguments.folders, arguments.seed)
    distilling = trainer.Trainer.open(part if going_on else adapter_path())
    done = trainer.saved_steps(part) if going_on else 0
    trainer.train(distilling, arguments.output, texts, arguments.steps, arguments.rate, done, _tell)
    print(f"written: {arguments.output}")
    return 0


def _tell(check: object) -> None:
    print(check, flush=True)


def _fill_context(model: Model, settings: Settings) -> None:
    """Run one completion with the most context that settings allow, to measure its memory."""
    from lsp_server.diffusion.decoder import Decoder
    from lsp_server.diffusion.prompt import Prompt
    from lsp_server.diffusion.types import Hole

    prefix, suffix = "value = 1\n" * settings.prefix_tokens, "other = 2\n" * settings.suffix_tokens
    tokens = model.tokenizer.encode
    hole = Hole(
        Prompt.around(
            model.tokenizer.decode(tokens(prefix)[: settings.prefix_tokens]),
            model.tokenizer.decode(tokens(suffix)[: settings.suffix_tokens]),
        ),
        max_tokens=16,
    )
    Decoder(model, settings).infill(hole)
