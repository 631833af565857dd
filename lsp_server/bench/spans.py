"""Measures how often the true text of real files restores them, by language and mode."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from lsp_server.bench import report
from lsp_server.bench.holes import RealFile
from lsp_server.bench.report import Progress, Spread
from lsp_server.bench.true_text import MODES, VERDICTS, Judgement, judge
from lsp_server.bench.units import UnitFinder
from lsp_server.source_files import SourceError

CAPTION: Final = (
    "in per cent of the places · part: ends with a line of several or a member of a list · "
    "restored: the document is whole again · breaks: it has new syntax errors · ms: all but the "
    "model\n"
) + " · ".join(f"{mode}: {meaning}" for mode, meaning in MODES.items())

_KEPT: Final = 40  # files whose nodes are kept, per language
_TRIES: Final = 30  # draws for every unit that is wanted


def measure(
    paths: Sequence[Path], units: int, seed: int, progress: Progress, size: int = 0
) -> list[Judgement]:
    """Judge so many units of every language, drawn from the files; fewer if they have too few.

    With a ``size``, copies of the file stand above and below, up to so many characters in all.
    Raises SourceError if there is nothing to judge.
    """
    by_language: defaultdict[str, list[RealFile]] = defaultdict(list)
    for path in paths:
        file = RealFile.open(path)
        if file.language is not None:
            by_language[file.language.name].append(file)
    judged: list[Judgement] = []
    for language, files in sorted(by_language.items()):
        progress(f"{language}: {len(files)} files")
        judged += _judge_language(files, units, random.Random(seed), size)
    if not judged:
        raise SourceError("there is no place to measure in these files")
    return judged


def _judge_language(
    files: Sequence[RealFile], units: int, chance: random.Random, size: int
) -> Iterator[Judgement]:
    finders: dict[Path, UnitFinder] = {}
    larger: dict[Path, UnitFinder] = {}
    seen: set[tuple[Path, int, int]] = set()
    for _ in range(units * _TRIES):
        if len(seen) >= units:
            return
        file = chance.choice(files)
        finder = finders.pop(file.path, None) or UnitFinder(file)
        finders[file.path] = finder
        if len(finders) > _KEPT:
            finders.pop(next(iter(finders)))
        unit = finder.draw(chance) if finder.usable else None
        if unit is None or (file.path, unit.start, unit.end) in seen:
            continue
        seen.add((file.path, unit.start, unit.end))
        copies = size // (2 * len(file.text) + 1)
        if copies:
            if file.path not in larger:
                larger = {file.path: finder.repeated(2 * copies + 1)}
            finder, unit = larger[file.path], unit.moved(copies * len(file.text))
        yield from judge(finder, unit)


def table(judged: Iterable[Judgement]) -> Table:
    """One row per language and mode."""
    rows = report.new_table(
        "the true text of deleted units, through the rules for spans and postprocessing",
        "",
        "places",
        *VERDICTS,
        "restored",
        "breaks",
        "ms p50 (p95)",
    )
    for (language, mode), group in _by_language_and_mode(judged).items():
        sums = _sums(group)
        ms = Spread.of(each.completion.ms.total for each in group)
        shares = (sums[name] for name in (*VERDICTS, "restored", "breaks"))
        rows.add_row(
            f"{language}, {mode}",
            str(len(group)),
            *(f"{100 * each / len(group):.1f}" for each in shares),
            f"{ms.median:.1f} ({ms.p95:.1f})",
        )
    return rows


def to_json(judged: Iterable[Judgement]) -> dict[str, Any]:
    """The sums by language and mode, and every place that was not restored."""
    judged = list(judged)
    groups = _by_language_and_mode(judged)
    return {
        "sums": {f"{language}, {mode}": _sums(group) for (language, mode), group in groups.items()},
        "not_restored": [_to_json(each) for each in judged if not each.restored],
    }


def restored(judged: Iterable[Judgement]) -> dict[tuple[str, str], float]:
    """The share of restored documents by language and mode."""
    groups = _by_language_and_mode(judged)
    return {key: sum(e.restored for e in group) / len(group) for key, group in groups.items()}


def _by_language_and_mode(judged: Iterable[Judgement]) -> dict[tuple[str, str], list[Judgement]]:
    groups: defaultdict[tuple[str, str], list[Judgement]] = defaultdict(list)
    for each in judged:
        groups[each.language, each.mode].append(each)
    languages = sorted({language for language, _ in groups})
    keys = [(language, mode) for language in languages for mode in MODES]
    return {key: groups[key] for key in keys if key in groups}


def _sums(group: Sequence[Judgement]) -> dict[str, Any]:
    verdicts = Counter(each.verdict for each in group)
    ms = Spread.of(each.completion.ms.total for each in group)
    return {
        "places": len(group),
        **{verdict: verdicts[verdict] for verdict in VERDICTS},
        "restored": sum(each.restored for each in group),
        "breaks": sum(each.breaks for each in group),
        "silent_reasons": dict(
            Counter(each.completion.reason for each in group if each.verdict == "silent")
        ),
        "ms_median": round(ms.median, 3),
        "ms_p95": round(ms.p95, 3),
    }


def _to_json(judged: Judgement) -> dict[str, Any]:
    completion, unit = judged.completion, judged.unit
    return {
        "file": str(judged.path),
        "language": judged.language,
        "mode": judged.mode,
        "unit": unit.kind,
        "start": unit.start,
        "end": unit.end,
        "closers": unit.closers if judged.mode == "typed" else "",
        "verdict": judged.verdict,
        "breaks": judged.breaks,
        "reason": completion.reason,
        "span": completion.span,
        "head": judged.head,
        "truth": judged.truth,
        "offered": completion.text,
        "replaces": completion.end - completion.start,
        "rest": judged.rest,
    }
