"""All drafters, by their names in the setting ``drafts``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lsp_server.diffusion.drafters.denoiser import DenoiserDrafter
from lsp_server.diffusion.drafters.drafter import DraftContext, Drafter
from lsp_server.diffusion.drafters.forced_text import ForcedTextDrafter
from lsp_server.diffusion.drafters.prompt_lookup import PromptLookupDrafter
from lsp_server.settings import Source

DRAFTERS: Final[Mapping[Source, Callable[[DraftContext], Drafter]]] = {
    "file": PromptLookupDrafter,
    "syntax": ForcedTextDrafter,
    "denoiser": DenoiserDrafter,
}
"""In order of preference among proposals of equal expected length."""


def make_drafters(context: DraftContext) -> list[Drafter]:
    """The drafters that are switched on."""
    return [make(context) for name, make in DRAFTERS.items() if name in context.sources]
