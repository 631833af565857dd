"""Locations on a command line: ``FILE:LINE:COL`` and ``FILE:L1:C1-L2:C2``.

Lines and columns count from 1, a column counts code points (a tab is one), lines end where the
language server protocol ends them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lsp_server.positions import LINE_END, line_stop

_LOCATION: Final = re.compile(r"(.+):([0-9]{1,9}):([0-9]{1,9})", re.DOTALL)
_REGION: Final = re.compile(r"(.+):([0-9]{1,9}):([0-9]{1,9})-([0-9]{1,9}):([0-9]{1,9})", re.DOTALL)


class LocationError(ValueError):
    """A location is malformed, or lies outside its file."""


@dataclass(frozen=True, slots=True)
class Location:
    """A line and a column, both from 1."""

    line: int
    column: int

    def offset(self, text: str) -> int:
        """The offset in code points; raises LocationError when ``text`` has no such place."""
        start = 0
        for number in range(1, self.line):
            ending = LINE_END.search(text, start)
            if ending is None:
                raise LocationError(f"there is no line {self.line}: the file has {number}")
            start = ending.end()
        length = line_stop(text, start) - start
        if self.column > length + 1:
            raise LocationError(
                f"there is no column {self.column} in line {self.line}: "
                f"it has {length} characters, so that {length + 1} is its end"
            )
        return start + self.column - 1


def parse_location(argument: str) -> tuple[Path, Location]:
    """Read ``FILE:LINE:COL``; raises LocationError."""
    found = _LOCATION.fullmatch(argument)
    if found is None:
        raise LocationError(f"{argument!r} is not FILE:LINE:COL")
    return Path(found[1]), _location(found[2], found[3])


def parse_region(argument: str) -> tuple[Path, Location, Location]:
    """Read ``FILE:L1:C1-L2:C2``, the end exclusive; raises LocationError."""
    found = _REGION.fullmatch(argument)
    if found is None:
        raise LocationError(f"{argument!r} is not FILE:L1:C1-L2:C2")
    start, end = _location(found[2], found[3]), _location(found[4], found[5])
    if (start.line, start.column) > (end.line, end.column):
        raise LocationError(f"the region ends before it starts: {argument!r}")
    return Path(found[1]), start, end


def _location(line: str, column: str) -> Location:
    location = Location(int(line), int(column))
    if not location.line or not location.column:
        raise LocationError("lines and columns count from 1")
    return location
