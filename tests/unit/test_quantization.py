from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.models import quantization
from lsp_server.models.quantization import Int8Linear, activation_range, quantize

WEIGHT = torch.randn(64, 256, generator=torch.Generator().manual_seed(1))
LINEAR = Int8Linear(quantize(WEIGHT))


def test_close_to_the_matrix_it_stands_for() -> None:
    rows = torch.randn(9, 256)
    exact = rows @ WEIGHT.T
    assert float((LINEAR(rows) - exact).norm() / exact.norm()) < 0.02


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 39), st.floats(0.01, 1000))
def test_a_row_does_not_depend_on_its_neighbours(count: int, row: int, loud: float) -> None:
    rows = torch.randn(count, 256)
    row %= count
    rows[[i for i in range(count) if i != row]] *= loud
    assert torch.equal(LINEAR(rows)[row], LINEAR(rows[row : row + 1])[0])


def test_a_row_of_zeros_gives_the_bias() -> None:
    bias = torch.randn(64)
    out = Int8Linear(quantize(WEIGHT), bias)(torch.zeros(2, 256))
    assert torch.equal(out, bias.expand(2, -1))


def test_the_widest_values_do_not_overflow() -> None:
    matrix = quantize(torch.ones(4, 4864))
    assert torch.allclose(Int8Linear(matrix)(torch.ones(1, 4864)), torch.tensor(4864.0), rtol=1e-2)
    assert torch.allclose(
        Int8Linear(matrix)(-torch.ones(1, 4864)), torch.tensor(-4864.0), rtol=1e-2
    )


def test_the_halved_range_is_close_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "activation_range", lambda: quantization.HALVED)
    rows = torch.randn(9, 256)
    exact = rows @ WEIGHT.T
    assert float((Int8Linear(quantize(WEIGHT))(rows) - exact).norm() / exact.norm()) < 0.03


def test_the_range_is_one_of_the_two() -> None:
    assert activation_range() in (quantization.FULL, quantization.HALVED)
