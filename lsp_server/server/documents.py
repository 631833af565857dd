r"""Open documents, kept in sync with the editor: text, version, syntax tree, last change.

pygls' workspace does the bookkeeping; changes to a text are applied here, because pygls breaks
lines as ``str.splitlines`` does (also at form feeds, at ``\x85``, at U+2028 …), while the
protocol has ``\n``, ``\r\n`` and ``\r`` only. Positions are UTF-16. Nothing is ever read from
disk. All of this runs on the event loop at every key, so a whole text is copied but never scanned.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from threading import Event
from typing import Final
from urllib.parse import unquote

from lsprotocol import types
from pygls.uris import uri_scheme
from pygls.workspace import TextDocument, Workspace

from lsp_server.completion.gate import PASTE_CHARACTERS, LastChange
from lsp_server.completion.snapshot import Snapshot
from lsp_server.positions import find_difference
from lsp_server.server.edits import Edits
from lsp_server.server.line_index import LineIndex
from lsp_server.syntax.languages import language_for
from lsp_server.syntax.tree import Trees

SCHEMES: Final = ("file", "untitled")
"""URI schemes of documents that people write in; others (diffs, outputs, …) are not served."""

REMEMBERED: Final = 8
"""Edits whose removed text is remembered, to know it again when it is put back."""

LONE_SURROGATES: Final = re.compile("[\ud800-\udfff]")
SURROGATE_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class Document(TextDocument):
    """An open document, with the text that the editor shows."""

    def __init__(
        self,
        uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> None:
        super().__init__(uri, source="", version=version, language_id=language_id)
        self._text = source or ""
        self.last_change = LastChange()
        self.cursor = 0  # offset where the last change ended
        self.closed = Event()  # set when the document is closed
        self._edits = Edits()  # of the notification being applied
        self._removed: deque[str] = deque(maxlen=REMEMBERED)  # by the last edits
        self._lines = LineIndex(self.source)
        self._trees = Trees(language_for(language_id, self.path))
        self._has_halves = _has_halves(self.source)

    @property
    def source(self) -> str:
        """The text."""
        return self._text

    @property
    def lines(self) -> Sequence[str]:
        """The text's lines with their ends, by the protocol's line ends."""
        starts = self._lines.starts()
        stops = [*starts[1:], len(self.source)]
        return tuple(self.source[a:b] for a, b in zip(starts, stops, strict=True))

    def offset(self, position: types.Position) -> int:
        """Offset in code points of a position; one that lies outside is moved inside."""
        return self._lines.offset_at(self.source, position.line, position.character)

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Apply one change of a notification; one without a range replaces the whole text."""
        text, new_text = self.source, change.text
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = sorted((self.offset(change.range.start), self.offset(change.range.end)))
        else:
            start, end, new_end = find_difference(text, new_text)
            new_text = new_text[start:new_end]
        if _has_halves(text[max(start - 1, 0) : start] + new_text + text[end : end + 1]):
            start, end, new_text = _join_halves(text, start, end, new_text)
            self._has_halves = True
        self._edits.add(text, start, end, new_text)
        self._text = "".join((text[:start], new_text, text[end:]))
        self._lines.edit(self._text, start, end, len(new_text))
        self.cursor = start + len(new_text)

    def end_changes(self, offered: Sequence[str] = ()) -> Sequence[tuple[str, str]]:
        """Classify the changes of one notification, all applied, into ``last_change``.

        ``offered`` holds recently offered texts; inserting one is an acceptance, not a paste.
        Returns (text removed, text inserted) for each edit; changes side by side are one edit.
        """
        edits = self._edits.take(self._text)
        self.last_change = LastChange.of(edits, offered, self._removed)
        self._removed.extend(removed for removed, _ in edits if len(removed) <= PASTE_CHARACTERS)
        return edits

    def snapshot(self) -> Snapshot:
        """The document as it is now; later changes do not affect it.

        A lone surrogate becomes U+FFFD, which has the same length in UTF-16 and in code points and
        can be encoded.
        """
        text = self.source
        if self._has_halves:
            text = LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)
            self._has_halves = text != self.source
        tree = self._trees.of(text)
        return Snapshot(self.uri, self.language_id or "", self.version or 0, text, tree)


def _has_halves(text: str) -> bool:
    return not text.isascii() and LONE_SURROGATES.search(text) is not None


def _join_halves(text: str, start: int, end: int, new_text: str) -> tuple[int, int, str]:
    """The edit, extended so that surrogates which it brings together become one character."""
    if start and SURROGATE_PAIR.match(text[start - 1] + (new_text or text[end : end + 1])):
        start, new_text = start - 1, text[start - 1] + new_text
    if SURROGATE_PAIR.match(new_text[-1:] + text[end : end + 1]):
        end, new_text = end + 1, new_text + text[end]
    joined = SURROGATE_PAIR.sub(
        lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), new_text
    )
    return start, end, joined


class Documents(Workspace):
    """The open documents, by URI."""

    def find(self, uri: str) -> Document | None:
        """An open document with one of ``SCHEMES``, or None."""
        document = self.text_documents.get(unquote(uri))
        if isinstance(document, Document) and uri_scheme(uri) in SCHEMES:
            return document
        return None

    def get_text_document(self, doc_uri: str) -> TextDocument:
        """A document; one that is not open is empty."""
        return self.text_documents.get(unquote(doc_uri)) or Document(doc_uri)

    def put_text_document(
        self, text_document: types.TextDocumentItem, notebook_uri: str | None = None
    ) -> None:
        """Open a document; one that is open under the same URI is closed first."""
        opened, uri = text_document, text_document.uri
        self.remove_text_document(uri)
        document = Document(uri, opened.text, opened.version, opened.language_id)
        self.text_documents[unquote(uri)] = document

    def remove_text_document(self, doc_uri: str) -> None:
        """Close a document."""
        document = self.text_documents.get(unquote(doc_uri))
        if isinstance(document, Document):
            document.closed.set()
        super().remove_text_document(doc_uri)

    def update_text_document(
        self,
        text_doc: types.VersionedTextDocumentIdentifier,
        change: types.TextDocumentContentChangeEvent,
    ) -> None:
        """Apply a change; one to a document that is not open is ignored."""
        if unquote(text_doc.uri) in self.text_documents:
            super().update_text_document(text_doc, change)
