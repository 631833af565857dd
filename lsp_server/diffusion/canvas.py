"""A canvas while it is denoised: its positions are masks or tokens, and their number may change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from lsp_server.diffusion.trace import OpenCell
from lsp_server.models.interfaces import MASK, Growth


@dataclass(slots=True, eq=False)
class CanvasPosition:
    """One position: a mask, or a token and how probable it was when it was committed."""

    token: int = MASK
    confidence: float = 1.0
    best: int = MASK  # its most probable token after the last forward
    refused: int = MASK  # a token that was committed and turned back into a mask
    required: bool = False  # token healing requires its token, which is never remasked


class Canvas:
    """The positions of one canvas.

    With ``growth``, a committed expand token becomes two masks and a committed delete token
    vanishes (DreamOn, arXiv 2602.01326). A canvas never has more than ``limit`` positions and
    expands at most ``limit`` times, as DreamOn's own budget has it, so that denoising ends.
    """

    def __init__(self, masks: int, limit: int, growth: Growth | None = None) -> None:
        self.positions = [CanvasPosition() for _ in range(masks)]
        self.growth, self._limit, self._expansions = growth, limit, limit
        self.resizing = 1.0  # the joint probability of all expand and delete tokens committed

    @property
    def tokens(self) -> list[int]:
        """Token ids and MASK, left to right."""
        return [position.token for position in self.positions]

    @property
    def masks(self) -> list[CanvasPosition]:
        """The masks, left to right."""
        return [position for position in self.positions if position.token == MASK]

    @property
    def leading(self) -> list[CanvasPosition]:
        """The positions before the first mask."""
        return list(takewhile(lambda position: position.token != MASK, self.positions))

    @property
    def confidences(self) -> list[float]:
        """Each position's probability when its token was committed; 1 for a mask."""
        return [position.confidence for position in self.positions]

    @property
    def expandable(self) -> bool:
        """Whether a mask may become two."""
        return len(self.positions) < self._limit and self._expansions > 0

    def commit(self, position: CanvasPosition, token: int, confidence: float) -> None:
        """Turn a mask into ``token``; an expand token changes nothing if the canvas is full."""
        if self.growth and token == self.growth.expand:
            if self.expandable:
                self._replace(position, [CanvasPosition(), CanvasPosition()])
                self._expansions -= 1
                self.resizing *= confidence
        elif self.growth and token == self.growth.delete:
            self._replace(position, [])
            self.resizing *= confidence
        else:
            position.token, position.confidence = token, confidence

    def append(self) -> None:
        """Add a mask at the end, if there is room."""
        if len(self.positions) < self._limit:
            self.positions.append(CanvasPosition())

    def take_back(self, positions: Iterable[CanvasPosition]) -> None:
        """Turn tokens back into masks."""
        for position in positions:
            position.refused, position.token, position.confidence = position.token, MASK, 1.0

    def cells(self) -> list[OpenCell]:
        """The positions for the trace; a token just taken back is shown once as refused."""
        return [_show(position) for position in self.positions]

    def _replace(self, position: CanvasPosition, others: list[CanvasPosition]) -> None:
        index = self.positions.index(position)
        self.positions[index : index + 1] = others


def _show(position: CanvasPosition) -> OpenCell:
    if position.token != MASK:
        return position.token, "denoiser", "draft"
    refused, position.refused = position.refused, MASK
    return (None, "mask", "mask") if refused == MASK else (refused, "denoiser", "refused")
