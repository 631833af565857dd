"""Judges the rules for spans and postprocessing by the true text, without a model.

A unit of a real file is deleted, and its true text is given to the completion service in place of
a model's, token by token. What the service then offers shows whether its rules end the text where
it ends, and whether the document is whole again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from lsp_server.bench.units import Unit, UnitFinder
from lsp_server.completion.gate import LastChange
from lsp_server.completion.place import trim_region
from lsp_server.completion.result import Completion
from lsp_server.completion.service import CompletionService
from lsp_server.diffusion.trace import Observer
from lsp_server.diffusion.types import Cost, Hole, Infill
from lsp_server.models.interfaces import Stop
from lsp_server.positions import line_start, line_stop
from lsp_server.settings import Settings
from lsp_server.syntax.enclosures import closes_only

Mode = Literal["line", "unit", "typed", "region"]
Verdict = Literal["exact", "part", "early", "past", "silent"]

MODES: Final[dict[Mode, str]] = {
    "line": "the rest of the line is deleted",
    "unit": "the unit is deleted",
    "typed": "the rest of the statement is deleted, and the editor has closed what was opened",
    "region": "the unit is selected and filled anew",
}
VERDICTS: Final[tuple[Verdict, ...]] = ("exact", "part", "early", "past", "silent")

_BEYOND: Final = 500  # characters behind the unit that the text goes on
_TOKENS: Final = re.compile(r"[ \t]?[^\W\d]+|\d|\s+|[^\w\s]+|.", re.DOTALL)
_PART_ENDS: Final = re.compile(r"[ \t]*(?:,|(?:(?:#|//|--).*)?\n)")
_SETTINGS: Final = Settings(max_tokens=1024, max_block_tokens=1024, timeout_ms=600_000)


class TrueText:
    """A decoder that writes a text that is known, up to where the hole's end rule stops it."""

    def __init__(self) -> None:
        self.text = ""
        self.kept = ""  # what was written last

    def infill(self, hole: Hole, stop: Stop, observe: Observer | None, cost: Cost) -> Infill:
        """Write the text."""
        written = ""
        for count, token in enumerate(_TOKENS.finditer(self.text), start=1):
            written = self.text[: token.end()]
            cost.tokens = count
            end = hole.end(written)
            if end is not None:
                self.kept = written[:end]
                return Infill(self.kept, "ended", 1.0, cost)
            if count == hole.max_tokens:
                break
        self.kept = written
        return Infill(written, "length", 1.0, cost)

    def prefill(self, hole: Hole, stop: Stop) -> int:
        """Nothing to prefill."""
        return 0

    def forget(self, document: str) -> None:
        """Nothing to forget."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one unit's true text. The completion's time is that of all but the model."""

    path: Path
    language: str
    mode: Mode
    unit: Unit
    head: str  # left of the unit on its line
    truth: str
    rest: str  # right of the cursor on its line, as the service saw it
    verdict: Verdict
    restored: bool
    breaks: bool  # the document has syntax errors that were not there
    completion: Completion


def judge(finder: UnitFinder, unit: Unit) -> Iterator[Judgement]:
    """The judgements of a unit in every mode that applies to it."""
    text = finder.text
    yield _judge(finder, unit, "unit", unit.end)
    stop = unit.start + len(text[unit.start : line_stop(text, unit.start)].rstrip())
    if stop > unit.start:
        yield _judge(finder, unit, "line", stop)
    if unit.closers:
        yield _judge(finder, unit, "typed", unit.whole, unit.closers)
    if unit.kind != "comment":
        start, end = trim_region(text, unit.start, unit.end)
        yield _judge(finder, replace(unit, start=start), "region", end)


def _judge(finder: UnitFinder, unit: Unit, mode: Mode, end: int, closers: str = "") -> Judgement:
    """Delete the text up to ``end`` and put ``closers`` in its place; a region stays."""
    text, start, decoder = finder.text, unit.start, TrueText()
    service, truth = CompletionService(decoder, _SETTINGS), text[start:end]
    tree = finder.tree if mode == "region" else finder.tree.edit(start, end, closers)
    snapshot = finder.file.snapshot(tree.text, "file:///unit", tree)
    rest = text[end : line_stop(text, end)].rstrip()
    if mode == "region" or not closes_only(rest, ()):
        rest = ""
    decoder.text = text[start : end + len(rest) + _BEYOND]
    if mode == "region":
        completion = service.infill(snapshot, start, end)
    elif mode == "typed":
        typed = LastChange("typed")
        completion = service.complete(snapshot, start, "automatic", last_change=typed)
    else:
        completion = service.complete(snapshot, start, "invoked")
    offered = "" if completion.text is None else completion.text
    filled = tree.text[: completion.start] + offered + tree.text[completion.end :]
    restored = completion.text is not None and _same(filled, text)
    least = len(truth.rstrip())
    if closers and truth.rstrip().endswith(closers):
        least -= len(closers)
    verdict = _verdict(decoder.kept, truth, least, len((truth + rest).rstrip()))
    return Judgement(
        path=finder.file.path,
        language=finder.tree.language.name if finder.tree.language else "",
        mode=mode,
        unit=unit,
        head=text[line_start(text, start) : start],
        truth=truth,
        rest=snapshot.text[start : line_stop(snapshot.text, start)],
        verdict="silent" if completion.text is None else verdict,
        restored=restored,
        breaks=completion.text is not None and not restored and _breaks(finder, filled),
        completion=completion,
    )


def _verdict(kept: str, truth: str, least: int, most: int) -> Verdict:
    """Where a text ended; between ``least`` and ``most`` characters are right."""
    size = len(kept.rstrip())
    if least <= size <= most:
        return "exact"
    if size > most:
        return "past"
    return "part" if size and _PART_ENDS.match(truth, size) else "early"


def _same(one: str, other: str) -> bool:
    """Whether two texts are equal, white space at the ends of lines aside."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).rstrip("\n")


def _breaks(finder: UnitFinder, filled: str) -> bool:
    """Whether a document has syntax errors; the original has none."""
    edited = finder.tree.edit(0, len(finder.text), filled)
    return edited.errors() > 0
