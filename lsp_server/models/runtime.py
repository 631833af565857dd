"""Chooses the runtime of the embedded model: OpenVINO on CPUs, else torch.

torch is asked for accelerators only where its build can have one: importing it takes a second.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from typing import Literal

from lsp_server.models.interfaces import ModelError
from lsp_server.settings import Settings

Runtime = Literal["openvino", "torch"]


def choose_runtime(settings: Settings) -> Runtime:
    """The runtime that fits the settings on this machine.

    OpenVINO computes in int8 on the CPU. Raises ModelError if it is asked for and not possible.
    """
    fits = settings.precision in ("auto", "int8") and settings.device in ("auto", "cpu")
    if settings.runtime == "openvino":
        if not fits:
            raise ModelError("openvino computes in int8 on the CPU; use --runtime auto")
        if not supports_openvino():
            raise ModelError("openvino is missing; pip install openvino, or use --runtime auto")
        return "openvino"
    if settings.runtime == "torch" or not fits or not supports_openvino():
        return "torch"
    return "torch" if settings.device == "auto" and _has_accelerator() else "openvino"


def supports_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


def _has_accelerator() -> bool:
    """Whether torch can compute on a GPU here."""
    if sys.platform != "darwin" and importlib.metadata.version("torch").endswith("+cpu"):
        return False
    from lsp_server.models.precision import choose_device

    return choose_device("auto").type != "cpu"
