"""Which files hold secrets: never fewer than a glob could mean."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.exclusions import is_secret
from lsp_server.completion.secret_files import CODE, DATA_FOLDERS, DATA_NAMES, FOLDERS, NAMES

PIECES = st.sampled_from(["a", "b", "A", "é", ".", "*", "**", "?", "/", "[", "]", "!", "#", "-"])
GLOBS = st.lists(PIECES, min_size=1, max_size=8).map("".join)
PATHS = st.lists(
    st.sampled_from(["a", "b", "B", "é", ".", "/", "[", "!", "#", "-", "\n"]),
    min_size=1,
    max_size=9,
).map("".join)


def plainly_matches(glob: str, path: str) -> bool:
    """Whether a path or its end is what a glob says, if it knows ``*``, ``**`` and ``?`` alone."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"((?<![^/])\*\*/|\*\*|\*|\?)", glob.removeprefix("/"))
    source = "".join(parts.get(piece, re.escape(piece)) for piece in pieces)
    return bool(re.search(rf"(?:^|/)(?:{source})\Z", path, re.IGNORECASE | re.DOTALL))


@given(GLOBS, PATHS)
def test_a_glob_matches_at_least_what_it_plainly_says(glob: str, path: str) -> None:
    path = re.sub("/+", "/", f"work/{path}")
    if glob.strip("./") and plainly_matches(glob, path) and not path.endswith("/"):
        assert is_secret(f"file:///{path.replace('#', '%23')}", (glob,))


@given(st.lists(GLOBS, max_size=3))
def test_no_glob_takes_the_built_in_ones_back(globs: list[str]) -> None:
    for path in ("a/.env", "a/secrets/b", "server.pem"):
        assert is_secret(f"file:///{path}", (*globs, f"!{path}", "!**", "!.env"))


PLAIN = [each for each in (*NAMES, *DATA_NAMES) if "[" not in each]
WHOLE = [each for each in (*FOLDERS, *DATA_FOLDERS) if each.endswith("**")]


@given(st.lists(st.sampled_from([*PLAIN, *WHOLE, "a", "b.c", "/", "."]), max_size=4))
def test_built_in_patterns_match_exactly_what_they_say(parts: list[str]) -> None:
    path = "/".join(parts).replace("**", "x/y").replace("*", "x")
    always = any(plainly_matches(glob, path) for glob in (*NAMES, *FOLDERS))
    data = any(plainly_matches(glob, path) for glob in (*PLAIN, *DATA_FOLDERS))
    data = data and not any(path.endswith(suffix) for suffix in CODE)
    assert is_secret(f"file:///work/{path}") == (always or data)


NAMED = tomllib.loads(
    (Path(__file__).parents[1] / "golden" / "secret_files.toml").read_text("utf-8")
)


@pytest.mark.parametrize("path", NAMED["secret"].split())
def test_files_that_hold_secrets(path: str) -> None:
    for folder in ("", "home/me/"):
        assert is_secret(f"file:///{folder}{path}")
        assert is_secret(f"file:///{folder}{path.upper()}")


@pytest.mark.parametrize("path", NAMED["code"].split())
def test_code_and_templates_are_completed(path: str) -> None:
    for folder in ("", "home/me/"):
        assert not is_secret(f"file:///{folder}{path}")


def test_a_template_is_secret_where_a_glob_or_its_folder_says_so() -> None:
    assert is_secret("file:///work/.env.example", (".env*",))
    assert is_secret("file:///home/me/.aws/credentials.example")
    assert is_secret("file:///work/src/secrets.ts", ("secrets.*",))


def test_a_document_without_a_name_is_secret_by_its_language() -> None:
    assert is_secret("untitled:Untitled-1", language_id="dotenv")
    assert is_secret("file:///work/production", language_id="dotenv")
    assert not is_secret("file:///work/.env.example", language_id="dotenv")
    assert not is_secret("untitled:Untitled-1", language_id="python")


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("private", "private"),
        ("private", "private/deep/a.py"),
        ("private/", "private/a.py"),
        ("./private/**", "private/a.py"),
        ("/private/*.py", "private/a.py"),
        ("C:\\Users\\me\\**", "c:/users/me/a.py"),
        ("[Ss]ecret?.txt", "secret1.txt"),
        ("[id].py", "[id].py"),
        ("[z-a].py", "[z-a].py"),
        ("#notes#", "%23notes%23"),
        ("!mine", "!mine"),
        ("src**hush", "src/deep/er/x.hush"),
        (" *.hush ", "a.hush"),
        ("ma\nd/*", "ma%0Ad/a.py"),
    ],
)
def test_own_globs(glob: str, path: str) -> None:
    for folder in ("", "deep/er/", "line%0Abreak/"):
        assert is_secret(f"file:///{folder}{path}", (glob,))
    assert not is_secret("file:///work/app.py", (glob,))


def test_folders_with_the_names_of_secret_files_may_hold_code() -> None:
    for path in (".env/lib/app.py", "credentials/client.py", "secrets.d/app.py", "secrets/a.py"):
        assert not is_secret(f"file:///work/{path}")


@pytest.mark.parametrize("nothing", ["", " ", "/", "./"])
def test_an_empty_glob_is_none(nothing: str) -> None:
    assert not is_secret("file:///work/app.py", (nothing,))
