"""A safetensors file as arrays that stay on disk until they are read."""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Final

import numpy as np

from lsp_server.models.arrays import Array

_TYPES: Final = {"F32": np.float32, "F16": np.float16, "I8": np.int8, "I64": np.int64}


class MappedTensors:
    """The tensors of a file by name: views of the file, mapped into memory.

    Several processes share the pages of one file.
    """

    def __init__(self, file: Path) -> None:
        """Raises OSError or ValueError if the file cannot be read."""
        with file.open("rb") as opened:
            # OpenVINO takes only arrays that could be written; nobody writes to these.
            self._map = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
        start = 8 + int.from_bytes(self._map[:8], "little")
        if start > len(self._map):
            raise ValueError(f"{file} is not a safetensors file")
        header = json.loads(self._map[8:start])
        self._tensors = {
            name: self._view(start + entry["data_offsets"][0], entry["dtype"], entry["shape"])
            for name, entry in header.items()
            if name != "__metadata__"
        }

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def __getitem__(self, name: str) -> Array:
        """A tensor by its name."""
        return self._tensors[name]

    def release(self) -> None:
        """Take the file's pages out of resident memory; they come back when they are read."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def _view(self, offset: int, kind: str, shape: list[int]) -> Array:
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self._map, _TYPES[kind], count, offset).reshape(shape)
