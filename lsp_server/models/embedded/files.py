"""The files that are made from the fetched weights once: the tokenizer and the int8 weights."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from lsp_server.models.embedded import download
from lsp_server.models.storage import (
    Progress,
    cache_folder,
    locked,
    replacing,
    require_space,
    sha256,
)

FORMAT = 2  # of the int8 file; raise it when names or rounding change
_INT8_SIZE = 950_000_000  # bytes of the int8 file


def adapter_path() -> Path:
    """The denoiser adapter that ships with the package."""
    return Path(str(files("lsp_server.models.embedded") / "adapter" / "denoiser.safetensors"))


def tokenizer_file(progress: Progress | None = None) -> Path:
    """The embedded model's tokenizer, rebuilt from the fetched weights once."""
    file = cache_folder() / "tokenizer.json"
    if file.is_file():
        return file
    with locked(file, progress):
        if not file.is_file():
            if progress:
                progress("rebuilding the tokenizer", 0.0)
            from lsp_server.models.embedded.gguf import write_tokenizer

            with replacing(file) as temporary:
                write_tokenizer(download.path(), temporary)
    return file


def int8_file(progress: Progress | None = None) -> Path:
    """The embedded model in int8, quantised from the fetched weights once."""
    adapter = sha256(adapter_path())[:12]
    file = cache_folder() / f"embedded-int8-v{FORMAT}-{adapter}.safetensors"
    if file.is_file():
        return file
    report = progress or (lambda message, fraction: None)
    with locked(file, report):
        if not file.is_file():
            require_space(file.parent, _INT8_SIZE)
            from lsp_server.models.embedded.gguf import Checkpoint
            from lsp_server.models.embedded.weights import write_int8

            write_int8(file, lambda: Checkpoint(download.path(), adapter_path()), report)
            for old in file.parent.glob("embedded-int8-*.safetensors"):
                if old != file:
                    old.unlink(missing_ok=True)
    return file
