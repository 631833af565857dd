"""What the model is asked: to fill one place of a document, a cursor or a region."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from lsp_server.completion.context import Window, choose_brief_window, choose_window
from lsp_server.completion.place import Place
from lsp_server.completion.snapshot import Snapshot
from lsp_server.diffusion.prompt import Prompt
from lsp_server.diffusion.types import Hole, Lengths
from lsp_server.settings import Settings
from lsp_server.syntax.spans.find import Span, find_region, find_span
from lsp_server.syntax.spans.length_prior import find_lengths
from lsp_server.syntax.tree import SyntaxTree


@dataclass(frozen=True, slots=True)
class Question:
    """A place in a document between two offsets, equal for a cursor, and what is known of it."""

    snapshot: Snapshot
    start: int
    end: int
    place: Place
    span: Span
    window: Window

    @classmethod
    def at_cursor(cls, snapshot: Snapshot, offset: int, settings: Settings) -> Question:
        """The question for a cursor."""
        tree = snapshot.tree
        place = Place.of(tree, offset, offset, snapshot.language_id)
        bounded = settings.span_bounding
        span = find_span(tree, offset, bounded, place.around, place.lexical)
        window = choose_window(place.before, place.after_cursor, settings)
        return cls(snapshot, offset, offset, place, span, window)

    @classmethod
    def of_region(cls, snapshot: Snapshot, start: int, end: int, settings: Settings) -> Question:
        """The question for a region that is to be replaced."""
        tree = snapshot.tree
        place = Place.of(tree, start, end, snapshot.language_id)
        bounded = settings.span_bounding
        span = find_region(tree, start, end, bounded, place.around, place.lexical)
        window = choose_window(place.before, place.after_region, settings)
        return cls(snapshot, start, end, place, span, window)

    def brief_prompt(self, settings: Settings) -> Prompt:
        """The prompt for an answer that must not wait for a whole window."""
        place = self.place
        after = place.after_cursor if self.start == self.end else place.after_region
        window = choose_brief_window(place.before, after, settings)
        return Prompt.around(window.prefix, window.suffix)

    @property
    def tree(self) -> SyntaxTree:
        """The document's syntax tree."""
        return self.snapshot.tree

    @property
    def prose(self) -> bool:
        """Whether the document is prose, where brackets need not match."""
        return self.place.lexical.prose

    def hole(self, settings: Settings, floor: float = 0.0, deadline: float = math.inf) -> Hole:
        """The decoder's ``Hole``; ``floor`` is its ``min_confidence``."""
        lengths = find_lengths(self.tree.language, self.span)
        return Hole(
            prompt=Prompt.around(self.window.prefix, self.window.suffix),
            max_tokens=settings.max_block_tokens if self.span.multiline else settings.max_tokens,
            ends_line=self.window.ends_line,
            end=self.span.end,
            expect=self.span.expect,
            lengths=Lengths(lengths.bounds, lengths.shares),
            min_confidence=floor,
            deadline=deadline,
            document=self.snapshot.uri,
        )


def insert(snapshot: Snapshot, start: int, end: int, text: str) -> Snapshot:
    """The document as it would be with ``text`` in place of what stands between two offsets."""
    tree = snapshot.tree.edit(start, end, text)
    return replace(snapshot, text=tree.text, tree=tree)
