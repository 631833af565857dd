"""The protocol of a drafter, and the state of the decoding that drafters read."""

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
    """Proposes tokens that may follow the output so far; created anew for every hole."""

    @property
    def name(self) -> Source:
        """The source of its drafts, by which they are switched on and counted."""

    @property
    def runs_denoiser(self) -> bool:
        """Whether a proposal costs a forward of the denoiser."""

    def propose(self, limit: int) -> Drafts:
        """The likely next tokens, at most ``limit``.

        One that works token by token stops where their joint confidence is below ``NEGLIGIBLE``.
        """


@dataclass(frozen=True, slots=True)
class DraftContext:
    """The state of one decoding that drafters read; ``output`` and ``index`` grow with it."""

    hole: Hole
    model: Model
    prompt: PromptTokens
    output: Output
    index: TokenIndex  # of the prompt and the output
    sources: tuple[Source, ...]  # that are switched on
