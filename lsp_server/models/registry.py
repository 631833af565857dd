"""The registry: names for model folders, stored in one file in the user's configuration folder.

For each model it stores its source, the hashes of its files when it was registered and what the
user declared about it; also which model is in use.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import cattrs
import platformdirs
from filelock import FileLock

from lsp_server.memory import free_bytes
from lsp_server.models import hub
from lsp_server.models.embedded import download
from lsp_server.models.embedded.spec import SPEC
from lsp_server.models.interfaces import ModelError, Suffix
from lsp_server.models.pretrained.checkpoint_dir import DeclaredOptions, read_checkpoint_dir
from lsp_server.models.storage import Progress, cache_folder, replacing, sha256
from lsp_server.settings import Device, Precision, Settings

_EMBEDDED_MEMORY: Final = {"int8": 1.6e9, "bf16": 3.2e9, "fp16": 3.2e9, "fp32": 5.5e9}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered model."""

    name: str
    folder: Path
    source: str = ""  # the hub's id and revision; empty: the user's own folder
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 by name, when registered
    declared: DeclaredOptions = field(default_factory=DeclaredOptions)


@dataclass(frozen=True, slots=True)
class Listing:
    """A model as shown to the user for choosing one."""

    name: str
    folder: str
    precision: str  # what it would be loaded in
    family: str = "unknown"
    parameters: int = 0
    memory: int = 0  # bytes at the peak of loading, in ``precision``; 0: unknown
    licence: str = "unknown"
    suffix: Suffix = "unseen"
    fits: bool = False  # in the memory that is free now
    problem: str | None = None  # why it cannot be loaded now
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class _Registry:
    """The file's content."""

    in_use: str = SPEC.name
    models: Mapping[str, Entry] = field(default_factory=dict)


def entries() -> list[Entry]:
    """The registered models, by name; the embedded one needs no entry."""
    return [entry for _, entry in sorted(_read().models.items())]


def in_use() -> str:
    """The name of the model used when none is named."""
    registry = _read()
    return registry.in_use if registry.in_use in registry.models else SPEC.name


def find(model: str) -> Entry | None:
    """The entry for a setting: a name, a folder, or "" for the one in use.

    None stands for the embedded model. Raises ModelError if there is no such name or folder.
    """
    models = _read().models
    name = model or in_use()
    if name == SPEC.name:
        return None
    if name in models:
        return models[name]
    folder = Path(name).expanduser()
    if folder.is_dir():
        return Entry(folder.resolve().name, folder.resolve())
    known = ", ".join([SPEC.name, *sorted(models)])
    raise ModelError(f"there is no model named {name!r}, nor such a folder; known: {known}")


def add(
    name: str,
    source: str,
    declared: DeclaredOptions | None = None,
    progress: Progress | None = None,
    announce: Callable[[hub.HubModel, Path], None] = lambda found, folder: None,
) -> Entry:
    """Register a folder, or a model of the hub, which is downloaded first.

    ``announce`` is called before a download with its description and target folder.
    Raises ModelError if the name is taken or the folder cannot be loaded.
    """
    report = progress or (lambda message, fraction: None)
    declared = declared or DeclaredOptions()
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"{name!r} is no name for a model: up to 64 letters, digits, '.', '_' and '-'"
        )
    if name == SPEC.name or name in _read().models:
        raise ModelError(f"there is a model named {name} already; take another name or remove it")
    folder, origin = Path(source).expanduser(), ""
    known: Mapping[str, str] = {}
    if not folder.is_dir():
        found = hub.find(source)
        folder, origin = cache_folder() / "models" / name, f"{found.id}@{found.revision}"
        announce(found, folder)
        hub.fetch(found, folder, report)
        known = found.hashes  # just checked by the download
    folder = folder.resolve()
    read_checkpoint_dir(folder, declared)
    entry = Entry(name, folder, origin, _hash(folder, report, known), declared)
    with _changing() as content:
        content["models"][name] = cattrs.unstructure(entry)
    return entry


def use(name: str) -> None:
    """Use a model whenever none is named."""
    if name != SPEC.name and name not in _read().models:
        raise ModelError(f"there is no model named {name!r}; 'unmask model list' shows all")
    with _changing() as content:
        content["in_use"] = name


def remove(name: str, files: bool = False) -> Entry:
    """Unregister a model; ``files`` also deletes its download, but never a user's own folder."""
    entry = _read().models.get(name)
    if entry is None:
        raise ModelError(
            "the embedded model cannot be removed"
            if name == SPEC.name
            else f"there is no model named {name!r}; 'unmask model list' shows all"
        )
    if files and not entry.source:
        raise ModelError(f"{entry.folder} is your own folder and is not deleted; leave out --files")
    with _changing() as content:
        del content["models"][name]
    if files:
        shutil.rmtree(entry.folder, ignore_errors=True)
    return entry


def changed(entry: Entry, progress: Progress | None = None) -> list[str]:
    """The files whose hashes differ from those at registration."""
    now = _hash(entry.folder, progress or (lambda message, fraction: None), {})
    return sorted(name for name in {*now, *entry.files} if now.get(name) != entry.files.get(name))


def listings(
    precision: Precision = "auto", device: Device = "auto", measure: bool = True
) -> list[Listing]:
    """All models, the embedded one first, as settings would load them; only headers are read.

    Without ``measure`` no precision is timed (see ``choose_precision``): while a model is running,
    timing would slow it down and be inaccurate.
    """
    from lsp_server.models.precision import choose_device, choose_precision
    from lsp_server.models.runtime import choose_runtime

    problem = None
    try:
        place = choose_device(device)
        arithmetic = choose_precision(precision, place, measure)
    except ModelError as error:  # nothing can be loaded; sizes are told for the CPU
        problem, place = str(error), choose_device("cpu")
        arithmetic = choose_precision("auto", place, measure=False)
    free, used = free_bytes(place.type), in_use()
    compiled = choose_runtime(Settings(precision=precision, device=device)) == "openvino"
    rows = [_describe_embedded("int8" if compiled else arithmetic, place.type)]
    rows += [_describe(entry, arithmetic) for entry in entries()]
    return [
        replace(
            row,
            fits=0 < row.memory <= free,
            problem=problem or row.problem or shortage(row.memory, free),
            in_use=row.name == used,
        )
        for row in rows
    ]


def embedded_memory(precision: str, device: str) -> float:
    """Bytes that loading the embedded model takes at its peak.

    Raises ModelError if it cannot run with these settings.
    """
    if precision not in _EMBEDDED_MEMORY or (precision == "int8" and device != "cpu"):
        raise ModelError(f"the embedded model has no {precision} on {device}; use --precision auto")
    return _EMBEDDED_MEMORY[precision]


def shortage(needed: float, free: float) -> str | None:
    """The message that memory is short, or None if it suffices."""
    if needed <= free:
        return None
    return f"needs {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free"


def _describe_embedded(precision: str, device: str) -> Listing:
    memory, problem = 0.0, None
    try:
        memory = embedded_memory(precision, device)
        download.require()
    except ModelError as error:
        problem = str(error)
    return Listing(
        name=SPEC.name,
        family=SPEC.family,
        parameters=SPEC.parameters,
        memory=round(memory),
        precision=precision,
        licence=SPEC.licence,
        suffix="prompt",
        folder=str(download.path().parent),
        problem=problem,
    )


def _describe(entry: Entry, precision: str) -> Listing:
    row = Listing(name=entry.name, folder=str(entry.folder), precision=precision)
    try:
        found = read_checkpoint_dir(entry.folder, entry.declared)
    except ModelError as error:
        return replace(row, problem=str(error))
    return replace(
        row,
        family=found.family.name,
        parameters=found.parameters,
        memory=found.memory(precision),
        licence=found.licence,
        suffix=found.suffix,
    )


def _hash(folder: Path, report: Progress, known: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of every file of a model folder; ``known`` ones are not computed again."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return {path.name: known.get(path.name) or sha256(path, report) for path in files}


def _file() -> Path:
    if os.environ.get("UNMASK_CACHE"):
        return cache_folder() / "models.json"
    return platformdirs.user_config_path("unmask", ensure_exists=True) / "models.json"


def _read() -> _Registry:
    file = _file()
    if not file.is_file():
        return _Registry()
    try:
        return cattrs.structure(json.loads(file.read_text("utf-8")), _Registry)
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
