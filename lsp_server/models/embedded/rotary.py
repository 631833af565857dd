"""Rotary position tables."""

from __future__ import annotations

import numpy as np

from lsp_server.models.arrays import Floats
from lsp_server.models.embedded.spec import Shape


def rotary_tables(shape: Shape, size: int) -> tuple[Floats, Floats]:
    """Cosine and sine of positions 0..size-1: (size, 1, head width), fp32.

    A head with the halves a and b turns to (a, b) * cosine + (-b, a) * sine.
    """
    width = shape.head_width
    powers = np.arange(0, width, 2, dtype=np.float32) / np.float32(width)
    inverse = 1 / np.float32(shape.rope_base) ** powers
    angles = np.outer(np.arange(size, dtype=np.float32), inverse)
    cosine, sine = np.cos(angles), np.sin(angles)
    return (
        np.concatenate([cosine, cosine], 1)[:, None],
        np.concatenate([sine, sine], 1)[:, None],
    )
