"""Secrets in a text: keys, tokens and passwords, which the model must not read or repeat.

A secret is found by its form (a private key, the prefix of a well-known kind of token) or by the
name that it is assigned to (``password = "…"``). What is found is masked in what the model reads,
each secret on its own, so that a prompt changes only where one is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from lsp_server.positions import line_start

PLACEHOLDER: Final = "xxxxxxxx"
"""What a model reads in place of a secret, behind its public prefix."""

REACH: Final = 400
"""Characters around a place in which a secret of one line is looked for."""

BLOCK: Final = 10_000
"""The most characters of a private key."""

TOKENS: Final = (
    # (public prefix, secret rest) of tokens that can be told by their form
    ("gh[pousr]_", r"[A-Za-z0-9]{30,}"),  # GitHub
    ("github_pat_", r"\w{22,}"),
    ("gl(?:agent|cbt|dt|ft|imt|oas|pat|ptt|rt|soat)-", r"[\w-]{20,}"),  # GitLab
    ("(?:AKIA|ASIA|ABIA|ACCA)", r"[A-Z0-9]{16}"),  # Amazon
    (
        r"sk-(?:[a-z]{1,12}\d{0,4}-){0,3}",
        r"(?=\w{0,99}\d)\w{20,}[\w-]*",
    ),  # OpenAI, Anthropic and others
    (r"(?:gsk|xai|pplx|r8|hf)[-_]", r"(?=\w{0,40}[A-Z])[A-Za-z0-9]{30,}"),  # hosts of models
    (r"[rs]k_(?:live|test)_", r"[A-Za-z0-9]{16,}"),  # Stripe
    ("whsec_", r"[A-Za-z0-9+/]{24,}"),
    ("xox[abeoprs]-", r"(?=[\w-]{0,80}\d)[\w-]{10,}"),  # Slack
    (r"xapp-\d-", r"[A-Z0-9]+-\d+-[a-z0-9]{20,}"),
    (r"hooks\.slack\.com/services/", r"T\w{1,20}/B\w{1,20}/\w{16,}"),
    (r"discord(?:app)?\.com/api/webhooks/", r"\d{10,}/[\w-]{30,}"),  # Discord
    ("AIza", r"[\w-]{35}"),  # Google
    (r"ya29\.", r"[\w-]{20,}"),
    ("GOCSPX-", r"[\w-]{20,}"),
    (r"eyJ", r"[\w-]{8,400}\.eyJ[\w-]{8,4000}\.[\w-]{8,}"),  # JSON web tokens
    (r"SG\.", r"[\w-]{22}\.[\w-]{43}"),  # SendGrid
    ("SK", r"[0-9a-f]{32}"),  # Twilio
    ("key-", r"[0-9a-f]{32}"),  # Mailgun
    ("npm_", r"[A-Za-z0-9]{36}"),
    ("pypi-", r"AgE[\w-]{50,}"),
    ("rubygems_", r"[0-9a-f]{48}"),
    (r"do[opr]_v1_", r"[0-9a-f]{64}"),  # DigitalOcean
    (r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}"),  # Shopify
    (r"sq0(?:atp|csp)-", r"[\w-]{22,}"),  # Square
    (r"\d{8,10}:AA", r"[\w-]{33}"),  # Telegram
    ("dapi", r"[0-9a-f]{32}"),  # Databricks
    ("lin_api_", r"[A-Za-z0-9]{40}"),  # Linear
    ("(?:secret|ntn)_", r"[A-Za-z0-9]{43,}"),  # Notion
    (r"dp\.pt\.", r"[A-Za-z0-9]{40,}"),  # Doppler
    (r"hv[bs]\.", r"[\w-]{24,}"),  # Vault
    ("AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    ("ATATT3", r"[\w=-]{100,}"),  # Atlassian
    ("glsa_", r"[A-Za-z0-9]{32}_[0-9a-f]{8}"),  # Grafana
    ("PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),  # Postman
    ("pul-", r"[0-9a-f]{40}"),  # Pulumi
    ("NRAK-", r"[A-Z0-9]{27}"),  # New Relic
    ("sbp_", r"[0-9a-f]{40}"),  # Supabase
    (r"AccountKey=", r"[A-Za-z0-9+/]{80,}={0,2}"),  # Azure
)

_RUN: Final = re.compile(r"(?<![\w+/=.~:-])[\w+/=.~:-]{20,}+")
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:" + "|".join(f"({public}){rest}" for public, rest in TOKENS) + ")"
)
_BEGIN: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_END: Final = "-----END "

_STEMS: Final = (
    *("passw", "passphrase", "pwd", "contraseña", "mot_de_passe", "secret", "token", "credential"),
    *("bearer ", "basic ", "key"),
)
_PASSWORDS: Final = _STEMS[:5]
_KEY: Final = re.compile(
    r"(?:access|account|api|auth|client|encryption|master|private|secret|shared|signing)[_-]?\Z"
)
_NAME_END: Final = r"(?!(?i:iz|ed|ing))\w{0,12}+"  # no tokenizer
_TYPE: Final = r"(?:\s*+:\s*+[\w.\[\]|]{1,30}+(?=\s*+=))?"
_ASSIGNED: Final = re.compile(
    rf"{_NAME_END}[\"'\]]{{0,2}}+{_TYPE}\s*+(?:=>|:=|[:=])\s*+[bru]?"
    r"(?P<quote>[\"'`])(?P<value>(?:(?!(?P=quote))[^\s\\{}<>]){6,200}+)(?:(?P=quote)|\Z)"
)
_BARE: Final = re.compile(
    _NAME_END + r"[ \t]*+[:=][ \t]*+(?P<value>[^\s\"'`\\{}<>()\[\],;]{6,200}+)[ \t]*+$",
    re.MULTILINE,
)
_BARE_NAME: Final = re.compile(r"[ \t]*+(?:export |- |[\w.]+[.:] )?[\w.-]*\Z")
_AUTHORIZATION: Final = re.compile(r" *+(?P<value>(?=\S{0,200}\d)[\w.~+/-]{16,200}+={0,2})")
_IN_URL: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}+://[^\s:/@\"'{}<>$\[]{1,60}+:(?P<value>[^\s:/@\"'{}<>$\[]{4,200}+)@"
)
_IN_CONNECTION: Final = re.compile(
    r"(?i:[;\"']\s*(?:password|pwd|sharedaccesskey)=)(?P<value>[^\s;\"'{}<>$()]{4,200}+)(?=[;\"'])"
)

_WORDS: Final = re.compile(r"[A-Za-z]*(?:[_\-./:*? ]+[A-Za-z]*)*")
_NO_PASSWORD: Final = re.compile(
    r"(?i)pass|pwd|secret|token|key|user|login|name|field|text|input|your|example|change|none|null"
    r"|required|invalid|hidden|default|prompt|confirm|string|value|test|foo|bar|dummy|fake|xxx"
)
_MIXED: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])")


class Secret(NamedTuple):
    """A secret between two offsets of a text."""

    start: int
    end: int


def find_secrets(text: str) -> list[Secret]:
    """The secrets of a text, in order; none overlaps another. Linear in the text's length."""
    forms = {*_blocks(text), *_tokens(text)}
    kept: list[Secret] = []
    for secret in sorted([*forms, *_values(text)]):
        if not kept or secret.start >= kept[-1].end:
            kept.append(secret)
        elif (
            secret in forms and kept[-1] not in forms
        ):  # a value's own form says which part of it is public
            kept[-1] = Secret(secret.start, max(secret.end, kept[-1].end))
    return kept


def mask_secrets(text: str, before: str = "", after: str = "") -> str:
    """A text with its secrets masked; some may begin in the text before or end in that after."""
    head = before[-REACH:]
    whole = head + text + after[:REACH]
    secrets = find_secrets(whole)
    if _open_block(before, len(before)):
        secrets = [Secret(0, _block_end(whole, 0)), *secrets]
    parts, at, last = [], len(head), len(head) + len(text)
    for start, end in secrets:
        start, end = max(start, at), min(end, last)
        if start < end:
            parts += [whole[at:start], PLACEHOLDER]
            at = end
    return "".join([*parts, whole[at:last]])


def is_inside_secret(text: str, offset: int) -> bool:
    """Whether a place is inside a secret, or directly behind one that is being written."""
    begin = max(0, offset - REACH)
    if _open_block(text, offset):
        return True
    around = find_secrets(text[begin : offset + REACH])
    written = find_secrets(text[begin:offset])
    return any(start < offset - begin <= end for start, end in (*around, *written))


def repeats_secret(head: str, text: str) -> bool:
    """Whether a text written behind ``head`` on its line has a secret, or a placeholder of one."""
    head = head[-REACH:]
    secrets = find_secrets(head + text)
    return PLACEHOLDER in text or any(end > len(head) for _, end in secrets)


def _blocks(text: str) -> Iterator[Secret]:
    """The bodies of private keys; an open one goes up to the end of the text."""
    at = 0
    while begin := _BEGIN.search(text, at):
        at = _block_end(text, begin.end())
        if begin.end() < at:
            yield Secret(begin.end(), at)


def _block_end(text: str, start: int) -> int:
    end = text.find(_END, start, start + BLOCK)
    return min(len(text), start + BLOCK) if end < 0 else end


def _open_block(text: str, offset: int) -> bool:
    """Whether a private key begins before an offset and does not end before it."""
    start = text.rfind("-----BEGIN ", max(0, offset - BLOCK), offset)
    if start < 0 or text.find(_END, start, offset) >= 0:
        return False
    begin = _BEGIN.match(text, start)
    return begin is not None and begin.end() <= offset


def _tokens(text: str) -> Iterator[Secret]:
    for run in _RUN.finditer(text):
        for token in _TOKEN.finditer(text, *run.span()):
            assert token.lastindex is not None  # the public prefix
            yield Secret(token.end(token.lastindex), token.end())


def _values(text: str) -> Iterator[Secret]:
    for stem, at in _names(text):
        password, stop = stem in _PASSWORDS, at + len(stem)
        found = _ASSIGNED.match(text, stop)
        if found is None and stem.endswith(" "):
            found = _AUTHORIZATION.match(text, stop)
        elif found is None and _BARE_NAME.match(text, line_start(text, at), at):
            found = _BARE.match(text, stop)
            if found and not _is_bare_literal(found["value"], password):
                continue
        if found and _is_literal(found["value"], password):
            yield Secret(*found.span("value"))
    for pattern in (_IN_URL, _IN_CONNECTION):
        for found in pattern.finditer(text):
            if _is_literal(found["value"], password=True):
                yield Secret(*found.span("value"))


def _names(text: str) -> Iterator[tuple[str, int]]:
    """The stems of names that a secret may be assigned to, and where they are."""
    lower = text.lower()
    if len(lower) != len(text):  # a few letters have two in lower case
        lower = "".join(char.lower() if char.isascii() else char for char in text)
    for stem in _STEMS:
        at = lower.find(stem)
        while at >= 0:
            if stem != "key" or _KEY.search(lower, max(0, at - 12), at):
                yield stem, at
            at = lower.find(stem, at + len(stem))


def _is_literal(value: str, password: bool) -> bool:
    """Whether a value is a secret itself, and no name, path, template or example."""
    if (
        value.startswith(("$", "%", "/", "./", "http", "arn:"))
        or "://" in value
        or PLACEHOLDER in value
    ):
        return False
    if len(set(value)) < 4 or any(each in value for each in ("...", "$(", "%(", "a-z", "A-Z")):
        return False
    if _WORDS.fullmatch(value):
        alone = value.isalpha() and len(value) >= 6
        return password and alone and _NO_PASSWORD.search(value) is None
    if password:
        return True
    return len(value) >= 12 and _MIXED.match(value) is not None


def _is_bare_literal(value: str, password: bool) -> bool:
    """Whether a value without quotes, which may be code, is a literal."""
    if not value.replace(".", "").isidentifier():
        return True
    return password and value.isalnum() and _NO_PASSWORD.search(value) is None
