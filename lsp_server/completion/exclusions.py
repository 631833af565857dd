"""Which files may hold secrets, judged by name and language, never by their contents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

from pathspec import PathSpec

from lsp_server.completion.secret_files import (
    CODE,
    DATA_FOLDERS,
    DATA_NAMES,
    FOLDERS,
    LANGUAGES,
    NAMES,
)

SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


_TEMPLATE: Final = re.compile(
    r"(?:example|sample|template)\.env"
    r"|.*[._-](?:example|sample|template|tmpl|tpl|dist|defaults?|schema)"
    r"(?:\.(?:env|json|ya?ml|toml|ini|cfg|conf|properties|txt|xml|tfvars))?"
)
"""Names of files that show how a file with secrets is laid out."""


def is_secret(uri: str, globs: Sequence[str] = (), language_id: str = "") -> bool:
    """Whether a document may hold secrets, by its path, or by its language where that says so.

    Its path matches a built-in pattern or one of ``globs``. Built-in patterns of names leave out
    templates (``.env.example``), and some of them code (``secrets.ts``, ``secrets/app.py``).

    Globs are patterns as in ``.gitignore``, of a file or of a folder with everything in it. They
    may match from any segment of the path; case is ignored; there is no negation. A query or
    fragment of the URI (which editors use for versions of a file) is ignored.
    """
    path = _fold(unquote(SCHEME.sub("", uri, count=1))).lstrip("/")
    return any(
        _compile((*FOLDERS, *globs)).match_file(each) or _is_secret_name(each, language_id)
        for each in {path, re.split(r"[?#]", path, maxsplit=1)[0]}
    )


def _is_secret_name(path: str, language_id: str) -> bool:
    """Whether a file's name, its folder if it is no code, or its language speaks of secrets."""
    name = path.rpartition("/")[2]
    if _TEMPLATE.fullmatch(name):
        return False
    if language_id in LANGUAGES or _compile(NAMES).match_file(name):
        return True
    if PurePosixPath(name).suffix in CODE:
        return False
    return _compile(DATA_NAMES).match_file(name) or _compile(DATA_FOLDERS).match_file(path)


def is_secret_file(path: Path, globs: Sequence[str] = ()) -> bool:
    """``is_secret`` for a file, by its own path and by that of its link's target."""
    return any(is_secret(each.as_uri(), globs) for each in (path.absolute(), path.resolve()))


@lru_cache(maxsize=8)
def _compile(globs: tuple[str, ...]) -> PathSpec[Any]:
    return _read_lines(_lines(globs))


def _lines(globs: Iterable[str]) -> Iterator[str]:
    """Globs as lines of a ``.gitignore``; an ambiguous one in both of its readings."""
    for glob in globs:
        path = re.sub(r"^(\.?/)+", "", _fold(glob).strip())
        if not path:
            continue
        for line in {path, re.sub(r"(?<=[^/])\*\*|\*\*(?=[^/])", "*/**/*", path)}:
            yield "**/" + line.replace("[", r"\[")
            if "[" in line and _is_valid("**/" + line):
                yield "**/" + line


def _read_lines(lines: Iterable[str]) -> PathSpec[Any]:
    return PathSpec.from_lines("gitignore", lines, backend="simple")


def _is_valid(line: str) -> bool:
    try:
        _read_lines([line])
    except (ValueError, re.error):
        return False
    return True


def _fold(path: str) -> str:
    """A path or glob normalised: lower case, single forward slashes, no line breaks."""
    return re.sub(r"/+", "/", re.sub(r"[\r\n]", " ", path.replace("\\", "/").lower()))
