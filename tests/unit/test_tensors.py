"""A safetensors file as mapped arrays: the same values as the library reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from lsp_server.models.embedded.tensors import MappedTensors

WRITTEN: dict[str, NDArray[Any]] = {
    "floats": np.linspace(-3, 3, 35, dtype=np.float32).reshape(5, 7),
    "halves": np.linspace(-3, 3, 6).astype(np.float16),
    "bytes": np.arange(-128, 128).astype(np.int8).reshape(2, 128),
    "ids": np.array([3, 2**40]),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    save_file(WRITTEN, tmp_path / "some.safetensors", metadata={"made": "for a test"})
    return tmp_path / "some.safetensors"


def test_tensors_are_those_that_were_written(file: Path) -> None:
    tensors = MappedTensors(file)
    for _ in range(2):
        for name, expected in WRITTEN.items():
            assert tensors[name].dtype == expected.dtype
            assert np.array_equal(tensors[name], expected)
        tensors.release()  # they are read again from the file
    assert "floats" in tensors
    assert "other" not in tensors


def test_what_is_no_such_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"this is not a file of tensors, whatever its name may say")
    for name in ("empty", "text", "missing"):
        with pytest.raises((OSError, ValueError)):
            MappedTensors(tmp_path / name)
