"""Languages: what the data in ``grammars/<name>/`` says, joined with the grammar's wheel.

A language is a folder: ``language.toml`` (names, lexical rules, code style), ``spans.scm`` (which
nodes are strings, comments, brackets and so on) and ``statements.scm`` (which nodes are
statements). To add one, add a folder and install its wheel. No code depends on a language's name.
"""

from __future__ import annotations

import importlib
import logging
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any, Final

import tree_sitter

_log = logging.getLogger(__name__)
_PLACES: Final = frozenset({"string", "comment", "code", "open", "close"})
_COVERS: Final = frozenset({"string", "comment", "argument_list", "block", "expression"})
_ERRORS: Final = "(ERROR) @error (MISSING) @error"


@dataclass(frozen=True, slots=True)
class Interpolation:
    """How code is written inside strings."""

    strings: tuple[str, ...]  # quotes of the strings that can hold code
    opener: str  # its last character is the opening bracket
    closer: str
    prefixes: str = ""  # a string needs one of these letters before its quote, if there are any
    literal: str = ""  # looks like the opener, but is text

    def applies(self, quote: str, prefix: str) -> bool:
        """Whether a string with this quote and the letters before it can hold code."""
        return quote in self.strings and (
            not self.prefixes or bool(set(self.prefixes) & set(prefix))
        )


@dataclass(frozen=True, slots=True)
class LexicalRules:
    """Comments and strings, as the lexer needs them."""

    comment: str  # starts a comment up to the end of its line, or ""
    block_comments: tuple[tuple[str, str], ...]
    strings: tuple[str, ...]  # quotes of strings that end with their line
    long_strings: tuple[str, ...]  # quotes of strings that go on over lines
    prefixes: str  # letters that may stand directly before a quote
    raw_strings: tuple[str, ...] = ()  # quotes of strings without escapes
    characters: bool = False  # a single quote holds one character, or is none: 'a', but not <'a>
    interpolations: tuple[Interpolation, ...] = ()
    regex_after: frozenset[str] = frozenset()  # words after which /…/ is a literal; none: never
    label: str = ""  # a pattern: begins a line, and its closing bracket has no partner
    tabs: bool = False  # lines can only be indented with tabs
    prose: bool = False  # brackets need not match: ``1)``, ``:-)``


@dataclass(frozen=True, slots=True)
class CodeStyle:
    """How blocks and statements are laid out, and the words they begin with."""

    opener: str  # ends a line that a block follows
    braces: bool  # blocks end with a closing brace, not with their indentation
    unit: str  # one level of indentation where the text shows none
    terminator: str  # may end a statement before the end of its line, or ""
    separator: str  # stands between the members of a list
    decorator: str  # begins a line that belongs to the statement below, or ""
    clauses: frozenset[str]  # first words of lines that go on with the statement before
    headers: frozenset[str]  # words of lines that a block follows
    labels: frozenset[str]  # first words of lines after whose colon statements follow
    bracketed: frozenset[str]  # headers that mostly end after a closing bracket
    bare: frozenset[str]  # headers of one word
    leaving: frozenset[str]  # first words of lines that mostly end their block
    operands: frozenset[str]  # words after which an expression is due
    continued: re.Pattern[str]  # a line that starts so goes on with the one before
    continues: re.Pattern[str]  # a line that ends so goes on in the next
    definition: re.Pattern[str]  # a line that begins a definition, which nobody writes twice
    typed_keys: bool  # quoted keys are followed by ": "


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language whose grammar is installed."""

    name: str
    ids: frozenset[str]
    extensions: frozenset[str]
    lexical: LexicalRules
    style: CodeStyle
    grammar: tree_sitter.Language
    places: tree_sitter.Query  # spans.scm: strings, comments, code in strings, brackets
    covers: tree_sitter.Query  # spans.scm: what a selection can cover
    statements: tree_sitter.Query
    errors: tree_sitter.Query

    @property
    def comment(self) -> str:
        """What starts a comment up to the end of its line, or ""."""
        return self.lexical.comment

    def find_errors(self, node: tree_sitter.Node) -> list[tree_sitter.Node]:
        """The error nodes under a node, and the tokens that the parser had to add."""
        return tree_sitter.QueryCursor(self.errors).captures(node).get("error", [])


def language_for(language_id: str | None, path: str | None) -> Language | None:
    """The language of an editor's language id or, if that is unknown, of a file's name.

    None when no grammar is known, or its wheel is not installed (logged once).
    """
    by_id, by_extension = _catalogue()
    name = by_id.get(language_id or "")
    if name is None and path is not None:
        name = by_extension.get(PurePath(path).suffix.lower())
    return None if name is None else _load(name)


def lexical_rules_for(language_id: str) -> LexicalRules | None:
    """The comments and strings of a language, whether it has a grammar or not; None: not known."""
    by_id, _ = _catalogue()
    if language_id in by_id:
        return _lexical_rules(_facts(by_id[language_id])["lexical"])
    return _lexical_catalogue().get(language_id)


def names() -> list[str]:
    """All languages that have a folder, also those whose wheel is not installed."""
    return sorted(folder.parent.name for folder in grammars().glob("*/language.toml"))


@cache
def grammars() -> Path:
    """The folder of the grammar data: inside the package in a wheel, beside it elsewhere.

    Raises FileNotFoundError if it is missing from the installation.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "grammars", package.parent / "grammars"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no grammars beside or inside {package}; reinstall unmask")


@cache
def _facts(name: str) -> dict[str, Any]:
    return tomllib.loads((grammars() / name / "language.toml").read_text("utf-8"))


@cache
def _catalogue() -> tuple[dict[str, str], dict[str, str]]:
    """Names of languages by editor id and by file extension."""
    by_id: dict[str, str] = {}
    by_extension: dict[str, str] = {}
    for name in names():
        facts = _facts(name)
        by_id.update(dict.fromkeys(facts["ids"], name))
        by_extension.update(dict.fromkeys(facts["extensions"], name))
    return by_id, by_extension


@cache
def _lexical_catalogue() -> dict[str, LexicalRules]:
    """The lexical rules of languages without a grammar, by editor id."""
    facts = tomllib.loads((grammars() / "lexical.toml").read_text("utf-8"))
    return {name: _lexical_rules(rules) for rules in facts["rules"] for name in rules["ids"]}


@cache
def _load(name: str) -> Language | None:
    facts = _facts(name)
    wheel = facts["grammar"]
    try:
        function = getattr(importlib.import_module(wheel["module"]), wheel["function"])
        grammar = tree_sitter.Language(function())
    except (ImportError, AttributeError, ValueError) as error:
        _log.warning("no syntax trees for %s (%s): its spans go by lines", name, error)
        return None
    return Language(
        name=name,
        ids=frozenset(facts["ids"]),
        extensions=frozenset(facts["extensions"]),
        lexical=_lexical_rules(facts["lexical"]),
        style=_style(facts["style"]),
        grammar=grammar,
        places=_query(grammar, name, "spans.scm", _COVERS - _PLACES),
        covers=_query(grammar, name, "spans.scm", _PLACES - _COVERS),
        statements=_query(grammar, name, "statements.scm"),
        errors=tree_sitter.Query(grammar, _ERRORS),
    )


def _query(
    grammar: tree_sitter.Language, name: str, file: str, without: frozenset[str] = frozenset()
) -> tree_sitter.Query:
    """A query file with some captures disabled, because every captured node costs time."""
    query = tree_sitter.Query(grammar, (grammars() / name / file).read_text("utf-8"))
    captured = {query.capture_name(index) for index in range(query.capture_count)}
    for capture in captured & without:
        query.disable_capture(capture)
    return query


def _lexical_rules(facts: dict[str, Any]) -> LexicalRules:
    blocks = facts.get("block_comments", ())
    return LexicalRules(
        comment=facts.get("comment", ""),
        block_comments=tuple((opening, closing) for opening, closing in blocks),
        strings=tuple(facts["strings"]),
        long_strings=tuple(facts.get("long_strings", ())),
        prefixes=facts.get("prefixes", ""),
        raw_strings=tuple(facts.get("raw_strings", ())),
        characters=facts.get("characters", False),
        interpolations=tuple(_interpolation(each) for each in facts.get("interpolations", ())),
        regex_after=frozenset(facts.get("regex_after", ())),
        label=facts.get("label", ""),
        tabs=facts.get("tabs", False),
        prose=facts.get("prose", False),
    )


def _interpolation(facts: dict[str, Any]) -> Interpolation:
    return Interpolation(**{**facts, "strings": tuple(facts["strings"])})


def _style(facts: dict[str, Any]) -> CodeStyle:
    return CodeStyle(
        opener=facts["opener"],
        braces=facts["braces"],
        unit=facts["unit"],
        terminator=facts["terminator"],
        separator=facts["separator"],
        decorator=facts["decorator"],
        clauses=frozenset(facts["clauses"]),
        headers=frozenset(facts["headers"]),
        labels=frozenset(facts["labels"]),
        bracketed=frozenset(facts["bracketed"]),
        bare=frozenset(facts["bare"]),
        leaving=frozenset(facts["leaving"]),
        operands=frozenset(facts["operands"]),
        continued=re.compile(facts["continued"]),
        continues=re.compile(facts["continues"]),
        definition=re.compile(facts["definition"]),
        typed_keys=facts["typed_keys"],
    )
