import io

import pytest
from rich.console import Console

from lsp_server.commands.canvas_view import CanvasView
from lsp_server.diffusion.types import Cell, Step


def draw(*steps: Step, colour: bool = False, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(
        file=out,
        force_terminal=colour,
        color_system="standard" if colour else None,
        width=100,
        legacy_windows=False,
    )
    view = CanvasView(console)
    for step in steps:
        view(step)
    out.flush()
    return raw.getvalue().decode(encoding)


STEP = Step(
    "verify",
    (
        Cell("return", "base", "committed"),
        Cell(" total", "denoiser", "committed"),
        Cell(" +", "file", "refused"),
        Cell("", "mask", "mask"),
    ),
    31.4,
)


def test_without_colours_brackets_tell_the_states_apart() -> None:
    shown = draw(STEP, Step("canvas", (Cell("x", "denoiser", "draft"),), 9))
    assert "verify" in shown
    assert "31.4 ms" in shown
    assert "return total[- +-]░" in shown
    assert "[x]" in shown


def test_drafts_of_one_source_share_their_brackets() -> None:
    drafts = [Cell(text, "denoiser", "draft") for text in ("a", "b")]
    cells = (*drafts, Cell("c", "file", "draft"), *[Cell("", "mask", "mask")] * 2)
    assert "[ab][c]░░" in draw(Step("canvas", cells, 9))


def test_colours_name_the_source_and_refused_drafts_are_struck_through() -> None:
    shown = draw(STEP, colour=True)
    assert "[-" not in shown
    denoiser = shown[shown.rindex("\x1b", 0, shown.index(" total")) : shown.index(" total")]
    refused = shown[shown.rindex("\x1b", 0, shown.index(" +")) : shown.index(" +")]
    assert "32" in denoiser
    assert {"9", "36"} <= set(refused.strip("\x1b[m").split(";"))


def test_a_step_without_cells_shows_a_mask() -> None:
    assert "░" in draw(Step("prefill", (), 200))


def test_a_terminal_without_unicode_gets_other_signs() -> None:
    drafts = (Cell("a\n", "denoiser", "draft"), Cell("", "mask", "mask"))
    shown = draw(Step("canvas", drafts, 9), encoding="ascii")
    assert "[a\\n]_" in shown


def test_markup_in_code_is_text() -> None:
    assert "items[red]" in draw(Step("verify", (Cell("items[red]", "base", "committed"),), 1))


def test_two_lines_are_drawn_whole() -> None:
    shown = draw(Step("verify", (Cell("first\nsecond", "base", "committed"),), 1))
    assert "first" in shown
    assert "second" in shown
    assert "more above" not in shown


@pytest.mark.parametrize(("lines", "hidden"), [(3, 1), (12, 10)])
def test_of_a_long_text_the_last_two_lines_are_drawn(lines: int, hidden: int) -> None:
    text = "\n".join(f"<{number}>" for number in range(lines))
    shown = draw(Step("verify", (Cell(text, "base", "committed"),), 1))
    assert f"{hidden} more above" in shown
    drawn = [number for number in range(lines) if f"<{number}>" in shown]
    assert drawn == [lines - 2, lines - 1]


def test_control_characters_do_not_reach_the_terminal() -> None:
    shown = draw(Step("verify", (Cell("a\x1b[2Jb\x07\r\n\tc", "base", "committed"),), 1))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "a[2Jb" in shown


def test_steps_are_numbered() -> None:
    shown = draw(STEP, STEP).splitlines()
    assert [line.split()[0] for line in shown] == ["1", "2"]
