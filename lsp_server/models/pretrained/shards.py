"""The tensors in a checkpoint's safetensors files: lists them by their headers, reads one each.

A mapped file counts as resident memory while it is open, so the file is opened for each tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from safetensors import SafetensorError, safe_open

from lsp_server.models.interfaces import ModelError

if TYPE_CHECKING:  # torch takes seconds to import, and headers do not need it
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor that has not been read."""

    shard: Path
    key: str  # its name in the file
    shape: tuple[int, ...]
    dtype: str  # by the format's name: F32, BF16

    def read(self) -> Tensor:
        """The tensor, as it is stored."""
        with _open(self.shard, "pt") as tensors:
            return cast("Tensor", tensors.get_tensor(self.key))


def index_shards(shards: Iterable[Path], rename: Callable[[str], str]) -> dict[str, StoredTensor]:
    """All tensors by ``rename``'s name of each, from the files' headers.

    Raises ModelError, in one line, for a file that is not exactly as long as its header says.
    """
    found = {}
    for shard in shards:
        with _open(shard, "np") as tensors:
            for key in tensors.keys():  # noqa: SIM118 (not a mapping)
                part = tensors.get_slice(key)
                shape = tuple(part.get_shape())
                found[rename(key)] = StoredTensor(shard, key, shape, part.get_dtype())
    return found


@contextmanager
def _open(shard: Path, framework: str) -> Iterator[Any]:
    try:
        with safe_open(shard, framework) as tensors:
            yield tensors
    except OSError as error:
        raise ModelError(f"{shard} cannot be read: {error}") from error
    except SafetensorError as error:
        raise ModelError(
            f"{shard} is damaged, cut off or no safetensors file ({error}); fetch the model again"
        ) from error
