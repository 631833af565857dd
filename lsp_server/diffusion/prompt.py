"""The prompt of a hole: the text around it, in ordered parts."""

from __future__ import annotations

from dataclasses import dataclass

from lsp_server.models.interfaces import PartKind


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a prompt, and its kind."""

    kind: PartKind
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The text around a hole that a model is shown.

    Parts are in the order in which a causal model reads them; the prefix, which the hole's text
    continues, is the last.
    """

    parts: tuple[Part, ...]

    @classmethod
    def around(cls, prefix: str, suffix: str) -> Prompt:
        """The prompt of a hole between two texts."""
        return cls((Part("suffix", suffix), Part("prefix", prefix)))

    @property
    def prefix(self) -> str:
        """The text before the hole."""
        return self._text("prefix")

    @property
    def suffix(self) -> str:
        """The text after the hole."""
        return self._text("suffix")

    def _text(self, kind: PartKind) -> str:
        return "".join(part.text for part in self.parts if part.kind == kind)
