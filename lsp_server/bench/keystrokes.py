"""Simulated typing: text of a real file is typed key by key into the file without it.

A line break and the indentation after it are one key, because editors indent automatically.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lsp_server.bench.holes import Cut, RealFile
from lsp_server.completion.service import Snapshot

_KEY = re.compile(r"\n[ \t]*|[^\n]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of a file to be typed again, from ``start`` to ``end``, the end of a line."""

    file: RealFile
    start: int
    end: int

    @classmethod
    def of(cls, cut: Cut, keys: int) -> Passage:
        """The passage of about ``keys`` keys that begins in a cut's line."""
        text = cut.file.text
        line = text.rfind("\n", 0, cut.start) + 1
        start = line + len(text[line:]) - len(text[line:].lstrip(" \t"))
        end = text.find("\n", min(start + keys, len(text)))
        return cls(cut.file, start, len(text) if end < 0 else end)

    def keys(self, limit: int) -> list[str]:
        """The keys in order, each the text that it inserts."""
        return [key.group() for key in _KEY.finditer(self.file.text, self.start, self.end)][:limit]

    def open(self) -> Typed:
        """The document before the first key."""
        text = self.file.text
        uri = f"{self.file.path.absolute().as_uri()}?{self.start}"
        rest = text[: self.start] + text[self.end :]
        return Typed(self.file.snapshot(rest, uri), self.start)


@dataclass(frozen=True, slots=True)
class Typed:
    """A document and where its cursor is."""

    snapshot: Snapshot
    offset: int

    def after(self, key: str) -> Typed:
        """The document after a key."""
        old = self.snapshot
        tree = old.tree.edit(self.offset, self.offset, key)
        version = old.version + 1
        snapshot = Snapshot(old.uri, old.language_id, version, tree.text, tree)
        return Typed(snapshot, self.offset + len(key))
