from __future__ import annotations

import json
from pathlib import Path
from threading import Event, Thread

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


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where timings are recorded; nothing is yet."""
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path))
    return tmp_path / "machine.json"


def test_two_first_starts_at_once_measure_once(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring: list[str] = []
    found: list[dict[precision.Arithmetic, float]] = []
    twice = Event()

    def measure() -> dict[str, float]:
        measuring.append("now")
        if len(measuring) > 1:
            twice.set()
        twice.wait(0.5)  # the other has begun by then
        return {"fp32": float(len(measuring))}

    monkeypatch.setattr(precision, "_measure", measure)
    starts = [Thread(target=lambda: found.append(precision.measured())) for _ in range(2)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join(60)
    assert len(measuring) == 1
    assert found == [{"fp32": 1.0}] * 2


@pytest.mark.parametrize(
    "content", ["", "[]", '{"%s": 3}', '{"%s": {"fp32": "fast"}}', '{"%s": {}}']
)
def test_a_damaged_record_is_measured_anew(
    record: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    record.write_text(content.replace("%s", precision._machine()))
    monkeypatch.setattr(precision, "_measure", lambda: {"bf16": 1.0, "fp32": 2.0})
    assert choose_precision("auto", torch.device("cpu")) == "bf16"
    assert json.loads(record.read_text()) == {precision._machine(): {"bf16": 1.0, "fp32": 2.0}}


@pytest.mark.parametrize(("int8", "guess"), [(True, "int8"), (False, "fp32")])
def test_nothing_is_measured_when_that_is_not_wanted(
    record: Path, monkeypatch: pytest.MonkeyPatch, int8: bool, guess: str
) -> None:
    def measure() -> dict[str, float]:
        raise AssertionError("measured")

    monkeypatch.setattr(precision, "_measure", measure)
    monkeypatch.setattr(precision, "supports_int8", lambda: int8)
    cpu = torch.device("cpu")
    assert choose_precision("auto", cpu, measure=False) == guess
    assert choose_precision("bf16", cpu, measure=False) == "bf16"
    record.write_text(json.dumps({precision._machine(): {"bf16": 1.0, "fp32": 2.0}}))
    assert choose_precision("auto", cpu, measure=False) == "bf16"
