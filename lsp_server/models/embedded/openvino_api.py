"""OpenVINO, imported when it is first needed."""

from __future__ import annotations

import sys
from types import ModuleType


def import_openvino() -> tuple[ModuleType, ModuleType]:
    """The package and its operations.

    The package reports its use over the network by ``openvino_telemetry``, so that module is kept
    from being imported.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino
    from openvino import opset13

    return openvino, opset13
