from pathlib import Path

import pytest

from lsp_server.commands.locations import (
    Location,
    LocationError,
    parse_location,
    parse_region,
)


@pytest.mark.parametrize(
    ("argument", "path", "location"),
    [
        ("a.py:1:1", "a.py", Location(1, 1)),
        ("dir/a:b.py:12:34", "dir/a:b.py", Location(12, 34)),
        ("C:\\x.py:2:3", "C:\\x.py", Location(2, 3)),
        ("with space.py:1:2", "with space.py", Location(1, 2)),
        ("1:2:3:4", "1:2", Location(3, 4)),
    ],
)
def test_locations(argument: str, path: str, location: Location) -> None:
    assert parse_location(argument) == (Path(path), location)


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "a.py",
        "a.py:1",
        ":1:1",
        "a.py:x:1",
        "a.py:-1:1",
        "a.py:1:1:",
        "a.py:1:9999999999",
        "a:٣:1",
    ],
)
def test_what_is_no_location(argument: str) -> None:
    with pytest.raises(LocationError, match="FILE:LINE:COL"):
        parse_location(argument)


@pytest.mark.parametrize("argument", ["a.py:0:1", "a.py:1:0"])
def test_lines_and_columns_count_from_one(argument: str) -> None:
    with pytest.raises(LocationError, match="count from 1"):
        parse_location(argument)


def test_regions() -> None:
    assert parse_region("a-b.py:1:2-3:4") == (Path("a-b.py"), Location(1, 2), Location(3, 4))
    for backwards in ("a.py:2:1-1:9", "a.py:1:3-1:2"):
        with pytest.raises(LocationError, match="before it starts"):
            parse_region(backwards)
    with pytest.raises(LocationError, match="FILE:L1:C1-L2:C2"):
        parse_region("a.py:1:1")


@pytest.mark.parametrize(
    ("text", "line", "column", "offset"),
    [
        ("", 1, 1, 0),
        ("ab", 1, 3, 2),
        ("ab\ncd", 2, 1, 3),
        ("ab\r\ncd", 2, 1, 4),
        ("ab\r\ncd", 1, 3, 2),
        ("ab\rcd", 2, 2, 4),
        ("ab\n", 2, 1, 3),
        ("\tx", 1, 2, 1),
        ("😀x", 1, 2, 1),
        ("a\x0cb\u2028c", 1, 6, 5),
    ],
)
def test_offsets_count_code_points(text: str, line: int, column: int, offset: int) -> None:
    assert Location(line, column).offset(text) == offset


@pytest.mark.parametrize(("line", "column"), [(3, 1), (1, 4), (2, 2)])
def test_locations_outside_a_file(line: int, column: int) -> None:
    with pytest.raises(LocationError, match="there is no"):
        Location(line, column).offset("ab\n")
