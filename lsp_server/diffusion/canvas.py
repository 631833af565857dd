"""A canvas while it is denoised: positions that are masks or tokens, and may become more or fewer.

Knows tokens and probabilities; asks no model and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from lsp_server.diffusion.trace import OpenCell
from lsp_server.models.interfaces import MASK, Growth


@dataclass(slots=True, eq=False)
class Position:
    """One position: a mask, or a token and how probable it was when it was committed."""

    token: int = MASK
    confidence: float = 1.0
    guess: int = MASK  # the best token after the last forward
    refused: int = MASK  # the token that was taken back
    held: bool = False  # whether its token was owed: it is not taken back


class Board:
    """The positions of one canvas.

    With ``growth``, a committed expand token becomes two masks and a committed delete token
    vanishes (DreamOn, arXiv 2602.01326). A canvas never has more than ``most`` positions and
    expands at most ``most`` times, as DreamOn's own budget has it, so that denoising ends.
    """

    def __init__(self, masks: int, most: int, growth: Growth | None = None) -> None:
        self.positions = [Position() for _ in range(masks)]
        self.growth, self._most, self._expansions = growth, most, most
        self.growing = 1.0  # the probability of all expand and delete tokens together

    @property
    def tokens(self) -> list[int]:
        """Token ids and MASK, left to right."""
        return [position.token for position in self.positions]

    @property
    def masks(self) -> list[Position]:
        """The masks, left to right."""
        return [position for position in self.positions if position.token == MASK]

    @property
    def leading(self) -> list[Position]:
        """The positions before the first mask."""
        return list(takewhile(lambda position: position.token != MASK, self.positions))

    @property
    def confidences(self) -> list[float]:
        """How probable each position's token was; 1 for a mask."""
        return [position.confidence for position in self.positions]

    @property
    def expandable(self) -> bool:
        """Whether a mask may become two."""
        return len(self.positions) < self._most and self._expansions > 0

    def commit(self, position: Position, token: int, confidence: float) -> None:
        """A mask becomes ``token``; where that would expand a canvas that is full, it stays one."""
        if self.growth and token == self.growth.expand:
            if self.expandable:
                self._replace(position, [Position(), Position()])
                self._expansions -= 1
                self.growing *= confidence
        elif self.growth and token == self.growth.delete:
            self._replace(position, [])
            self.growing *= confidence
        else:
            position.token, position.confidence = token, confidence

    def append(self) -> None:
        """One mask more at the end, if there is room."""
        if len(self.positions) < self._most:
            self.positions.append(Position())

    def take_back(self, positions: Iterable[Position]) -> None:
        """Tokens become masks again."""
        for position in positions:
            position.refused, position.token, position.confidence = position.token, MASK, 1.0

    def cells(self) -> list[OpenCell]:
        """The positions for the trace; a token that has just been taken back shows once more."""
        return [_show(position) for position in self.positions]

    def _replace(self, position: Position, others: list[Position]) -> None:
        index = self.positions.index(position)
        self.positions[index : index + 1] = others


def _show(position: Position) -> OpenCell:
    if position.token != MASK:
        return position.token, "denoiser", "draft"
    refused, position.refused = position.refused, MASK
    return (None, "mask", "mask") if refused == MASK else (refused, "denoiser", "refused")
