"""Draws the extension's icon: lines of code with a masked region, half of it already filled.

    icon.py images/icon.png

Needs numpy. The picture is a composition of rounded boxes, each drawn by its distance function,
so that edges are smooth without supersampling.
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE = 256
INK, PAPER, MASK, FILLED = (27, 31, 42), (205, 212, 226), (75, 84, 107), (94, 234, 180)
BAR, RADIUS = 30.0, 9.0  # height and corner of a token
# One tuple per token: left, right, top, colour.
TOKENS = [
    (40, 106, 50, PAPER),
    (118, 190, 50, PAPER),
    (64, 112, 92, PAPER),
    (124, 166, 92, FILLED),
    (178, 216, 92, FILLED),
    (64, 126, 134, FILLED),
    (138, 170, 134, MASK),
    (182, 216, 134, MASK),
    (40, 84, 176, PAPER),
    (96, 150, 176, PAPER),
]


def coverage(
    left: float, right: float, top: float, bottom: float, radius: float
) -> NDArray[np.float64]:
    """How much of every pixel a rounded box covers, 0 to 1; shape (SIZE, SIZE)."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    outside_x = np.abs(x - (left + right) / 2) - (right - left) / 2 + radius
    outside_y = np.abs(y - (top + bottom) / 2) - (bottom - top) / 2 + radius
    corner = np.hypot(np.maximum(outside_x, 0), np.maximum(outside_y, 0))
    distance = corner + np.minimum(np.maximum(outside_x, outside_y), 0) - radius
    covered: NDArray[np.float64] = np.clip(0.5 - distance, 0, 1)
    return covered


def draw() -> NDArray[np.uint8]:
    """The picture as RGBA; shape (SIZE, SIZE, 4)."""
    alpha = coverage(0, SIZE, 0, SIZE, 52)
    colour = np.broadcast_to(np.array(INK, float), (SIZE, SIZE, 3)).copy()
    for left, right, top, ink in TOKENS:
        share = coverage(left, right, top, top + BAR, RADIUS)[..., None]
        colour += share * (np.array(ink, float) - colour)
    return np.round(np.dstack([colour, alpha * 255])).astype(np.uint8)


def encode(picture: NDArray[np.uint8]) -> bytes:
    """A picture as PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + row.tobytes() for row in picture)  # filter 0: none
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(rows, 9)),
            chunk(b"IEND", b""),
        ]
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(encode(draw()))
