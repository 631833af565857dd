"""The cache folder, and writing files to it: atomically, and by one process at a time."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from lsp_server.models.interfaces import ModelError

Progress = Callable[[str, float], None]
"""Called with what is being done and the fraction done, 0 to 1."""

_CHUNK = 1 << 20


def cache_folder() -> Path:
    """The folder for weights: ``UNMASK_CACHE`` or the user's cache folder; made when missing."""
    chosen = os.environ.get("UNMASK_CACHE")
    folder = Path(chosen) if chosen else platformdirs.user_cache_path("unmask")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(
            f"cannot create the cache folder {folder} ({error.strerror}); "
            "set UNMASK_CACHE to a folder that you may write to"
        ) from error
    return folder


def require_space(folder: Path, size: int) -> None:
    """Raise ModelError unless ``folder`` has ``size`` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ModelError(
            f"needs {size / 1e9:.1f} GB free in {folder}, {free / 1e9:.1f} GB are free; "
            "free some space or set UNMASK_CACHE to another folder"
        )


@contextmanager
def locked(path: Path, progress: Progress | None = None) -> Iterator[None]:
    """Hold the lock of a file, so that only one thread or process creates it at a time.

    Check inside the block whether the file exists: another process may have created it meanwhile.
    ``progress`` is called if the lock has to be waited for.
    """
    folder = path.parent / ".locks"
    folder.mkdir(exist_ok=True)
    lock = FileLock(folder / f"{path.name}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        if progress:
            progress(f"waiting for another program that makes {path.name}", 0.0)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path, renamed to ``path`` if the block succeeds, else deleted.

    A full disk is reported as ModelError.
    """
    handle, name = tempfile.mkstemp(prefix=path.name + ".", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelError(
                f"the disk is full: {path.name} could not be written to {path.parent}; "
                "free some space or set UNMASK_CACHE to another folder"
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: Path, progress: Progress | None = None) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    size, done = max(1, path.stat().st_size), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if progress:
                progress(f"checking {path.name}", done / size)
    return digest.hexdigest()
