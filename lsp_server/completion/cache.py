"""Answers that are still good: asked again at the same place, or typed through.

An answer holds as long as the model would be shown the same text: the same before it, the same
after it, and in between nothing but the answer's own beginning, typed by the user. Keeps the last
answers of the last documents. The gate keeps secret files away from here.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

from lsp_server.completion.context import Window


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

    def store(self, uri: str, before: str, window: Window, answer: Answer) -> None:
        """Keep an answer for the hole after ``before``; a blank one is not worth keeping."""
        if not answer.text.strip():
            return
        with self._lock:
            entries = self._entries.setdefault(uri, [])
            entries.append(_Entry(len(before), window, answer))
            del entries[: -self._answers]
            self._entries.move_to_end(uri)
            while len(self._entries) > self._documents:
                self._entries.popitem(last=False)

    def forget(self, uri: str) -> None:
        """Drop a document that was closed."""
        with self._lock:
            self._entries.pop(uri, None)
