"""The trace of a decoding: the state of the hole after every forward.

Without an observer, no cells or steps are created.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from lsp_server.diffusion.types import Cell, ForwardKind, Origin, Step
from lsp_server.models.interfaces import Tokenizer

Observer = Callable[[Step], None]
OpenCell = tuple[int | None, Origin, Literal["draft", "refused", "mask"]]
"""A cell that is not final: its token (None: a mask), origin and state."""


class Trace:
    """Collects cells and calls the observer after each forward."""

    def __init__(self, tokenizer: Tokenizer, observer: Observer | None) -> None:
        self._tokenizer, self._observer = tokenizer, observer
        self._committed: list[Cell] = []

    def commit(self, token: int, origin: Origin) -> None:
        """Add a token that is final."""
        if self._observer:
            self._committed.append(Cell(self._text(token), origin, "committed"))

    def show(
        self,
        kind: ForwardKind,
        ms: float,
        open_cells: Callable[[], Iterable[OpenCell]] = tuple,
    ) -> None:
        """Report a forward; the cells of ``open_cells`` come after the committed ones."""
        if self._observer:
            cells = [
                Cell("" if token is None else self._text(token), origin, state)
                for token, origin, state in open_cells()
            ]
            self._observer(Step(kind, (*self._committed, *cells), ms))

    def _text(self, token: int) -> str:
        return self._tokenizer.decode([token])
