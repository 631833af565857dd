"""Every rule of the gate, alone, with a neighbour that passes it."""

import pytest

from lsp_server.completion.exclusions import is_secret
from lsp_server.completion.gate import MAX_CHARACTERS, Ask, LastChange, Trigger, refusal
from lsp_server.settings import Settings

CONTEXT = "import os, sys, re\n"
TYPED = LastChange("typed")


def ask(
    marked: str,
    trigger: Trigger = "automatic",
    *,
    uri: str = "file:///work/app.py",
    change: LastChange = TYPED,
) -> Ask:
    """A request at the ``|`` of a text that follows some context."""
    before, after = marked.split("|")
    before = CONTEXT + before
    return Ask(uri, "python", before + after, len(before), trigger, change)


@pytest.mark.parametrize(
    "rest",
    ["", "  ", ")", "))", "):", " ) ;", "]", '")', "'", "`", "})", "},", "};", "*/", " />", "%>"],
)
def test_closers_right_of_the_cursor_pass(rest: str) -> None:
    assert refusal(ask(f"print(|{rest}\nmore"), Settings()) is None


@pytest.mark.parametrize("rest", ["x", "_", "é", "1", " + 1", ", b)", ") + c", "(", " # note", "="])
def test_more_than_closers_right_of_the_cursor_is_text_after_cursor(rest: str) -> None:
    assert refusal(ask(f"pri|{rest}\n"), Settings()) == "text-after-cursor"
    assert refusal(ask(f"pri|{rest}\n", "invoked"), Settings()) is None


def test_only_the_line_of_the_cursor_counts() -> None:
    for line_break in ("\n", "\r\n", "\r"):
        assert refusal(ask(f"print(|){line_break}word"), Settings()) is None
    assert refusal(ask("print(|)\fword"), Settings()) == "text-after-cursor"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("none", None),
        ("typed", None),
        ("deleted", "not-typed"),
        ("undone", "not-typed"),
        ("pasted", "not-typed"),
        ("several", "several-places"),
    ],
)
def test_last_change(kind: str, expected: str | None) -> None:
    change = LastChange(kind)  # type: ignore[arg-type]
    assert refusal(ask("a = |", change=change), Settings()) == expected
    assert refusal(ask("a = |", "invoked", change=change), Settings()) is None


@pytest.mark.parametrize(
    ("edits", "kind"),
    [
        ([], "none"),
        ([("", "a")], "typed"),
        ([("", "()")], "typed"),
        ([("", "\n        ")], "typed"),
        ([("", "\r\n    \r\n")], "typed"),
        ([("xyz", "append")], "typed"),
        ([("a long text.", "x")], "typed"),
        ([("a", "")], "deleted"),
        ([("x" * 40, "")], "deleted"),
        ([("x" * 8, "\n")], "deleted"),
        ([("", "def f():\n    return 1\n")], "pasted"),
        ([("", "x" * 81)], "pasted"),
        ([("", "a"), ("", "a")], "several"),
        ([("", "a"), ("b", "")], "several"),
        ([("    ", ""), ("", "\n")], "typed"),  # a blank line was trimmed elsewhere
        ([("  ", "    "), ("", "}")], "typed"),  # a line was indented
        ([("", "\n"), ("", "\n")], "several"),
        ([("    ", ""), ("\t", "")], "deleted"),
    ],
)
def test_changes_are_classified(edits: list[tuple[str, str]], kind: str) -> None:
    assert LastChange.of(edits).kind == kind


def test_accepting_what_was_offered_is_typing() -> None:
    text = "for i in a:\n    print(i)"
    assert LastChange.of([("", text)]).kind == "pasted"
    assert LastChange.of([("", text)], offered=[text]).kind == "typed"
    assert LastChange.of([("", text)], offered=["\n    " + text]).kind == "typed"


def test_what_was_removed_and_is_back_was_not_typed() -> None:
    assert LastChange.of([("b", "name")], removed=["x", "name"]).kind == "undone"
    assert LastChange.of([("b", "name")], removed=["names"]).kind == "typed"
    assert LastChange.of([("", "x")], removed=["x"]).kind == "typed", "one key"
    assert LastChange.of([("", "()")], removed=["()"]).kind == "typed"
    assert LastChange.of([("", "name")], offered=["name"], removed=["name"]).kind == "typed"


def test_little_text_is_refused_unless_asked_for() -> None:
    def short(text: str, trigger: Trigger) -> Ask:
        return Ask("file:///a.py", "python", text, len(text), trigger)

    for text in ("", "x = 1", "\n" * 5000 + "a = 1;b=2"):
        assert refusal(short(text, "automatic"), Settings()) == "too-little-text"
        assert refusal(short(text, "invoked"), Settings()) is None
    assert refusal(short("\n" * 5000 + "a = 1; bcd = 2; ", "automatic"), Settings()) is None


def test_large_files_are_refused_always() -> None:
    text = "x" * (MAX_CHARACTERS + 1)
    for trigger in ("automatic", "invoked"):
        assert (
            refusal(Ask("file:///a.py", "python", text, 0, trigger), Settings()) == "file-too-large"
        )


def test_language_switched_off_is_refused_always() -> None:
    off = Settings(languages={"*": True, "python": False})
    assert refusal(ask("a = |"), off) == "language-off"
    assert refusal(ask("a = |", "invoked"), off) == "language-off"
    assert refusal(ask("a = |"), Settings(languages={"*": False, "python": True})) is None


def test_automatic_switched_off_is_refused_while_typing_only() -> None:
    off = Settings(automatic=False)
    assert refusal(ask("a = |"), off) == "automatic-off"
    assert refusal(ask("a = |", "invoked"), off) is None


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".ENV.local",
        ".envrc",
        "prod.env",
        "server.PEM",
        "server.key",
        "id_rsa",
        "id_rsa.pub",
        "id_ed25519",
        "store.p12",
        ".npmrc",
        ".netrc",
        "credentials",
        "secrets.yml",
        "Secrets.toml",
        ".aws/config",
        ".ssh/deep/er/config",
        ".docker/config.json",
        "terraform.tfvars",
    ],
)
def test_secret_files_are_refused_always(path: str) -> None:
    for uri in (
        f"file:///home/me/{path}",
        f"file:///c%3A/Users/me/{path.replace('.', '%2E')}",
        f"git:/home/me/{path}?%7B%22ref%22%3A%22HEAD%22%7D",
        f"vscode-notebook-cell:/home/me/{path}#W0sZmlsZQ",
        f"C:\\Users\\me\\{path}".replace("/", "\\"),
        path,
    ):
        for trigger in ("automatic", "invoked"):
            assert refusal(ask("a = |", trigger, uri=uri), Settings()) == "secret-file", uri


@pytest.mark.parametrize(
    "path",
    [
        "environment.py",
        "env/app.py",
        "keys.py",
        "monkey.py",
        "pem.ts",
        "credentials_test.py",
        "aws/config.py",
        "secretsanta.py",
        "docs/config.json",
        "Untitled-1",
    ],
)
def test_ordinary_files_are_not_secret(path: str) -> None:
    assert not is_secret(f"file:///home/me/{path}")


def test_own_globs_add_to_the_built_in_ones() -> None:
    mine = Settings(secret_globs=("private/**", "*.HUSH", "a?c.py"))
    for path in ("private/x/y.py", "deep/private/x.py", "a.hush", "abc.py"):
        assert refusal(ask("a = |", uri=f"file:///work/{path}"), mine) == "secret-file"
        assert refusal(ask("a = |", uri=f"file:///work/{path}"), Settings()) is None
    assert refusal(ask("a = |", uri="file:///work/.env"), mine) == "secret-file"
    assert refusal(ask("a = |", uri="file:///work/abbc.py"), mine) is None
