"""Linear layers: dense, and int8 with one activation scale per row.

The int8 layer scales every row by its own largest absolute value, so that a row's result depends
neither on the other rows nor on how a sequence is divided into forwards. With one scale per batch,
as in usual dynamic quantization, verifying several drafts in one forward would not be exact.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn import functional

_EPSILON = 1e-8  # keeps a row of zeros from dividing by zero
_ROWS = 4096  # of a matrix that are quantised together


class Linear(Protocol):
    """An affine map over rows: (rows, inputs) -> (rows, outputs)."""

    def __call__(self, rows: Tensor) -> Tensor:
        """Apply to every row."""


@dataclass(frozen=True, slots=True)
class DenseLinear:
    """A plain matrix in the precision that it is stored in."""

    weight: Tensor  # (outputs, inputs)
    bias: Tensor | None = None

    def __call__(self, rows: Tensor) -> Tensor:
        """Apply to every row."""
        return functional.linear(rows, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class Range:
    """Scale and zero point that map activations in -1..1 to unsigned bytes."""

    scale: float
    zero_point: int


FULL = Range(1 / 127, 128)
HALVED = Range(1 / 63, 64)  # pairs of products fit 16 bits on CPUs without VNNI


@dataclass(frozen=True, slots=True)
class Quantized:
    """A matrix as signed bytes with one scale per output."""

    values: Tensor  # (outputs, inputs), int8
    scales: Tensor  # (outputs,), fp32


def quantize(weight: Tensor) -> Quantized:
    """Round a matrix (outputs, inputs) to int8, symmetric, one scale per output."""
    values = torch.empty(weight.shape, dtype=torch.int8)
    scales = torch.empty(len(weight))
    for first in range(0, len(weight), _ROWS):  # a head in fp32 would take gigabytes at once
        rows = weight[first : first + _ROWS].float()
        widest = rows.abs().amax(1).clamp(min=_EPSILON) / 127
        values[first : first + _ROWS] = torch.round(rows / widest[:, None])
        scales[first : first + _ROWS] = widest
    return Quantized(values, scales)


class Int8Linear:
    """An int8 matrix in fbgemm's packed layout; rows go in and come out in fp32."""

    __slots__ = ("_bias", "_packed", "_range")

    def __init__(self, matrix: Quantized, bias: Tensor | None = None) -> None:
        self._packed = _pack(matrix)
        self._bias = bias
        self._range = activation_range()

    def __call__(self, rows: Tensor) -> Tensor:
        """Apply to every row."""
        out = _apply(rows, self._packed, self._range)
        return out if self._bias is None else out.add_(self._bias)


def supports_int8() -> bool:
    """Whether this build of torch has fbgemm's int8 kernels for this CPU."""
    return "fbgemm" in torch.backends.quantized.supported_engines


@cache
def activation_range() -> Range:
    """The widest activation range whose sums are exact on this CPU, found by a test."""
    inputs = 512
    matrix = Quantized(torch.full((16, inputs), 127, dtype=torch.int8), torch.ones(16))
    for candidate in (FULL, HALVED):
        rows = torch.ones(4, inputs)
        if torch.allclose(
            _apply(rows, _pack(matrix), candidate), torch.tensor(127.0 * inputs), rtol=1e-3
        ):
            return candidate
    raise RuntimeError("int8 products overflow on this CPU")


def _pack(matrix: Quantized) -> object:
    torch.backends.quantized.engine = "fbgemm"
    zero_points = torch.zeros(len(matrix.scales), dtype=torch.long)
    with warnings.catch_warnings():  # the only way to fbgemm's kernels in the pinned torch
        warnings.filterwarnings("ignore", message=".*quantized tensor creation.*deprecated")
        tensor = torch._make_per_channel_quantized_tensor(
            matrix.values, matrix.scales.double(), zero_points, 0
        )
    return torch.ops.quantized.linear_prepack(tensor, None)


def _apply(rows: Tensor, packed: object, activations: Range) -> Tensor:
    peaks = rows.abs().amax(1, keepdim=True).clamp_(min=_EPSILON)
    out = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
        rows / peaks, activations.scale, activations.zero_point, packed
    )
    return cast(Tensor, out.mul_(peaks))
