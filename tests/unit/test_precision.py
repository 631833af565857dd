from __future__ import annotations

import pytest
import torch

from lsp_server.models import precision
from lsp_server.models.interfaces import ModelError
from lsp_server.models.precision import choose_precision
from lsp_server.settings import Precision


@pytest.mark.parametrize(
    ("wanted", "device"),
    [("fp32", "cpu"), ("int8", "cpu"), ("int8", "cuda"), ("int4", "cuda"), ("bf16", "mps")],
)
def test_what_is_wanted_is_taken_where_it_runs(wanted: Precision, device: str) -> None:
    assert choose_precision(wanted, torch.device(device)) == wanted


@pytest.mark.parametrize(("wanted", "device"), [("int4", "cpu"), ("int8", "mps"), ("int4", "mps")])
def test_what_does_not_run_is_refused(wanted: Precision, device: str) -> None:
    with pytest.raises(ModelError, match=f"{wanted} is not available on {device}; use --precision"):
        choose_precision(wanted, torch.device(device))


def test_int8_needs_its_kernels_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "supports_int8", lambda: False)
    assert choose_precision("int8", torch.device("cuda")) == "int8"
    with pytest.raises(ModelError, match="int8 is not available on cpu"):
        choose_precision("int8", torch.device("cpu"))
