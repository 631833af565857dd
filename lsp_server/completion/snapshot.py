"""A document as it was when a request about it arrived."""

from __future__ import annotations

from dataclasses import dataclass

from lsp_server.syntax.tree import SyntaxTree


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document at one version; ``tree`` is the syntax tree of ``text``, parsed when needed."""

    uri: str
    language_id: str
    version: int
    text: str
    tree: SyntaxTree
