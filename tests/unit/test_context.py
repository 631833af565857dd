"""Windows hold still while someone types; places and regions are cut where they should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.context import (
    BYTES_PER_TOKEN,
    CHUNKS,
    choose_brief_window,
    choose_window,
    prefix_window,
    suffix_window,
)
from lsp_server.completion.place import Place, line_break, trim_region
from lsp_server.settings import Settings
from lsp_server.syntax.languages import language_for
from lsp_server.syntax.tree import SyntaxTree

texts = st.text(alphabet=st.sampled_from("ab \t\n\f\u2028é漢🎉"), max_size=400)
tokens = st.integers(min_value=32, max_value=64)


@given(texts, tokens)
def test_the_prefix_is_the_end_of_the_text_and_fits(text: str, budget: int) -> None:
    window = prefix_window(text, budget)
    assert text.endswith(window)
    assert len(window.encode()) <= budget * BYTES_PER_TOKEN
    assert window == text or len(window.encode()) >= budget * BYTES_PER_TOKEN / 2 - 6


@given(texts, texts, tokens)
def test_typing_moves_the_start_of_the_prefix_in_chunks(text: str, typed: str, budget: int) -> None:
    starts = {
        len(text) + count - len(prefix_window(text + typed[:count], budget))
        for count in range(len(typed) + 1)
    }
    chunk = int(budget * BYTES_PER_TOKEN) // CHUNKS
    assert len(starts) <= len(typed.encode()) // chunk + 2


@given(texts, tokens)
def test_the_prefix_starts_at_a_line_unless_the_line_is_huge(text: str, budget: int) -> None:
    window = prefix_window(text, budget)
    before = text[: len(text) - len(window)]
    chunk = int(budget * BYTES_PER_TOKEN) // CHUNKS
    assert not before or before.endswith("\n") or "\n" not in window[: chunk // 4 - 1]


@given(texts, st.integers(min_value=0, max_value=64))
def test_the_suffix_is_the_beginning_of_the_text_and_fits(text: str, budget: int) -> None:
    window = suffix_window(text, budget)
    assert text.startswith(window)
    assert len(window.encode()) <= budget * BYTES_PER_TOKEN
    assert window == text or window.endswith("\n") or "\n" not in window


def windows(typing: list[str], after: str, language: str | None = None) -> set[str]:
    """The suffixes that the model sees in the course of typing, with auto-closed brackets."""
    suffixes = set()
    for before, rest in map(split, typing):
        tree = SyntaxTree.parse(before + rest + after, language_for(language, None))
        place = Place.of(tree, len(before), len(before))
        suffixes.add(choose_window(place.before, place.after_cursor, Settings()).suffix)
    return suffixes


def split(marked: str) -> tuple[str, str]:
    before, after = marked.split("|")
    return before, after


def test_the_suffix_stays_put_while_a_line_is_typed() -> None:
    typing = ["|", "p|", "print|", "print(|)", 'print("|")', 'print("a|")', 'print("a"|)', "p()|"]
    assert windows(typing, "\nnext\n") == {"next\n"}
    assert windows(typing, "\r\nnext\r\n") == {"next\n"}
    assert windows(typing, "") == {""}


def test_a_rest_with_more_than_closers_is_shown_in_full() -> None:
    assert windows(["f(a|, b)", "f(ab|, b)"], "\nnext") == {", b)\nnext"}
    assert windows(["f|()", "x = |[]"], "") == {"()", "[]"}
    assert windows(['f(|"")'], "") == {'"")'}


def test_the_rest_of_a_string_is_hidden_only_inside_it() -> None:
    assert windows(['f("a|")'], "\nz") == {"z"}
    assert windows(['f(a|"")'], "\nz") == {'"")\nz'}
    assert windows(['    """a|"""'], "\nz") == {"z"}
    assert windows(['def f():\n    """a\n    b|"""'], "\nz", "python") == {"z"}


@pytest.mark.parametrize(
    ("after", "suffix", "ends_line"),
    [("\nb", "b", True), ("\n", "", True), ("", "", False), (" + c\nb", " + c\nb", False)],
)
def test_the_line_break_behind_a_hole_is_told_apart(
    after: str, suffix: str, ends_line: bool
) -> None:
    window = choose_window("a", after, Settings())
    assert (window.suffix, window.ends_line) == (suffix, ends_line)


def test_no_suffix_for_a_budget_of_none() -> None:
    assert choose_window("a", "b\nc", Settings(suffix_tokens=0)).suffix == ""


def test_white_space_reaches_the_model_and_lone_surrogates_do_not() -> None:
    window = choose_window("\tx\f\u2028 \ud83c", "\ud83d\n", Settings())
    assert (window.prefix, window.suffix) == ("\tx\f\u2028 ?", "?\n")


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("", 0, "\n"),
        ("a", 1, "\n"),
        ("a\r\nb\nc", 1, "\r\n"),
        ("a\r\nb\nc", 4, "\r\n"),
        ("a\r\nb\nc", 6, "\n"),
        ("a\rb", 3, "\r"),
        ("\nb\r\n", 2, "\n"),
    ],
)
def test_the_nearest_line_break_above_is_the_document_s(
    text: str, offset: int, expected: str
) -> None:
    assert line_break(text, offset) == expected


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("a = «b»\n", "a = «b»\n"),
        ("a = «b »+ c\n", "a = «b »+ c\n"),
        ("«    a = b\n»c\n", "    «a = b»\nc\n"),
        ("  «  a = b\n\n\n»c\n", "    «a = b»\n\n\nc\n"),
        ("if x:«\n    a\n    b»\n", "if x:\n    «a\n    b»\n"),
        ("«\n\n\ta\r\n»b", "\n\n\t«a»\r\nb"),
        ("x«  »y", "x  «»y"),
        ("«    \n\n»y", "    «»\n\ny"),
        ("«»", "«»"),
        ("a\r«\nb»", "a\r\n«b»"),
    ],
)
def test_regions_are_trimmed_to_whole_lines(marked: str, expected: str) -> None:
    start = marked.index("«")
    end = marked.index("»") - 1
    text = marked.replace("«", "").replace("»", "")
    for pair in ((start, end), (end, start)):
        start_, end_ = trim_region(text, *pair)
        assert f"{text[:start_]}«{text[start_:end_]}»{text[end_:]}" == expected


@given(texts, st.integers(-5, 450), st.integers(-5, 450))
def test_any_region_is_trimmed_to_a_part_of_the_text(text: str, start: int, end: int) -> None:
    start_, end_ = trim_region(text, start, end)
    assert 0 <= start_ <= end_ <= len(text)
    assert not text[start_:end_] or text[start_:end_].strip()


@given(texts, texts)
def test_a_brief_window_is_a_part_of_the_whole_one(before: str, after: str) -> None:
    settings = Settings(prefix_tokens=128, suffix_tokens=32)
    whole = choose_window(before, after, settings)
    brief = choose_brief_window(before, after, settings)
    assert whole.prefix.endswith(brief.prefix)
    assert whole.suffix.startswith(brief.suffix)
    assert whole.ends_line == brief.ends_line
    assert len(brief.prefix.encode()) <= 32 * BYTES_PER_TOKEN
