"""What is known about a place before anything is written there."""

from __future__ import annotations

import pytest

from lsp_server.completion import place
from lsp_server.completion.service import CompletionService, Snapshot
from lsp_server.settings import Settings
from lsp_server.syntax.languages import language_for
from lsp_server.syntax.spans import find
from lsp_server.syntax.surroundings import Surroundings, look_around
from lsp_server.syntax.tree import SyntaxTree
from tests.unit.scripted import ScriptedDecoder

LONG = "  f(1);  // a) b\n" * 400


def look(name: str, document: str) -> Surroundings:
    before, after = document.split("█")
    language = language_for(name, None) or language_for(None, f"x.{name}")
    found = look_around(SyntaxTree.parse(before + after, language), len(before), len(before))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("python", "x = f(1, █)\n", "("),
        ("python", "x = [\n    # (\n    f('(', '''\n[\n''', █\n", "[("),
        ("python", "def f():\n    return g(x[█\n\nfoo(", "(["),
        ("javascript", "split(/\\)/, [█", "(["),
        ("javascript", "split(/* ) */ /[)]/, █);\n", "("),
        ("javascript", "const a = `x ${f(█)}`;\n", "{("),
        ("javascript", "a = {\nf() {\n  g(█\n}\n}\n", "{{("),  # the outer lines are not indented
        ("javascript", f"function f() {{\n{LONG}  g(█);\n}}\n", "{("),
        ("javascript", f"function f() {{\n{LONG}  g(█\n", "{("),
        ("json", '{\n"a": [1,\n█', "{["),
        ("tsx", "x = (\n  <p title='('>\n    {f(█\n", "({("),
    ],
)
def test_what_is_open_at_a_place(name: str, document: str, expected: str) -> None:
    assert look(name, document).unclosed == expected


@pytest.mark.parametrize("region", [False, True], ids=["cursor", "region"])
def test_a_request_looks_around_once(monkeypatch: pytest.MonkeyPatch, region: bool) -> None:
    calls: list[tuple[int, int]] = []

    def count(tree: SyntaxTree, start: int, end: int) -> Surroundings | None:
        calls.append((start, end))
        return look_around(tree, start, end)

    monkeypatch.setattr(place, "look_around", count)
    monkeypatch.setattr(find, "look_around", count)
    text = "def area(width, height):\n    return width * height\n\n\nprint(1)\n"
    tree = SyntaxTree.parse(text, language_for("python", None))
    document = Snapshot("file:///a.py", "python", 1, text, tree)
    service, at = CompletionService(ScriptedDecoder("2)"), Settings()), text.index("1)")
    if region:
        service.infill(document, at, at + 1)
    else:
        service.complete(document, at, "invoked")
    assert calls == [(at, at + 1 if region else at)]
