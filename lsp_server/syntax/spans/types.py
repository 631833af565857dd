"""What a span is: the kind of text that is being written at a place, and where it must end."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from lsp_server.syntax.spans.forced_text import ForcedText
from lsp_server.syntax.spans.stop_rules import StopRule

Rule = Literal["tree", "indentation", "line"]

_MOST_SPACE: Final = 80
"""Characters of white space that a text may begin with: a model that writes more is lost."""

_MOST_BREAKS: Final = 4
"""Line breaks that it may begin with."""


class Kind(StrEnum):
    """What is being written."""

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
    closers: str  # closing quote and brackets that the text has to end with, innermost first
    rule: Rule  # what it was found by
    stop_rule: StopRule = field(repr=False)
    forced_text: ForcedText | None = field(default=None, repr=False)

    def end(self, written: str) -> int | None:
        """Where the text is complete, given all that has been written into the hole so far.

        An offset into ``written``, from which on everything is dropped, or None to go on. The line
        break that ends a line is not part of the text.
        """
        blank = len(written) - len(written.lstrip())
        if blank > _MOST_SPACE or written[:blank].count("\n") > _MOST_BREAKS:
            return 0
        return self.stop_rule.end(written)

    def expect(self, written: str) -> str:
        """The text that the syntax forces next, or ""."""
        return self.forced_text.after(written) if self.forced_text else ""
