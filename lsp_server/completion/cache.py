"""A cache of the model's answers: for a request at the same place, or after part was typed.

An answer is valid while the model's prompt would be the same: the same text before and after the
hole, and between them at most the beginning of the answer, typed by the user. Keeps the most recent
answers of the most recently used documents. When a document is closed its answers are dropped, and
a request that arrived before that cannot store one afterwards. Secret files never get here: the
gate refuses them.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from lsp_server.completion.context import Window

CLOSINGS: Final = 256
"""The number of closed documents whose closing times are kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote into a hole, before postprocessing."""

    text: str
    finished: bool  # it ends where its span ends; it was not cut off by max_tokens or the deadline
    confidence: float


@dataclass(frozen=True, slots=True)
class _Entry:
    length: int  # of the whole text before the hole
    window: Window
    answer: Answer

    def rest(self, before: str, suffix: str) -> Answer | None:
        """The rest of the answer for a cursor after ``before``, or None if not valid there."""
        typed = len(before) - self.length
        text = self.answer.text
        if not text.startswith(before[self.length :]):
            text = text.lstrip(" ")  # postprocessing may have removed its leading space
        holds = (
            typed >= 0
            and bool(text[typed:].strip())
            and self.window.suffix == suffix
            and text.startswith(before[self.length :])
            and before.endswith(self.window.prefix, 0, self.length)
        )
        return replace(self.answer, text=text[typed:]) if holds else None


class AnswerCache:
    """The most recently used answers of each of the most recently used documents."""

    def __init__(self, documents: int = 16, answers: int = 32) -> None:
        """Keep at most ``answers`` answers for each of at most ``documents`` documents."""
        self._documents, self._answers = documents, answers
        self._entries: OrderedDict[str, list[_Entry]] = OrderedDict()
        self._closed: OrderedDict[str, float] = OrderedDict()  # closing times, by time.perf_counter
        self._closed_before = -math.inf  # the latest closing time that was dropped
        self._lock = Lock()  # documents are closed on another thread than the worker's

    def find(self, uri: str, before: str, suffix: str, whole: bool = False) -> Answer | None:
        """The rest of the newest answer that is valid where ``before`` ends, or None.

        ``before`` is all the text before the cursor, ``suffix`` the window's; ``whole`` leaves out
        unfinished answers. The text is never blank.
        """
        with self._lock:
            entries = self._entries.get(uri, [])
            for index in reversed(range(len(entries))):
                answer = entries[index].rest(before, suffix)
                if answer is not None and (answer.finished or not whole):
                    entries.append(entries.pop(index))
                    self._entries.move_to_end(uri)
                    return answer
        return None

    def store(
        self, uri: str, before: str, window: Window, answer: Answer, arrived: float = math.inf
    ) -> None:
        """Keep an answer for the hole after ``before``.

        Does nothing if it is blank, or if the document was closed after the request ``arrived``.
        """
        if not answer.text.strip():
            return
        with self._lock:
            if self._was_closed(uri, arrived):
                return
            entries = self._entries.setdefault(uri, [])
            entries.append(_Entry(len(before), window, answer))
            del entries[: -self._answers]
            self._entries.move_to_end(uri)
            while len(self._entries) > self._documents:
                self._entries.popitem(last=False)

    def forget(self, uri: str) -> None:
        """Drop the answers of a document that is being closed."""
        with self._lock:
            self._entries.pop(uri, None)
            self._closed[uri] = time.perf_counter()
            self._closed.move_to_end(uri)
            if len(self._closed) > CLOSINGS:
                _, self._closed_before = self._closed.popitem(last=False)

    def was_closed(self, uri: str, since: float) -> bool:
        """Whether a document was closed at or after ``since``.

        Also true if that is not known any more, because its closing time may have been dropped.
        """
        with self._lock:
            return self._was_closed(uri, since)

    def _was_closed(self, uri: str, since: float) -> bool:
        return self._closed.get(uri, self._closed_before) >= since
