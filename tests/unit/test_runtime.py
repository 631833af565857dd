"""Which runtime the embedded model gets, and that torch is imported only where it is needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lsp_server.models import runtime
from lsp_server.models.interfaces import ModelError
from lsp_server.models.runtime import Runtime, choose_runtime
from lsp_server.settings import Settings


@pytest.fixture(autouse=True)
def no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_has_accelerator", lambda: False)
    monkeypatch.setattr(runtime, "supports_openvino", lambda: True)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), "openvino"),
        (Settings(device="cpu"), "openvino"),
        (Settings(precision="int8"), "openvino"),
        (Settings(runtime="openvino"), "openvino"),
        (Settings(runtime="torch"), "torch"),
        (Settings(precision="fp32"), "torch"),
        (Settings(precision="bf16", device="cpu"), "torch"),
        (Settings(device="cuda"), "torch"),
    ],
)
def test_openvino_runs_what_it_can(settings: Settings, expected: Runtime) -> None:
    assert choose_runtime(settings) == expected


def test_an_accelerator_wins_unless_the_cpu_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_has_accelerator", lambda: True)
    assert choose_runtime(Settings()) == "torch"
    assert choose_runtime(Settings(device="cpu")) == "openvino"
    assert choose_runtime(Settings(runtime="openvino")) == "openvino"


def test_torch_runs_where_openvino_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "supports_openvino", lambda: False)
    assert choose_runtime(Settings()) == "torch"
    with pytest.raises(ModelError, match="pip install openvino"):
        choose_runtime(Settings(runtime="openvino"))


@pytest.mark.parametrize("wrong", [Settings(precision="fp32"), Settings(device="cuda")])
def test_what_openvino_cannot_run_is_said(wrong: Settings) -> None:
    with pytest.raises(ModelError, match="int8 on the CPU"):
        choose_runtime(replace(wrong, runtime="openvino"))
