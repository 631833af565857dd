"""A cache of the model's answers: for a request at the same place, or after part was typed.

An answer is valid while the model's prompt would be the same: the same text before and after the
hole, and between them at most the beginning of the answer, typed by the user. Answers that broke
off are kept with what is needed to go on with them. Keeps the most recent answers of the most
recently used documents. When a document is closed its answers are dropped, and a request that
arrived before that cannot store one afterwards. Secret files never get here: the gate refuses them.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

from lsp_server.completion.context import Window
from lsp_server.completion.question import Question
from lsp_server.diffusion.types import Hole

CLOSINGS: Final = 256
"""The number of closed documents whose closing times are kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote into a hole, before postprocessing.

    ``unfinished`` is the hole of a text that broke off, with the tokens written, so that decoding
    can go on; None: the text ends where its span ends. ``whole`` is the end of the part of such a
    text that a request was answered with, 0 if there was none.
    """

    text: str
    confidence: float
    unfinished: Hole | None = None
    whole: int = 0

    @property
    def finished(self) -> bool:
        """Whether the text ends where its span ends."""
        return self.unfinished is None


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer, the window of its hole, and the length of the whole text before the hole."""

    length: int
    window: Window
    answer: Answer

    @classmethod
    def of(cls, question: Question) -> Entry:
        """An entry for the answer to a question, with nothing written yet."""
        return cls(len(question.place.before), question.window, Answer("", 0.0))

    def typed(self, before: str, suffix: str) -> int | None:
        """How much of the answer stands at the end of ``before``; None if it is not valid there.

        Valid answers have more text than that, or will have once they are finished.
        """
        if self.window.suffix != suffix or not before.endswith(self.window.prefix, 0, self.length):
            return None
        if len(before) < self.length:
            return None
        count = count_typed(self.answer.text, before[self.length :])
        if count is None or (self.answer.finished and not self.answer.text[count:].strip()):
            return None
        return count


def count_typed(text: str, typed: str) -> int | None:
    """The characters of ``text`` that ``typed`` stands for, or None if it does not begin so.

    Its leading space may be left out, because postprocessing may have removed it.
    """
    if text.startswith(typed):
        return len(typed)
    bare = text.lstrip(" ")
    return len(text) - len(bare) + len(typed) if bare.startswith(typed) else None


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that is valid at a place, where the first ``typed`` characters stand already."""

    entry: Entry
    typed: int

    @property
    def answer(self) -> Answer:
        """The whole answer."""
        return self.entry.answer

    @property
    def rest(self) -> str:
        """What is left of the text, or of its whole part if it broke off; may be blank."""
        end = None if self.answer.finished else self.answer.whole
        return self.answer.text[self.typed : end]


class AnswerCache:
    """The most recently used answers of each of the most recently used documents."""

    def __init__(self, documents: int = 16, answers: int = 32) -> None:
        """Keep at most ``answers`` answers for each of at most ``documents`` documents."""
        self._documents, self._answers = documents, answers
        self._entries: OrderedDict[str, list[Entry]] = OrderedDict()
        self._closed: OrderedDict[str, float] = OrderedDict()  # closing times, by time.perf_counter
        self._closed_before = -math.inf  # the latest closing time that was dropped
        self._lock = Lock()  # documents are closed on another thread than the worker's

    def find(self, uri: str, before: str, suffix: str) -> Found | None:
        """The newest answer that is valid where ``before`` ends, or None.

        ``before`` is all the text before the cursor, ``suffix`` the window's.
        """
        with self._lock:
            entries = self._entries.get(uri, [])
            for index in reversed(range(len(entries))):
                typed = entries[index].typed(before, suffix)
                if typed is not None:
                    entry = entries.pop(index)
                    entries.append(entry)
                    self._entries.move_to_end(uri)
                    return Found(entry, typed)
        return None

    def store(self, uri: str, entry: Entry, arrived: float = math.inf) -> None:
        """Keep an answer; it replaces an earlier one to the same question.

        Does nothing if it is blank, or if the document was closed after the request ``arrived``.
        """
        if not entry.answer.text.strip():
            return
        with self._lock:
            if self._was_closed(uri, arrived):
                return
            others = self._entries.get(uri, [])
            asked = entry.length, entry.window
            kept = [each for each in others if (each.length, each.window) != asked]
            self._entries[uri] = [*kept, entry][-self._answers :]
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
