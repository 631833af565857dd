"""Languages as data: the folder of grammars, and wheels that are or are not installed."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from lsp_server.syntax import languages
from lsp_server.syntax.languages import grammars, language_for, lexical_rules_for, names

CASES = [
    ("c", ".h"),
    ("cpp", ".cc"),
    ("css", ".css"),
    ("go", ".go"),
    ("java", ".java"),
    ("rust", ".rs"),
    ("python", ".py"),
    ("javascript", ".jsx"),
    ("typescript", ".mts"),
    ("tsx", ".tsx"),
    ("json", ".json"),
]


def test_every_language_has_a_folder() -> None:
    assert names() == sorted(name for name, _ in CASES)


@pytest.mark.parametrize(("name", "extension"), CASES)
def test_a_language_is_found_by_its_extension(name: str, extension: str) -> None:
    language = language_for(None, f"/some/Folder.d/File{extension.upper()}")
    assert language is not None
    assert language.name == name


@pytest.mark.parametrize("name", names())
def test_a_language_is_found_by_every_id(name: str) -> None:
    facts = tomllib.loads((grammars() / name / "language.toml").read_text("utf-8"))
    for language_id in facts["ids"]:
        language = language_for(language_id, None)
        assert language is not None
        assert language.name == name


def test_the_id_wins_over_the_extension() -> None:
    language = language_for("json", "settings.py")
    assert language is not None
    assert language.name == "json"


def test_an_unknown_id_leaves_the_extension() -> None:
    language = language_for("py3", "settings.py")
    assert language is not None
    assert language.name == "python"


@pytest.mark.parametrize(
    ("language_id", "path"),
    [(None, None), ("", ""), ("klingon", "a.kl"), (None, "Makefile"), (None, ".py"), ("ruby", "a")],
)
def test_unknown_languages_have_no_grammar(language_id: str | None, path: str | None) -> None:
    assert language_for(language_id, path) is None


def test_no_two_languages_share_an_id_or_an_extension() -> None:
    facts = [tomllib.loads((grammars() / n / "language.toml").read_text("utf-8")) for n in names()]
    for key in ("ids", "extensions"):
        every = [value for each in facts for value in each[key]]
        assert len(every) == len(set(every))


@pytest.fixture
def broken_grammars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of one language's folder whose wheel does not exist."""
    folder = tmp_path / "python"
    folder.mkdir()
    for file in (grammars() / "python").iterdir():
        (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    facts = (folder / "language.toml").read_text("utf-8")
    assert "tree_sitter_python" in facts
    (folder / "language.toml").write_text(facts.replace("tree_sitter_python", "no_such_wheel"))
    monkeypatch.setattr(languages, "grammars", lambda: tmp_path)
    caches = (languages._catalogue, languages._facts, languages._load)
    for cache in caches:
        cache.cache_clear()
    yield tmp_path
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("broken_grammars")
def test_a_missing_wheel_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert language_for("python", None) is None
        assert language_for("python", None) is None
    assert [record.getMessage() for record in caplog.records] == [
        "no syntax trees for python (No module named 'no_such_wheel'): its spans go by lines"
    ]


def test_comments_are_known_without_a_grammar() -> None:
    swift = lexical_rules_for("swift")
    assert swift is not None
    assert swift.comment == "//"
    assert language_for("swift", None) is None
    assert lexical_rules_for("klingon") is None
    python = language_for("python", None)
    assert python is not None
    assert lexical_rules_for("python") == python.lexical


def test_no_language_has_lexical_rules_twice() -> None:
    rules = tomllib.loads((grammars() / "lexical.toml").read_text("utf-8"))["rules"]
    ids = [each for rule in rules for each in rule["ids"]]
    for name in names():
        ids += tomllib.loads((grammars() / name / "language.toml").read_text("utf-8"))["ids"]
    assert len(ids) == len(set(ids))
