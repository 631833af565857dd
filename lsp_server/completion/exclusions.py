"""Which files hold secrets, by the path in their URI. Knows names, never contents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote

BUILT_IN: Final = (
    *(".env*", "*.env", ".dev.vars", ".envrc", "secrets.*", "secrets/**", ".secrets/**"),
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.crt", "*.cert", "*.cer", "*.der"),
    *("*.jks", "*.keystore", "*.kdbx", "*.asc", "*.gpg", "*.ppk"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "authorized_keys", "known_hosts"),
    *(".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass", ".htpasswd", ".git-credentials"),
    *("credentials", "credentials.json", "service-account*.json", ".dockercfg"),
    *("*.tfvars", "*.tfvars.json", "*.tfstate"),
    *(".aws/**", ".ssh/**", ".gnupg/**", ".azure/**", ".kube/**", ".docker/config.json"),
)
"""Globs of the built-in list; ``*`` stays inside a path segment, ``**`` does not."""

SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")


def is_secret(uri: str, globs: Sequence[str] = ()) -> bool:
    """Whether a document's path matches the built-in list or one of ``globs``.

    A glob may start at any segment of the path; case does not matter; a query or fragment of the
    URI (as editors use for versions of a file) is looked past. Globs know ``*``, ``**`` and ``?``.
    """
    path = unquote(SCHEME.sub("", uri, count=1)).replace("\\", "/")
    names = {path, re.split(r"[?#]", path, maxsplit=1)[0]}
    pattern = _pattern((*BUILT_IN, *globs))
    return any(pattern.search(name) for name in names)


def is_secret_file(path: Path, globs: Sequence[str] = ()) -> bool:
    """The same for a file, by its own path and by that of what it is a link to."""
    return any(is_secret(each.as_uri(), globs) for each in (path.absolute(), path.resolve()))


@lru_cache(maxsize=8)
def _pattern(globs: tuple[str, ...]) -> re.Pattern[str]:
    alternatives = "|".join(_translate(glob) for glob in globs if glob)
    return re.compile(rf"(?:^|/)(?:{alternatives})\Z", re.IGNORECASE | re.DOTALL)


def _translate(glob: str) -> str:
    """A glob as the source of a regular expression."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob.replace("\\", "/").removeprefix("/"))
    return "".join(parts.get(piece, re.escape(piece)) for piece in pieces)
