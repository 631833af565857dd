"""Chooses the device and the precision; the fastest precision is measured once per machine.

Times the four matrix products of a layer in each precision, because bf16 is slower than fp32 on
CPUs without native bf16, and int8 needs a kernel that not every build of torch has.
"""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Literal

import cattrs
import torch

from lsp_server.models.embedded.spec import SPEC
from lsp_server.models.interfaces import ModelError
from lsp_server.models.quantization import DenseLinear, Int8Linear, Linear, quantize, supports_int8
from lsp_server.models.storage import cache_folder, locked, replacing
from lsp_server.settings import Device, Precision

Arithmetic = Literal["fp32", "bf16", "fp16", "int8", "int4"]
_ROWS = 5  # a verifying forward: one token and its drafts
_REPEATS = 25
_INT8_BONUS = 0.7  # factor on the time of int8, which needs half the memory of bf16


def choose_device(wanted: Device) -> torch.device:
    """The device to run on; ``auto`` prefers an accelerator."""
    accelerators = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return torch.device(next((name for name, there in accelerators.items() if there), "cpu"))
    if not accelerators.get(wanted, True):
        raise ModelError(f"device {wanted} is not available here; use --device cpu or auto")
    return torch.device(wanted)


def choose_precision(wanted: Precision, device: torch.device, measure: bool = True) -> Arithmetic:
    """The precision to compute in; ``auto`` is the fastest on a CPU, half precision elsewhere.

    Without ``measure`` nothing is timed: if no timings are recorded, ``auto`` means int8, or fp32
    where int8 does not run. Raises ModelError if the device does not support the precision.
    """
    quantising = {"int8": {"cuda"} | ({"cpu"} if supports_int8() else set()), "int4": {"cuda"}}
    if device.type not in quantising.get(wanted, {device.type}):
        raise ModelError(f"{wanted} is not available on {device}; use --precision auto")
    if wanted != "auto":
        return wanted
    if device.type != "cpu":
        return "bf16" if device.type == "cuda" else "fp16"
    timings = measured() if measure else _read().get(_machine())
    if not timings:
        return "int8" if supports_int8() else "fp32"
    return min(timings, key=lambda name: timings[name] * (_INT8_BONUS if name == "int8" else 1))


def measured() -> dict[Arithmetic, float]:
    """Milliseconds of one layer by precision, recorded or measured now.

    Only one process measures at a time, as two would slow each other down.
    """
    machine = _machine()
    if timings := _read().get(machine):
        return timings
    with locked(_record()):
        known = _read()
        if not known.get(machine):
            known[machine] = _measure()
            with replacing(_record()) as temporary:
                temporary.write_text(json.dumps(known, indent=1), "utf-8")
    return known[machine]


def _machine() -> str:
    """The key of recorded timings: processor, threads and torch's version."""
    return f"{_processor()} x{torch.get_num_threads()}, torch {torch.__version__}"


def _record() -> Path:
    return cache_folder() / "machine.json"


def _read() -> dict[str, dict[Arithmetic, float]]:
    """The recorded timings by machine; empty if the file is missing or damaged."""
    try:
        content = json.loads(_record().read_text("utf-8"))
        return cattrs.structure(content, dict[str, dict[Arithmetic, float]])
    except Exception:  # cattrs has no common class for what does not fit
        return {}


def _measure() -> dict[Arithmetic, float]:
    """Time the four products of a layer, side by side.

    Takes the minimum of many repeats, because other programs can only make one slower.
    """
    shape = SPEC.shape
    sizes = [
        (shape.width, (shape.heads + 2 * shape.key_heads) * shape.head_width),
        (shape.width, shape.width),
        (shape.width, 2 * shape.inner),
        (shape.inner, shape.width),
    ]
    weights = [torch.randn(outputs, inputs) for inputs, outputs in sizes]
    layers: dict[Arithmetic, list[Linear]] = {
        "fp32": [DenseLinear(weight) for weight in weights],
        "bf16": [DenseLinear(weight.bfloat16()) for weight in weights],
    }
    if supports_int8():
        layers["int8"] = [Int8Linear(quantize(weight)) for weight in weights]
    times: dict[Arithmetic, list[float]] = {name: [] for name in layers}
    for _ in range(_REPEATS):
        for name, products in layers.items():
            dtype = torch.bfloat16 if name == "bf16" else torch.float32
            inputs = [torch.randn(_ROWS, size, dtype=dtype) for size, _ in sizes]
            started = time.perf_counter()
            for product, rows in zip(products, inputs, strict=True):
                product(rows)
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: round(min(values), 3) for name, values in times.items()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
