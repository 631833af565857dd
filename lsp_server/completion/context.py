r"""Which text around a place goes to the model.

The prompt is suffix first, so that typing only appends to it and the cached keys and values of
everything before stay good. That asks two things of a window:

*The prefix starts where it started a keystroke ago.* It starts at a line, and moves on in chunks of
a quarter of the budget: between two moves, its start does not depend on how much was typed.

*The suffix stays put.* It starts at the next line, and the window says so. What stands right of the
cursor is left out when it is nothing but closing marks, which come and go with every bracket typed;
the answer types it again, and the item's range covers it. A rest of line with more in it goes in,
in full.

The budget is in tokens, of which text has about one in 3.2 bytes of UTF-8. Tabs, form feeds and
other white space are kept; a line longer than the budget is cut inside. Surrogates that belong to
no pair are shown as ``?``. Knows nothing of tokenizers, models or trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lsp_server.settings import Settings

BYTES_PER_TOKEN: Final = 3.2
CHUNKS: Final = 4
"""The prefix moves on by its budget over this many."""


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
    return Window(
        prefix_window(before, settings.prefix_tokens),
        suffix_window(after[ends_line:], settings.suffix_tokens),
        ends_line,
    )


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
