"""Load a model by its name; on the first start, also download and convert its files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from lsp_server.memory import free_bytes
from lsp_server.models import registry
from lsp_server.models.embedded import download
from lsp_server.models.embedded.gguf import Checkpoint, adapter_path, write_tokenizer
from lsp_server.models.embedded.model import EmbeddedModel
from lsp_server.models.embedded.weights import (
    FORMAT,
    DenseWeights,
    Int8Weights,
    Weights,
    write_int8,
)
from lsp_server.models.interfaces import Model, ModelError
from lsp_server.models.precision import Arithmetic, choose_device, choose_precision
from lsp_server.models.pretrained.checkpoint_dir import read_checkpoint_dir
from lsp_server.models.quantization import supports_int8
from lsp_server.models.storage import (
    Progress,
    cache_folder,
    locked,
    replacing,
    require_space,
    sha256,
)
from lsp_server.models.threads import use_threads
from lsp_server.models.tokenizers import EmbeddedTokenizer
from lsp_server.settings import Settings

_INT8_SIZE = 950_000_000  # bytes of the int8 file


def load(settings: Settings, progress: Progress | None = None, measure: bool = True) -> Model:
    """Load the model that the settings name; blocking, for seconds to minutes.

    ``measure``: whether arithmetic may be timed, see ``choose_precision``.

    Raises ModelError, whose message says what to do, if files are missing or damaged, memory is
    short, or the device or precision is not available.
    """
    report = progress or (lambda message, fraction: None)
    use_threads(settings.threads)
    entry = registry.find(settings.model)
    if entry is None:
        return _load_embedded(settings, report, measure)
    checkpoint = read_checkpoint_dir(entry.folder, entry.declared)
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device, measure)
    lighter = ("int8", "int4") if device.type == "cuda" else _int8_here(device)
    _require_memory(checkpoint.memory, precision, device, lighter)
    from lsp_server.models.pretrained.denoisers import load_masked

    model = load_masked(checkpoint, precision, device, report)
    model.info = replace(model.info, name=entry.name)
    report("ready", 1.0)
    return model


def _load_embedded(settings: Settings, report: Progress, measure: bool) -> Model:
    started = time.perf_counter()
    download.require()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device, measure)
    memory = partial(registry.embedded_memory, device=device.type)
    _require_memory(memory, precision, device, _int8_here(device))
    report("loading", 0.1)
    store: Weights
    if precision == "int8":
        store = Int8Weights(_int8_file(report))
    else:
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        store = DenseWeights(Checkpoint(download.path(), adapter_path()), dtype, device)
    report("loading", 0.5)
    model = EmbeddedModel(store, EmbeddedTokenizer(tokenizer_file(report)), precision, started)
    report("ready", 1.0)
    return model


def prepare(progress: Progress | None = None) -> None:
    """Create the tokenizer file and the int8 file from the fetched weights."""
    report = progress or (lambda message, fraction: None)
    tokenizer_file(report)
    if choose_precision("auto", choose_device("auto")) == "int8":
        _int8_file(report)


def tokenizer_file(progress: Progress | None = None) -> Path:
    """The embedded model's tokenizer, rebuilt from the fetched weights once."""
    file = cache_folder() / "tokenizer.json"
    if file.is_file():
        return file
    with locked(file, progress):
        if not file.is_file():
            if progress:
                progress("rebuilding the tokenizer", 0.0)
            with replacing(file) as temporary:
                write_tokenizer(download.path(), temporary)
    return file


def _int8_file(report: Progress) -> Path:
    """The embedded model in int8, quantised from the fetched weights once."""
    adapter = sha256(adapter_path())[:12]
    file = cache_folder() / f"embedded-int8-v{FORMAT}-{adapter}.safetensors"
    if file.is_file():
        return file
    with locked(file, report):
        if not file.is_file():
            require_space(file.parent, _INT8_SIZE)
            write_int8(file, lambda: Checkpoint(download.path(), adapter_path()), report)
            for old in file.parent.glob("embedded-int8-*.safetensors"):
                if old != file:
                    old.unlink(missing_ok=True)
    return file


def _int8_here(device: torch.device) -> tuple[str, ...]:
    return ("int8",) if device.type == "cpu" and supports_int8() else ()


def _require_memory(
    needs: Callable[[str], float],
    precision: Arithmetic,
    device: torch.device,
    lighter: Sequence[str],
) -> None:
    """Raise ModelError unless ``device`` has the memory free that ``needs`` says.

    ``lighter``: precisions to suggest if there is memory for them.
    """
    free = free_bytes(device.type)
    if short := registry.shortage(needs(precision), free):
        fitting = [f"--precision {each}" for each in lighter if needs(each) <= free]
        advice = fitting[0] if fitting else "a smaller model"
        raise ModelError(f"{short}; close something or choose {advice}")
