r"""The window: which text before and after a place the model is shown.

The suffix comes first in the prompt, so that typing only appends to the prompt and the KV cache of
everything before stays valid. For that, two things must not change from one keystroke to the next:

*The start of the prefix.* It is the start of a line, and moves in chunks of a quarter of the
budget, so that it stays the same until a whole chunk has been typed.

*The suffix.* It starts at the next line (``ends_line`` says so). The rest of the cursor's line is
left out if it holds only closing brackets, quotes and the like, which change with every bracket
typed; the answer repeats them, and the item's range replaces them. Any other rest of line is
included.

Budgets are in tokens, counted as 3.2 bytes of UTF-8 each. White space is kept; a line longer than
the budget is cut. Lone surrogates become ``?``. Keys, tokens and passwords are masked, each as soon
as it is complete; the gate refuses places inside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from lsp_server.completion.secrets import BLOCK, mask_secrets
from lsp_server.settings import Settings

BYTES_PER_TOKEN: Final = 3.2
BRIEF: Final = 4
"""A brief window has the budgets divided by this."""
BRIEF_LEAST: Final = 32
"""Tokens of a brief window's prefix."""
CHUNKS: Final = 4
"""The start of the prefix moves by the budget divided by this."""


@dataclass(frozen=True, slots=True)
class Window:
    r"""The text before and after a hole, with ``\n`` line breaks.

    ``ends_line``: the line ends with the hole; its line break is not in the suffix.
    """

    prefix: str
    suffix: str
    ends_line: bool = False


def choose_window(before: str, after: str, settings: Settings) -> Window:
    """The window between two texts, within the budgets of the settings."""
    ends_line = after.startswith("\n")
    after = after[ends_line:]
    prefix = prefix_window(before, settings.prefix_tokens)
    suffix = suffix_window(after, settings.suffix_tokens)
    first, stop = len(before) - len(prefix), len(suffix)
    return Window(
        mask_secrets(prefix, before=before[max(0, first - BLOCK) : first]),
        mask_secrets(suffix, after=after[stop : stop + BLOCK]),
        ends_line,
    )


def choose_brief_window(before: str, after: str, settings: Settings) -> Window:
    """The window for an answer that must not wait: a quarter of both budgets."""
    prefix_tokens = max(settings.prefix_tokens // BRIEF, BRIEF_LEAST)
    brief = replace(
        settings, prefix_tokens=prefix_tokens, suffix_tokens=settings.suffix_tokens // BRIEF
    )
    return choose_window(before, after, brief)


def prefix_window(before: str, tokens: int) -> str:
    """The end of a text, from a line start that moves in chunks."""
    budget = int(tokens * BYTES_PER_TOKEN)
    raw = before.encode("utf-8", "replace")
    over = len(raw) - budget
    if over <= 0:
        return raw.decode()
    chunk = max(budget // CHUNKS, 1)
    cut = -(-over // chunk) * chunk
    line_break = raw.find(b"\n", cut - 1, cut - 1 + chunk)
    start = cut if line_break < 0 else line_break + 1
    return raw[start:].decode("utf-8", "ignore")


def suffix_window(after: str, tokens: int) -> str:
    """The beginning of a text, up to the end of its last line that fits."""
    budget = int(tokens * BYTES_PER_TOKEN)
    raw = after[: budget + 1].encode("utf-8", "replace")
    if len(raw) <= budget:
        return raw.decode()
    stop = raw.rfind(b"\n", 0, budget) + 1
    return raw[: stop or budget].decode("utf-8", "ignore")
