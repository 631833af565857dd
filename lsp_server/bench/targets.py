"""Targets beside the figures: what was aimed at, what was measured, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from lsp_server.bench.markdown import MarkdownTable


@dataclass(frozen=True, slots=True)
class Target:
    """The most that a figure may be; None was not measured in this run."""

    name: str
    limit: float
    measured: float | None
    unit: str = ""  # "ms", or "" for a ratio

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, or ``not measured``."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.limit else "missed"

    def show(self, value: float | None) -> str:
        """A value of this target with its unit."""
        if value is None:
            return "–"
        return f"{value:.1f} ms" if self.unit == "ms" else f"{value:.2f}×"


def table(targets: Iterable[Target]) -> MarkdownTable:
    """One row for each target."""
    rows = MarkdownTable("Targets", ("", "at most", "measured", ""))
    for target in targets:
        rows.add_row(
            *(target.name, target.show(target.limit), target.show(target.measured), target.verdict)
        )
    return rows


def to_json(targets: Iterable[Target]) -> list[dict[str, Any]]:
    """Each target with its verdict."""
    return [asdict(target) | {"verdict": target.verdict} for target in targets]
