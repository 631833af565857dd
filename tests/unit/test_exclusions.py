"""Which files hold secrets: never fewer than a glob could mean."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.exclusions import FOLDERS, NAMES, is_secret

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
    for path in ("a/.env", "a/secrets/b.py", "server.pem"):
        assert is_secret(f"file:///{path}", (*globs, f"!{path}", "!**", "!.env"))


WHOLE = [each for each in FOLDERS if each.endswith("**")]


@given(st.lists(st.sampled_from([*NAMES, *WHOLE, "a", "b.c", "/", "."]), max_size=4))
def test_built_in_patterns_match_exactly_what_they_say(parts: list[str]) -> None:
    path = "/".join(parts).replace("**", "x/y").replace("*", "x")
    plainly = any(plainly_matches(glob, path) for glob in (*NAMES, *FOLDERS))
    assert is_secret(f"file:///work/{path}") == plainly


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
    for path in (".env/lib/app.py", "credentials/client.py", "secrets.d/app.py"):
        assert not is_secret(f"file:///work/{path}")


@pytest.mark.parametrize("nothing", ["", " ", "/", "./"])
def test_an_empty_glob_is_none(nothing: str) -> None:
    assert not is_secret("file:///work/app.py", (nothing,))
