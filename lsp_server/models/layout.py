"""One model folder, understood: everything that loading needs, before a weight is read.

Knows configuration, tokenizer files and the headers of tensor files. Does not know how a backbone
is built or run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsp_server.models.base import Growth, Suffix
from lsp_server.models.families import Family


@dataclass(frozen=True, slots=True)
class Layout:
    """A checkpoint folder by its family's rules."""

    folder: Path
    family: Family
    config: Mapping[str, Any]  # keyword arguments of the backbone's own configuration class
    shards: tuple[Path, ...]  # safetensors files
    block: int | None  # tokens per block; None: bidirectional
    stride: int | None  # masks settled together inside a block
    mask: int
    growth: Growth | None
    ends: frozenset[int]
    start: int | None  # the token that every sequence begins with
    context: int  # positions
    parameters: int
    licence: str
    suffix: Suffix

    def memory(self, precision: str) -> int:
        """Bytes that loading in a precision takes at its peak."""
        raise NotImplementedError


def read_layout(folder: Path) -> Layout:
    """Understand a model folder.

    Raises ModelError, in one line, saying what was recognised and what is missing.
    """
    raise NotImplementedError
