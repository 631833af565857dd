"""Load a model by its name; on the first start, also convert its files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lsp_server.memory import free_bytes
from lsp_server.models import registry
from lsp_server.models.embedded import download
from lsp_server.models.embedded.files import adapter_path, int8_file, tokenizer_file
from lsp_server.models.embedded.model import EmbeddedModel
from lsp_server.models.embedded.network import Network
from lsp_server.models.interfaces import Model, ModelError
from lsp_server.models.runtime import choose_runtime
from lsp_server.models.storage import Progress
from lsp_server.models.threads import count_threads, use_threads
from lsp_server.models.tokenizers import EmbeddedTokenizer
from lsp_server.settings import Settings

if TYPE_CHECKING:  # torch takes a second to import, and OpenVINO does without it
    import torch

    from lsp_server.models.embedded.weights import Weights
    from lsp_server.models.precision import Arithmetic


def load(settings: Settings, progress: Progress | None = None, measure: bool = True) -> Model:
    """Load the model that the settings name; blocking, for seconds to minutes.

    ``measure``: whether arithmetic may be timed, see ``choose_precision``.

    Raises ModelError, whose message says what to do, if files are missing or damaged, memory is
    short, or the device or precision is not available.
    """
    report = progress or (lambda message, fraction: None)
    entry = registry.find(settings.model)
    if entry is None:
        model = _load_embedded(settings, report, measure)
    else:
        model = _load_folder(entry, settings, report, measure)
    report("ready", 1.0)
    return model


def prepare(progress: Progress | None = None) -> None:
    """Create the tokenizer file and the int8 file from the fetched weights."""
    tokenizer_file(progress)
    if _computes_in_int8():
        int8_file(progress)


def _load_folder(
    entry: registry.Entry, settings: Settings, report: Progress, measure: bool
) -> Model:
    from lsp_server.models.precision import choose_device, choose_precision
    from lsp_server.models.pretrained.checkpoint_dir import read_checkpoint_dir

    use_threads(settings.threads)
    checkpoint = read_checkpoint_dir(entry.folder, entry.declared)
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device, measure)
    lighter = ("int8", "int4") if device.type == "cuda" else _int8_on(device)
    _require_memory(checkpoint.memory, precision, device.type, lighter)
    from lsp_server.models.pretrained.denoisers import load_masked

    model = load_masked(checkpoint, precision, device, report)
    model.info = replace(model.info, name=entry.name)
    return model


def _load_embedded(settings: Settings, report: Progress, measure: bool) -> Model:
    started = time.perf_counter()
    download.require()
    if choose_runtime(settings) == "openvino":
        network, precision = _load_on_openvino(settings, report), "int8"
    else:
        network, precision = _load_on_torch(settings, report, measure)
    report("loading", 0.9)
    return EmbeddedModel(network, EmbeddedTokenizer(tokenizer_file(report)), precision, started)


def _load_on_openvino(settings: Settings, report: Progress) -> Network:
    from lsp_server.models.embedded.openvino_network import OpenVinoNetwork
    from lsp_server.models.embedded.tensors import MappedTensors

    _require_memory(partial(registry.embedded_memory, device="cpu"), "int8", "cpu", ())
    report("loading", 0.1)
    return OpenVinoNetwork(MappedTensors(int8_file(report)), count_threads(settings.threads))


def _load_on_torch(
    settings: Settings, report: Progress, measure: bool
) -> tuple[Network, Arithmetic]:
    import torch

    from lsp_server.models.embedded.gguf import Checkpoint
    from lsp_server.models.embedded.torch_network import TorchNetwork
    from lsp_server.models.embedded.weights import DenseWeights, Int8Weights
    from lsp_server.models.precision import choose_device, choose_precision

    use_threads(settings.threads)
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device, measure)
    memory = partial(registry.embedded_memory, device=device.type)
    _require_memory(memory, precision, device.type, _int8_on(device))
    report("loading", 0.1)
    store: Weights
    if precision == "int8":
        store = Int8Weights(int8_file(report))
    else:
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        store = DenseWeights(Checkpoint(download.path(), adapter_path()), dtype, device)
    return TorchNetwork(store), precision


def _computes_in_int8() -> bool:
    """Whether the default settings load the embedded model in int8."""
    if choose_runtime(Settings()) == "openvino":
        return True
    from lsp_server.models.precision import choose_device, choose_precision

    return choose_precision("auto", choose_device("auto")) == "int8"


def _int8_on(device: torch.device) -> tuple[str, ...]:
    from lsp_server.models.quantization import supports_int8

    return ("int8",) if device.type == "cpu" and supports_int8() else ()


def _require_memory(
    needs: Callable[[str], float], precision: str, device: str, lighter: Sequence[str]
) -> None:
    """Raise ModelError unless ``device`` has the memory free that ``needs`` says.

    ``lighter``: precisions to suggest if there is memory for them.
    """
    free = free_bytes(device)
    if short := registry.shortage(needs(precision), free):
        fitting = [f"--precision {each}" for each in lighter if needs(each) <= free]
        advice = fitting[0] if fitting else "a smaller model"
        raise ModelError(f"{short}; close something or choose {advice}")
