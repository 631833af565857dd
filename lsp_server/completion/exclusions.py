"""Which files hold secrets, by the path in their URI. Knows names, never contents."""

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
"""Built-in patterns of file names. A folder of such a name may hold ordinary code."""

FOLDERS: Final = (
    *("secrets/**", ".secrets/**"),
    *(".aws/**", ".ssh/**", ".gnupg/**", ".azure/**", ".kube/**", ".docker/config.json"),
)
"""Built-in patterns of paths."""

SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def is_secret(uri: str, globs: Sequence[str] = ()) -> bool:
    """Whether a document's path matches a built-in pattern or one of ``globs``.

    Globs are patterns as in ``.gitignore``: of a file, or of a folder with all that is in it. They
    may start at any segment of the path; case does not matter; none takes another one back. A query
    or fragment of the URI (as editors use for versions of a file) is looked past.
    """
    path = _fold(unquote(SCHEME.sub("", uri, count=1))).lstrip("/")
    own, names = _compile((*FOLDERS, *globs)), _compile(NAMES)
    return any(
        own.match_file(each) or names.match_file(each.rpartition("/")[2])
        for each in {path, re.split(r"[?#]", path, maxsplit=1)[0]}
    )


def is_secret_file(path: Path, globs: Sequence[str] = ()) -> bool:
    """The same for a file, by its own path and by that of what it is a link to."""
    return any(is_secret(each.as_uri(), globs) for each in (path.absolute(), path.resolve()))


@lru_cache(maxsize=8)
def _compile(globs: tuple[str, ...]) -> PathSpec[Any]:
    return _read_lines(_lines(globs))


def _lines(globs: Iterable[str]) -> Iterator[str]:
    """Globs as lines of a ``.gitignore``; what can be read in two ways is there in both."""
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
    """A path or glob with what does not count made equal."""
    return re.sub(r"/+", "/", re.sub(r"[\r\n]", " ", path.replace("\\", "/").lower()))
