"""The type of a span: the kind of text being written at a place, and where it must end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from lsp_server.syntax.languages import LexicalRules
from lsp_server.syntax.lexer import Nesting, innermost, nesting_after
from lsp_server.syntax.spans.forced_text import ForcedText
from lsp_server.syntax.spans.stop_rules import StopRule

Rule = Literal["tree", "indentation", "line"]

_MOST_SPACE: Final = 80
"""The most white space, in characters, that a text may begin with: more is useless output."""

_MOST_BREAKS: Final = 4
"""The most line breaks that a text may begin with."""


_FENCE: Final = re.compile(r"^[ \t]*```", re.MULTILINE)


class Kind(StrEnum):
    """The kind of text being written."""

    REST_OF_LINE = "rest_of_line"
    ARGUMENT_LIST = "argument_list"
    EXPRESSION = "expression"
    STATEMENT = "statement"
    BLOCK = "block"
    STRING = "string"
    COMMENT = "comment"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Span:
    """What is being written at a place, and where it must end."""

    kind: Kind
    multiline: bool
    closers: str  # closing quote and brackets that the text must end with, innermost first
    rule: Rule  # finds the end of the text
    stop_rule: StopRule = field(repr=False)
    lexical: LexicalRules = field(repr=False)
    nesting: Nesting = field(repr=False)  # strings, comments and code in strings where it begins
    forced_text: ForcedText | None = field(default=None, repr=False)

    def end(self, written: str) -> int | None:
        """The offset in ``written``, the text so far, at which it is complete; None to go on.

        Everything from there on is dropped. The line break that ends a line is not part of the
        text.
        """
        blank = len(written) - len(written.lstrip())
        if blank > _MOST_SPACE or written[:blank].count("\n") > _MOST_BREAKS:
            return 0
        end, fence = self.stop_rule.end(written), self._find_fence(written)
        return end if fence is None or (end is not None and end < fence) else fence

    def _find_fence(self, written: str) -> int | None:
        """Where code ends before a fence, with which a model ends code in Markdown."""
        found = _FENCE.search(written) if not self.lexical.prose and "```" in written else None
        if not found or innermost(
            nesting_after(written[: found.start()], self.lexical, self.nesting)
        ):
            return None
        return len(written[: found.start()].rstrip())

    def expect(self, written: str) -> str:
        """The text that the syntax forces next, or ""."""
        return self.forced_text.after(written) if self.forced_text else ""
