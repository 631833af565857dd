"""Well-nested code of every language, as tokens: brackets in its strings, comments and regexes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from hypothesis import strategies as st

from lsp_server.syntax.languages import LexicalRules, language_for

Tokens = tuple[str, ...]

NAMES: Final = st.sampled_from(["a", "total", "f_1", "don", "xs"])
REMARKS: Final = st.sampled_from(
    ["option a) is the default", ":-(", "it's [", "} else {", "(", "]"]
)
STRINGS: Final = st.sampled_from([")", "(", "a] b", "{ ", "}", "x", "it is (", "%s)"])
SCRIPTS: Final = frozenset({"javascript", "typescript", "tsx"})


def lexical(name: str) -> LexicalRules:
    """The lexical rules of a language that has a folder."""
    language = language_for(name, None) or language_for(None, f"x.{name}")
    assert language is not None
    return language.lexical


@cache
def documents(name: str) -> st.SearchStrategy[Tokens]:
    """Documents of a language, cut into tokens: between any two, one is outside of text."""
    value = values(name)
    if name == "json":
        return value
    return st.lists(statements(name, value), min_size=1, max_size=4).map(join)


def join(pieces: Sequence[Tokens]) -> Tokens:
    """Tokens in a row."""
    return tuple(token for piece in pieces for token in piece)


def values(name: str) -> st.SearchStrategy[Tokens]:
    """Expressions."""
    quotes = lexical(name).strings + lexical(name).long_strings
    leaves: list[st.SearchStrategy[Tokens]] = [
        st.builds(lambda quote, text: (quote + text + quote,), st.sampled_from(quotes), STRINGS)
    ]
    if name != "json":
        leaves.append(NAMES.map(lambda word: (word,)))
    if name in SCRIPTS:
        leaves.append(st.sampled_from([("/[)\\]]/g",), ("/a\\(b/",), ("`${f(1)}) {`",)]))
        leaves.append(st.just(("total", " / ", "2")))
    if name == "tsx":
        leaves.append(st.just(("<p>", "don't", "</p>")))
    return st.recursive(st.one_of(leaves), lambda value: brackets(name, value), max_leaves=8)


def brackets(name: str, value: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    """Calls, lists and objects of expressions."""
    gap = st.one_of(st.just(""), st.just("\n    "), remarks(name))
    members = st.lists(st.tuples(gap, value), max_size=3)
    key = '"k": ' if name == "json" else "k: "

    def enclose(opener: Tokens, before: str, closer: str) -> st.SearchStrategy[Tokens]:
        def write(items: list[tuple[str, Tokens]], last: str) -> Tokens:
            inner = [
                (*((",",) if index else ()), space, *((before,) if before else ()), *item)
                for index, (space, item) in enumerate(items)
            ]
            return (*opener, *join(inner), last, closer)

        return st.builds(write, members, gap)

    made = [enclose(("[",), "", "]"), enclose(("{",), key, "}")]
    if name != "json":
        made.append(enclose(("f", "("), "", ")"))
    return st.one_of(made)


@cache
def remarks(name: str) -> st.SearchStrategy[str]:
    """Comments, each with the line break behind it."""
    rules = lexical(name)
    kinds = [REMARKS.map(lambda text: f"  {rules.comment} {text}\n    ")] if rules.comment else []
    kinds += [enclosed(opener, closer) for opener, closer in rules.block_comments]
    return st.one_of(kinds)


def enclosed(opener: str, closer: str) -> st.SearchStrategy[str]:
    """Comments between two marks."""
    return REMARKS.map(lambda text: f" {opener} {text} {closer} ")


def statements(name: str, value: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    """Assignments, bare or in a function's body, some behind a comment."""
    comment = remarks(name).map(lambda text: text.strip(" ") + "\n")
    end = ";\n" if name in SCRIPTS else "\n"
    simple = value.map(lambda tokens: ("x", " = ", *tokens, end))

    def wrap(indented: list[Tokens]) -> Tokens:
        body = join([("  ", *each) for each in indented])
        if name in SCRIPTS:
            return ("function f", "(", "a", ")", " ", "{", "\n", *body, "}", "\n")
        return ("def f", "(", "a", ")", ":", "\n", *body)

    function = st.lists(simple, min_size=1, max_size=3).map(wrap)
    return st.one_of(simple, function, comment.map(lambda text: (text,)))
