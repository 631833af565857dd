"""Answers that are still good: asked again at the same place, or typed through.

An answer holds as long as the model would be shown the same text: the same before it, the same
after it, and in between nothing but the answer's own beginning, typed by the user. Keeps the last
answers of the last documents; of one that was closed nothing is kept, nor stored afterwards for a
request that came before. The gate keeps secret files away from here.
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
"""So many documents are remembered to have been closed, and when."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote into a hole, before polishing."""

    text: str
    finished: bool  # the text came to its end, rather than to the end of the masks or of the time
    confidence: float


@dataclass(frozen=True, slots=True)
class _Entry:
    length: int  # of the whole text before the hole
    window: Window
    answer: Answer

    def rest(self, before: str, suffix: str) -> Answer | None:
        """What is left of the answer for a cursor behind ``before``, if it holds there."""
        typed = len(before) - self.length
        text = self.answer.text
        if not text.startswith(before[self.length :]):
            text = text.lstrip(" ")  # it may have been shown without
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
        self._closed: OrderedDict[str, float] = OrderedDict()  # when, by time.perf_counter
        self._closed_before = -math.inf  # when any other document may have been closed last
        self._lock = Lock()  # documents are closed on another thread than the worker's

    def find(self, uri: str, before: str, suffix: str, whole: bool = False) -> Answer | None:
        """The rest of an answer that holds where ``before`` ends, newest first.

        ``before`` is all the text before the cursor, ``suffix`` the window's; ``whole`` leaves out
        answers that broke off. Never a blank text.
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
        """Keep an answer for the hole after ``before``; a blank one is not worth keeping.

        Nor is one for a document that was closed after the request ``arrived``.
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
        """Drop a document that is closed now."""
        with self._lock:
            self._entries.pop(uri, None)
            self._closed[uri] = time.perf_counter()
            self._closed.move_to_end(uri)
            if len(self._closed) > CLOSINGS:
                _, self._closed_before = self._closed.popitem(last=False)

    def was_closed(self, uri: str, since: float) -> bool:
        """Whether a document was closed after a moment; of long ago, whether it may have been."""
        with self._lock:
            return self._was_closed(uri, since)

    def _was_closed(self, uri: str, since: float) -> bool:
        return self._closed.get(uri, self._closed_before) >= since
