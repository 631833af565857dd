"""Drafts of what the syntax forces next: closing brackets, indentation, ``: ``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lsp_server.diffusion.drafters.drafts import Draft, Drafts
from lsp_server.settings import Source

if TYPE_CHECKING:
    from lsp_server.diffusion.drafters.drafter import DraftContext

_CONFIDENCE = 0.85


class ForcedTextDrafter:
    """Tokenises the text that the hole expects.

    Tokens that would differ if the text went on are left out: they would rarely be right.
    """

    name: Final[Source] = "syntax"
    runs_denoiser: Final = False

    def __init__(self, context: DraftContext) -> None:
        self._context = context

    def propose(self, limit: int) -> Drafts:
        """See ``Drafter``."""
        text = self._context.hole.expect(self._context.output.text)
        if not text:
            return ()
        encode = self._context.model.tokenizer.encode
        with_next = encode(text + "x")
        stable = []
        for token, other in zip(encode(text), with_next, strict=False):
            if token != other:
                break
            stable.append(token)
        if not stable and len(with_next) > 1:
            stable = with_next[:-1]
        return tuple(Draft(token, _CONFIDENCE, self.name) for token in stable[:limit])
