"""Which files may hold secrets, judged by the path in their URI alone, never by their contents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from pathspec import PathSpec

NAMES: Final = (
    *(".env*", "*.env", ".dev.vars", ".envrc", "secrets.*"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.crt", "*.cert", "*.cer", "*.der"),
    *("*.jks", "*.keystore", "*.kdbx", "*.asc", "*.gpg", "*.ppk"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "authorized_keys", "known_hosts"),
    *(".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass", ".htpasswd", ".git-credentials"),
    *("credentials", "credentials.json", "service-account*.json", ".dockercfg"),
    *("*.tfvars", "*.tfvars.json", "*.tfstate"),
)
"""Built-in patterns, matched against file names only, not against folders."""

FOLDERS: Final = (
    *("secrets/**", ".secrets/**"),
    *(".aws/**", ".ssh/**", ".gnupg/**", ".azure/**", ".kube/**", ".docker/config.json"),
)
"""Built-in patterns, matched against paths."""

SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def is_secret(uri: str, globs: Sequence[str] = ()) -> bool:
    """Whether a document's path matches a built-in pattern or one of ``globs``.

    Globs are patterns as in ``.gitignore``, of a file or of a folder with everything in it. They
    may match from any segment of the path; case is ignored; there is no negation. A query or
    fragment of the URI (which editors use for versions of a file) is ignored.
    """
    path = _fold(unquote(SCHEME.sub("", uri, count=1))).lstrip("/")
    own, names = _compile((*FOLDERS, *globs)), _compile(NAMES)
    return any(
        own.match_file(each) or names.match_file(each.rpartition("/")[2])
        for each in {path, re.split(r"[?#]", path, maxsplit=1)[0]}
    )


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
