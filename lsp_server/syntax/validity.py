"""Whether a text may be put into a document: what it does to errors and to brackets.

Reports facts; what to do about them is for others to decide.
"""

from __future__ import annotations

from typing import Final

from lsp_server.syntax.lexer import GENERIC, PARTNER, scan
from lsp_server.syntax.tree import SyntaxTree

_REACH: Final = 50_000
"""Characters before the cursor in which open brackets are looked for."""


def error_delta(tree: SyntaxTree, start: int, end: int, new_text: str) -> int:
    """Syntax errors after ``new_text`` has taken the place of a range, less those before."""
    return tree.edit(start, end, new_text).errors() - tree.errors()


def closes_foreign(text_before: str, text: str, replaced: str) -> bool:
    """V1: whether a text closes brackets that neither it nor the text before it opened.

    ``replaced`` is what the text takes the place of: a bracket that it closed may be closed again.
    Strings and comments are told apart by what most languages agree on.
    """
    needed = _unopened(text)
    if not needed:
        return False
    closed = _unopened(replaced)
    if needed == closed[: len(needed)]:
        return False
    opened = _unclosed(text_before[-_REACH:])
    return any(not opened or PARTNER[opened.pop()] != bracket for bracket in needed)


def _unopened(text: str) -> list[str]:
    """The closing brackets of a text that close what stands before it."""
    opened: list[str] = []
    unopened: list[str] = []
    for mark in scan(text, GENERIC):
        if mark.kind == "open":
            opened.append(text[mark.start])
        elif mark.kind == "close":
            if opened:
                opened.pop()
            else:
                unopened.append(text[mark.start])
    return unopened


def _unclosed(text: str) -> list[str]:
    """The opening brackets of a text that are still open at its end, outermost first."""
    opened: list[str] = []
    for mark in scan(text, GENERIC):
        if mark.kind == "open":
            opened.append(text[mark.start])
        elif mark.kind == "close" and opened and PARTNER[opened[-1]] == text[mark.start]:
            opened.pop()
    return opened
