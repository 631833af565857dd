"""The registered models: names for model folders, kept in one file of the user's.

Knows where each came from, the hash of every file when it was registered, what the user declared
of it, and which one is in use. Does not know how a model is loaded.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cattrs
import platformdirs
from filelock import FileLock

from lsp_server.memory import free_bytes
from lsp_server.models import hub
from lsp_server.models.embedded import download
from lsp_server.models.embedded.download import EMBEDDED
from lsp_server.models.interfaces import ModelError, Suffix
from lsp_server.models.pretrained.checkpoint_dir import Declared, read_layout
from lsp_server.models.storage import Progress, cache_folder, replacing, sha256

EMBEDDED_MEMORY: Final = {"int8": 1.6e9, "bf16": 3.2e9, "fp16": 3.2e9, "fp32": 5.5e9}
"""Bytes that loading the embedded model takes at its peak."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered model."""

    name: str
    folder: Path
    source: str = ""  # the hub's id and revision; empty: the user's own folder
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 by name, when registered
    declared: Declared = field(default_factory=Declared)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a person chooses a model by."""

    name: str
    family: str
    parameters: int
    memory: int  # bytes at the peak of loading, in ``precision``
    precision: str  # what "auto" means for it here
    licence: str
    suffix: Suffix
    fits: bool  # in the memory that is free now
    problem: str | None  # why it cannot be loaded now
    in_use: bool
    folder: str


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The file's content."""

    in_use: str = EMBEDDED
    models: Mapping[str, Entry] = field(default_factory=dict)


def entries() -> list[Entry]:
    """The registered models, by name; the embedded one needs no entry."""
    return [entry for _, entry in sorted(_read().models.items())]


def in_use() -> str:
    """The name of the model that is taken where none is asked for."""
    shelf = _read()
    return shelf.in_use if shelf.in_use in shelf.models else EMBEDDED


def find(model: str) -> Entry | None:
    """The entry that a setting means: a name, a folder, or "" for the one in use.

    None is the embedded model. Raises ModelError when there is neither such a name nor folder.
    """
    models = _read().models
    name = model or in_use()
    if name == EMBEDDED:
        return None
    if name in models:
        return models[name]
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Entry(folder.resolve().name, folder.resolve())
    known = ", ".join([EMBEDDED, *sorted(models)])
    raise ModelError(f"there is no model named {name!r}, nor such a folder; known: {known}")


def add(
    name: str,
    source: str,
    declared: Declared | None = None,
    progress: Progress | None = None,
    announce: Callable[[hub.Offer, Path], None] = lambda offer, folder: None,
) -> Entry:
    """Register a folder, or a model of the hub, which is downloaded first.

    ``announce`` is told before a download what will come, and where to.
    Raises ModelError when the name is not free, or the folder is none that can be loaded.
    """
    report = progress or (lambda message, fraction: None)
    declared = declared or Declared()
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"{name!r} is no name for a model: up to 64 letters, digits, '.', '_' and '-'"
        )
    if name == EMBEDDED or name in _read().models:
        raise ModelError(f"there is a model named {name} already; take another name or remove it")
    folder, origin = Path(source).expanduser(), ""
    known: Mapping[str, str] = {}
    if not folder.is_dir():
        offer = hub.look(source)
        folder, origin = cache_folder() / "models" / name, f"{offer.model}@{offer.revision}"
        announce(offer, folder)
        hub.fetch(offer, folder, report)
        known = offer.hashes  # which have just been checked
    folder = folder.resolve()
    read_layout(folder, declared)
    entry = Entry(name, folder, origin, _hash(folder, report, known), declared)
    with _changing() as models:
        models["models"][name] = cattrs.unstructure(entry)
    return entry


def use(name: str) -> None:
    """Take a model wherever none is asked for."""
    if name != EMBEDDED and name not in _read().models:
        raise ModelError(f"there is no model named {name!r}; 'unmask model list' shows all")
    with _changing() as shelf:
        shelf["in_use"] = name


def remove(name: str, files: bool = False) -> Entry:
    """Forget a model; ``files`` deletes what was downloaded for it, never a user's own folder."""
    entry = _read().models.get(name)
    if entry is None:
        raise ModelError(
            "the embedded model cannot be removed"
            if name == EMBEDDED
            else f"there is no model named {name!r}; 'unmask model list' shows all"
        )
    if files and not entry.source:
        raise ModelError(f"{entry.folder} is your own folder and is not deleted; leave out --files")
    with _changing() as shelf:
        del shelf["models"][name]
    if files:
        shutil.rmtree(entry.folder, ignore_errors=True)
    return entry


def changed(entry: Entry, progress: Progress | None = None) -> list[str]:
    """The files that are not what they were when the model was registered, by hash."""
    now = _hash(entry.folder, progress or (lambda message, fraction: None), {})
    return sorted(name for name in {*now, *entry.files} if now.get(name) != entry.files.get(name))


def listings() -> list[Listing]:
    """All models, the embedded one first; quick, as only headers are read."""
    from lsp_server.models.precision import choose_device, choose_precision

    device = choose_device("auto")
    precision = choose_precision("auto", device)
    free, used = free_bytes(device.type), in_use()
    memory = round(EMBEDDED_MEMORY[precision])
    problem = None if download.present() else "not on this machine yet; run 'unmask model fetch'"
    rows = [
        Listing(
            name=EMBEDDED,
            family=download.FAMILY,
            parameters=download.PARAMETERS,
            memory=memory,
            precision=precision,
            licence=download.LICENCE,
            suffix="prompt",
            fits=memory <= free,
            problem=problem or shortage(memory, free),
            in_use=used == EMBEDDED,
            folder=str(download.path().parent),
        )
    ]
    return rows + [_list(entry, precision, free, entry.name == used) for entry in entries()]


def shortage(needed: float, free: float) -> str | None:
    """Says that memory is short, where it is."""
    if needed <= free:
        return None
    return f"needs {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"


def _list(entry: Entry, precision: str, free: int, used: bool) -> Listing:
    try:
        layout = read_layout(entry.folder, entry.declared)
    except ModelError as error:
        return Listing(
            name=entry.name,
            family="unknown",
            parameters=0,
            memory=0,
            precision=precision,
            licence="unknown",
            suffix="unseen",
            fits=False,
            problem=str(error),
            in_use=used,
            folder=str(entry.folder),
        )
    memory = layout.memory(precision)
    return Listing(
        name=entry.name,
        family=layout.family.name,
        parameters=layout.parameters,
        memory=memory,
        precision=precision,
        licence=layout.licence,
        suffix=layout.suffix,
        fits=memory <= free,
        problem=shortage(memory, free),
        in_use=used,
        folder=str(entry.folder),
    )


def _hash(folder: Path, report: Progress, known: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of every file of a model folder; ``known`` ones are not computed again."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return {path.name: known.get(path.name) or sha256(path, report) for path in files}


def _file() -> Path:
    if os.environ.get("UNMASK_CACHE"):
        return cache_folder() / "models.json"
    return platformdirs.user_config_path("unmask", ensure_exists=True) / "models.json"


def _read() -> _Shelf:
    file = _file()
    if not file.is_file():
        return _Shelf()
    try:
        return cattrs.structure(json.loads(file.read_text("utf-8")), _Shelf)
    except Exception as error:
        raise ModelError(f"{file} is damaged; mend or delete it and add your models again") from (
            error
        )


@contextmanager
def _changing() -> Iterator[dict[str, Any]]:
    """The file's content, written back whole when the block ends well."""
    file = _file()
    with FileLock(file.with_suffix(".lock")):
        content = cattrs.unstructure(_read())
        yield content
        with replacing(file) as temporary:
            temporary.write_text(json.dumps(content, indent=1), "utf-8")
