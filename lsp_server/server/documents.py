r"""Open documents in step with the editor: text, version, syntax tree, kind of the last change.

pygls' workspace does the bookkeeping; what a change does to a text is done here, because pygls
breaks lines as ``str.splitlines`` does (also at form feeds, at ``\x85``, at U+2028 …), while the
protocol knows ``\n``, ``\r\n`` and ``\r`` only. Positions are UTF-16. Nothing is ever read from
disk. Knows nothing of models or completions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote

from lsprotocol import types
from pygls.uris import uri_scheme
from pygls.workspace import TextDocument, Workspace

from lsp_server.completion.gate import LastChange
from lsp_server.completion.service import Snapshot
from lsp_server.positions import LINE_END, offset_at
from lsp_server.syntax.languages import language_for
from lsp_server.syntax.tree import SyntaxTree

SCHEMES: Final = ("file", "untitled")
"""URI schemes of documents that people write in; others (diffs, outputs, …) are left alone."""

MAX_PENDING: Final = 16
"""With more edits than this since the last look, parsing anew is cheaper than following them."""

LONE_SURROGATES: Final = re.compile("[\ud800-\udfff]")
SURROGATE_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")

Edit = tuple[int, int, str]
"""Start and end in code points of the text before, and the text that replaces them."""


class Document(TextDocument):
    """A document as the editor has it.

    The tree follows the text lazily, when a snapshot is asked for: edits that nobody asks about
    cost a string operation each, and nothing that a parser does can put the text out of step.
    """

    def __init__(
        self,
        uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> None:
        super().__init__(uri, source=source or "", version=version, language_id=language_id)
        self.last_change = LastChange()
        self.cursor = 0  # offset where the last change ended
        self._changes: list[tuple[int, str]] = []  # of the notification being applied
        self._pending: list[Edit] = []
        self._tree: SyntaxTree | None = None

    @property
    def source(self) -> str:
        """The text."""
        return self._source or ""

    @property
    def lines(self) -> Sequence[str]:
        """The text's lines with their ends, by the protocol's line ends."""
        text, starts = self.source, [0]
        starts.extend(ending.end() for ending in LINE_END.finditer(text))
        stops = [*starts[1:], len(text)]
        return tuple(text[a:b] for a, b in zip(starts, stops, strict=True))

    def offset(self, position: types.Position) -> int:
        """Offset in code points of a position; one that lies outside is moved inside."""
        return offset_at(self.source, position.line, position.character)

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Apply one change of a notification; one without a range replaces the whole text."""
        text = self.source
        start, end = 0, len(text)
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = sorted((self.offset(change.range.start), self.offset(change.range.end)))
        self._changes.append((end - start, change.text))
        self._source = text[:start] + change.text + text[end:]
        self.cursor = start + len(change.text)
        if LONE_SURROGATES.search(self._source, max(start - 1, 0), self.cursor + 1):
            self._join_surrogates()
        elif len(self._pending) <= MAX_PENDING:
            self._pending.append((start, end, change.text))

    def end_changes(self, offered: Iterable[str] = ()) -> Sequence[tuple[int, str]]:
        """All changes of a notification are applied: say what they were together.

        ``offered`` holds texts offered lately; inserting one is accepting it, not pasting.
        Returns the length removed and the text inserted by each.
        """
        changes, self._changes = self._changes, []
        self.last_change = LastChange.of(changes, offered)
        return changes

    def snapshot(self) -> Snapshot:
        """The document as it is now, with its tree; unaffected by what comes later.

        A surrogate half without its other half reads as U+FFFD: the same length in UTF-16 and in
        code points, and text that can be encoded.
        """
        text = LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", self.source)
        return Snapshot(
            self.uri, self.language_id or "", self.version or 0, text, self._follow(text)
        )

    def _follow(self, text: str) -> SyntaxTree:
        tree, edits = self._tree, self._pending
        self._tree, self._pending = None, []  # whatever goes wrong below, the next look starts anew
        if tree is None or len(edits) > MAX_PENDING:
            tree = SyntaxTree.parse(text, language_for(self.language_id, self.path))
        else:
            for start, end, new_text in edits:
                tree = tree.edit(start, end, new_text)
        self._tree = tree
        return tree

    def _join_surrogates(self) -> None:
        """Two halves that met in the text are one character, as they are for the editor."""
        self._tree = None
        self._pending = []
        joined = SURROGATE_PAIR.sub(
            lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), self.source
        )
        self.cursor = min(self.cursor, len(joined))
        self._source = joined


class Documents(Workspace):
    """The open documents, by URI."""

    def find(self, uri: str) -> Document | None:
        """An open document of a scheme that people write in, or None."""
        document = self._text_documents.get(unquote(uri))
        if isinstance(document, Document) and uri_scheme(uri) in SCHEMES:
            return document
        return None

    def update_text_document(
        self,
        text_doc: types.VersionedTextDocumentIdentifier,
        change: types.TextDocumentContentChangeEvent,
    ) -> None:
        """Apply a change; one to a document that is not open is ignored."""
        if unquote(text_doc.uri) in self._text_documents:
            super().update_text_document(text_doc, change)

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> Document:
        return Document(doc_uri, source, version, language_id)
