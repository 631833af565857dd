r"""Postprocessing of what the model wrote: a sequence of small pure rules.

A rule takes a candidate and returns it, changed or unchanged, or None if it must not be shown. A
candidate left with nothing but white space is dropped, too. ``COMPLETION`` and ``REGION`` list the
rules in order, each with the reason reported for what it drops. Texts have ``\n`` line breaks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from lsp_server.completion.balance import (
    close_block,
    close_opened,
    cut_closed_again,
    drop_foreign_closers,
)
from lsp_server.completion.candidate import Candidate
from lsp_server.completion.indentation import indent_like
from lsp_server.completion.overlap import (
    cut_comment,
    cut_foreign_lines,
    cut_head_overlap,
    cut_joined_lines,
    cut_repeated_lines,
    cut_tail_overlap,
    drop_line_above,
    drop_repeated_lines,
    take_rest,
)
from lsp_server.completion.place import NEAR
from lsp_server.completion.secrets import repeats_secret
from lsp_server.completion.validity import fit_syntax
from lsp_server.syntax.lexer import scan

Rule = Callable[[Candidate], Candidate | None]
Rules = tuple[tuple[str, Rule], ...]


def drop_secrets(candidate: Candidate) -> Candidate | None:
    """Drop a text with a key, token or password in it, or with what the model saw in its place."""
    return None if repeats_secret(candidate.place.line, candidate.text) else candidate


def cut_trailing_space(candidate: Candidate) -> Candidate:
    """Remove trailing blank lines, and trailing white space if nothing follows on the line."""
    text = re.sub(r"\s*\n\s*\Z", "", candidate.text)
    return replace(candidate, text=text if candidate.place.rest.strip() else text.rstrip())


def match_indentation(candidate: Candidate) -> Candidate:
    """Indent with tabs or spaces, as the document does."""
    place = candidate.place
    around = "\t" if place.lexical.tabs else place.before[-NEAR:] + "\n" + place.below[:NEAR]
    text = candidate.text
    fixed = {
        text.count("\n", 0, at.end())
        for mark in scan(text, place.lexical, place.nesting, place.code)
        if mark.kind == "string"
        for at in re.finditer("\n", text[: mark.end])
        if at.start() >= mark.start
    }
    return replace(candidate, text=indent_like(around, place.line, text, fixed))


def cut_inner_space(candidate: Candidate) -> Candidate:
    """Remove spaces next to the brackets around the text, unless the document has them there."""
    place, opener = candidate.place, candidate.place.line[-1:]
    if (
        candidate.prose
        or place.inside
        or opener not in ("(", "[")
        or not candidate.text.startswith(" ")
        or candidate.text.lstrip().startswith(place.lexical.comment or "\n")
    ):
        return candidate
    around = place.before[-NEAR:] + "\n" + place.below[:NEAR]
    if re.search(rf"{re.escape(opener)} +\S", around):
        return candidate
    text = candidate.text.lstrip(" ")
    closers = place.match(text).unopened
    end = closers[0].offset if closers else 0
    return replace(candidate, text=text[:end].rstrip(" ") + text[end:])


def drop_unchanged(candidate: Candidate) -> Candidate | None:
    """Drop a text that is the same as what it replaces."""
    return None if candidate.text == candidate.replaced else candidate


COMPLETION: Final[Rules] = (
    ("repeats-secret", drop_secrets),
    ("foreign-line", cut_foreign_lines),
    ("blank", cut_trailing_space),
    ("blank", match_indentation),
    ("blank", cut_inner_space),
    ("rest-of-line", take_rest),
    ("already-there", cut_tail_overlap),
    ("foreign-line", cut_comment),
    ("repeats-lines-below", drop_repeated_lines),
    ("repeats-line-above", drop_line_above),
    ("already-there", cut_repeated_lines),
    ("already-there", cut_joined_lines),
    ("bracket-closed-already", cut_closed_again),
    ("unfinished", close_opened),
    ("blank", close_block),
    ("bracket-not-open", drop_foreign_closers),
    ("unchanged", drop_unchanged),
    ("breaks-syntax", fit_syntax),
)
REGION: Final[Rules] = (
    ("repeats-secret", drop_secrets),
    ("foreign-line", cut_foreign_lines),
    ("blank", cut_trailing_space),
    ("blank", match_indentation),
    ("blank", cut_inner_space),
    ("already-there", cut_head_overlap),
    ("already-there", cut_tail_overlap),
    ("foreign-line", cut_comment),
    ("already-there", cut_repeated_lines),
    ("bracket-closed-already", cut_closed_again),
    ("unfinished", close_opened),
    ("bracket-not-open", drop_foreign_closers),
    ("breaks-syntax", fit_syntax),
)


def postprocess(candidate: Candidate, rules: Rules = COMPLETION) -> Candidate | str:
    """Apply the rules; the resulting candidate, or the reason (see ``REASONS``) for none."""
    if not candidate.text.strip():
        return "blank"
    for reason, rule in rules:
        changed = rule(candidate)
        if changed is None or not changed.text.strip():
            return reason
        candidate = changed
    return candidate
