"""How long a running request waits for more of its text."""

from __future__ import annotations

import time
from typing import Final

from lsp_server.completion.cache import count_typed
from lsp_server.completion.question import Question
from lsp_server.completion.result import Meter
from lsp_server.completion.whole_part import cut_back

FIRST_S: Final = 1.0
"""Seconds after which an automatic request is answered with the first whole part of its text."""


class Patience:
    """Decides between two forwards whether to go on with the answer to a question.

    Not where the user, typing on, has written something else; and not where an automatic request
    has waited ``FIRST_S`` and a part of the text is whole.
    """

    def __init__(self, question: Question, meter: Meter, typed: str) -> None:
        """``typed`` is what stood in the hole already when the request arrived."""
        self._question, self._meter, self._typed = question, meter, typed
        self._ends = meter.arrived + FIRST_S if meter.limited else None
        self._lines = 0  # of the text when its whole part was last looked for

    def go_on(self, text: str) -> bool:
        """Whether more than ``text``, written so far, is wanted."""
        return self.agrees(text) and not (self._is_over() and self._has_whole_part(text))

    def agrees(self, text: str) -> bool:
        """Whether ``text`` is what the user has typed since, as far as both go."""
        typed = self._typed + self._meter.typed()
        if len(text) < len(typed):
            return count_typed(typed, text) is not None or text.isspace()
        return count_typed(text, typed) is not None

    def find_whole_part(self, text: str) -> int:
        """The end of the part of ``text`` that can be offered, 0 if there is none."""
        if not self.agrees(text):
            return 0
        start = len(self._typed)
        part = cut_back(text[start:], self._question)
        return start + len(part) if part.strip() else 0

    def _is_over(self) -> bool:
        return self._ends is not None and time.perf_counter() > self._ends

    def _has_whole_part(self, text: str) -> bool:
        lines = text.count("\n")
        if lines == self._lines:
            return False
        self._lines = lines
        return self.find_whole_part(text) > 0
