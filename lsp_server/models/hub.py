"""Models of the Hugging Face hub: describes one before it is fetched, and fetches its files.

Files are checked by SHA-256. Code and pickled weights are never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, Protocol

from lsp_server.models.interfaces import ModelError, first_line
from lsp_server.models.storage import Progress, require_space, sha256

WANTED: Final = ("*.safetensors", "*.json", "merges.txt", "README.md", "LICENSE*")
_ID: Final = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_INTERVAL: Final = 0.5  # seconds between two reports of the download's progress


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model as the hub describes it."""

    id: str  # OWNER/NAME
    revision: str  # the commit
    licence: str
    sizes: Mapping[str, int]  # bytes by file, of the files that would be fetched
    hashes: Mapping[str, str]  # SHA-256 by file, if the hub gives one

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(self.sizes.values())


def find(model: str) -> HubModel:
    """Ask the hub for a model's licence and size.

    Raises ModelError if ``model`` is not a hub id, or if the hub cannot be reached or has no such
    model.
    """
    if not _ID.fullmatch(model):
        raise ModelError(f"there is no folder {model}, and it is no hub id like OWNER/NAME")
    from huggingface_hub import HfApi

    with _plainly(model):
        info = HfApi().model_info(model, files_metadata=True, timeout=10)
    files = [
        file
        for file in info.siblings or ()
        if "/" not in file.rfilename and any(fnmatch(file.rfilename, each) for each in WANTED)
    ]
    if not any(file.rfilename.endswith(".safetensors") for file in files):
        raise ModelError(f"{model} has no safetensors files; pickled weights are never fetched")
    return HubModel(
        id=model,
        revision=info.sha or "main",
        licence=licence_of(info.card_data) or "unknown",
        sizes={file.rfilename: file.size or 0 for file in files},
        hashes={file.rfilename: file.lfs.sha256 for file in files if file.lfs},
    )


class Card(Protocol):
    """A model card's metadata: a mapping, or the client's own class."""

    def get(self, key: str, /) -> Any:
        """The value of a key, or None."""


def licence_of(card: Card | None) -> str | None:
    """The licence that a model card names; its own name where the hub lists none."""
    named = card.get("license") if card else None
    if card and named == "other":
        named = card.get("license_name") or named
    return ", ".join(map(str, named)) if isinstance(named, list) else named and str(named)


def fetch(model: HubModel, folder: Path, progress: Progress | None = None) -> None:
    """Download a model's files into ``folder``; an interrupted download is resumed.

    Raises ModelError if the disk is too small, the network fails, or a file's hash is wrong; such
    a file is removed.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    report = progress or (lambda message, fraction: None)
    folder.mkdir(parents=True, exist_ok=True)
    require_space(folder, max(0, model.size - _there(folder)))
    disable_progress_bars()  # ours is shown instead
    with _plainly(model.id), _watching(folder, model.size, report):
        snapshot_download(
            model.id,
            revision=model.revision,
            local_dir=folder,
            allow_patterns=list(model.sizes),
            etag_timeout=10,
        )
    # If the folder is not empty, the client does not report an unreachable hub.
    if missing := [name for name in model.sizes if not (folder / name).is_file()]:
        raise ModelError(f"{model.id} came without {missing[0]}; check the network and try again")
    for name, expected in model.hashes.items():
        if sha256(folder / name, report) != expected:
            (folder / name).unlink()
            raise ModelError(f"{name} came with a wrong SHA-256 and was removed; fetch it again")


@contextmanager
def _plainly(model: str) -> Iterator[None]:
    """Turn the client's many exceptions into a ModelError of one line that says what to do."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise ModelError(
            f"{model} asks for its licence to be accepted: do so on the hub and run 'hf auth login'"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(f"the hub has no model {model}, or it is private") from error
    except Exception as error:
        raise ModelError(
            f"{model} could not be fetched: {first_line(error)}; check the network and try again, "
            "or copy its folder here and add that"
        ) from error


@contextmanager
def _watching(folder: Path, size: int, report: Progress) -> Iterator[None]:
    """Report how much of ``size`` is downloaded, until the block ends."""
    over = Event()

    def watch() -> None:
        while not over.wait(_INTERVAL):
            report("downloading", min(1.0, _there(folder) / max(1, size)))

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _there(folder: Path) -> int:
    """Bytes in a folder, unfinished files included."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # renamed meanwhile
            continue
    return total
