"""The protocol of a drafter, and what a drafter knows of the hole that is being filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lsp_server.diffusion.drafters.drafts import Drafts
from lsp_server.diffusion.drafters.prompt_lookup import TokenIndex
from lsp_server.diffusion.output import Output
from lsp_server.diffusion.types import Hole
from lsp_server.models.interfaces import Model, PromptTokens
from lsp_server.settings import Source


class Drafter(Protocol):
    """Proposes what may follow the output so far; made new for every hole."""

    @property
    def name(self) -> Source:
        """The source of its drafts, by which they are switched on and counted."""

    @property
    def runs_denoiser(self) -> bool:
        """Whether a proposal costs a forward of the denoiser."""

    def propose(self, floor: float, limit: int) -> Drafts:
        """The likely next tokens.

        More than ``limit`` of them are not used, nor any from where all of them together are less
        probable than ``floor``: a drafter that works token by token stops there.
        """


@dataclass(frozen=True, slots=True)
class DraftContext:
    """A hole that is being filled, as its drafters see it; ``output`` and ``index`` grow."""

    hole: Hole
    model: Model
    prompt: PromptTokens
    output: Output
    index: TokenIndex  # of the prompt and the output
    sources: tuple[Source, ...]  # that are switched on
