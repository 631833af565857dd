"""Secrets are masked in what the model reads, wherever they stand, and nothing else is."""

from __future__ import annotations

import random
import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.bench.true_text import TrueText
from lsp_server.completion.context import choose_window
from lsp_server.completion.secrets import (
    PLACEHOLDER,
    find_secrets,
    is_inside_secret,
    mask_secrets,
    repeats_secret,
)
from lsp_server.completion.service import CompletionService, Snapshot
from lsp_server.diffusion.trace import Observer
from lsp_server.diffusion.types import Cost, Hole, Infill
from lsp_server.models.interfaces import Stop
from lsp_server.settings import Settings
from lsp_server.syntax.tree import SyntaxTree

CHANCE = random.Random(0)


def made(size: int, letters: str = string.ascii_letters + string.digits) -> str:
    """A secret that is nobody's; it has a digit."""
    return "a1Z" + "".join(CHANCE.choices(letters, k=size - 3))


HEX = "abcdef0123456789"
UPPER = string.ascii_uppercase + string.digits


def hexadecimal(size: int) -> str:
    return "".join(CHANCE.choices(HEX, k=size))


def upper(size: int) -> str:
    return "".join(CHANCE.choices(UPPER, k=size))


LINES = [
    # (text before the secret, the secret, text behind it)
    ('token = "ghp_', made(36), '"'),
    ("git clone https://github_pat_", made(60), "@github.com/a/b"),
    ("glpat-", made(20), ""),
    ("aws_access_key_id = AKIA", upper(16), ""),
    ('client = OpenAI(api_key="sk-', made(48), '")'),
    ('client = OpenAI(api_key="sk-proj-', made(60), '")'),
    ('key: "sk-ant-api03-', made(80), '",'),
    ("stripe.api_key = 'sk_live_", made(24), "'"),
    ('slack = "xoxb-', "123456789012-123456789012-" + made(24), '"'),
    ("https://hooks.slack.com/services/", "T00000000/B00000000/" + made(24), ""),
    ('google = "AIza', made(35), '"'),
    ('jwt = "eyJ', "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", '"'),
    ("SG.", made(22) + "." + made(43), ""),
    ("//registry.npmjs.org/:_authToken=npm_", made(36), ""),
    ("pypi-", "AgE" + made(60), ""),
    ("hf_", made(34), ""),
    ("dop_v1_", hexadecimal(64), ""),
    ("VAULT_TOKEN=hvs.", made(30), ""),
    ("DefaultEndpointsProtocol=https;AccountKey=", made(86) + "==", ";"),
    ('password = "', "hunter2", '"'),
    ("password='", "correcthorsebattery", "'"),
    ('    "password": "', "s3cr3t!pa$$", '",'),
    ("  password: '", "s3cr3t!pass", "'"),
    ("  password: ", "hunter2", ""),
    ("DB_PASSWORD=", "hunter2x", ""),
    ("export DB_PASSWORD=", "hunter2-x!", ""),
    ("passwd := `", "Tr0ub4dor&3", "`"),
    ("'password' => '", "Tr0ub4dor&3", "',"),
    ('os.environ["DB_PASSWORD"] = "', "Tr0ub4dor&3", '"'),
    ('const dbPassword: string = "', "Tr0ub4dor&3", '";'),
    ('SECRET_KEY = "', "django-insecure-" + made(30), '"'),
    ('api_key = "', made(32), '"'),
    ("apiKey: '", made(32), "',"),
    ('private String clientSecret = "', made(32), '";'),
    ("secret_token: ", made(32) + "-x", ""),
    ("postgres://app:", "Tr0ub4dor3", "@db.example.org/app"),
    ('"Server=db;User Id=app;Password=', "Tr0ub4dor3", ';"'),
    ('headers = {"Authorization": "Bearer ', made(40), '"}'),
    ("Authorization: Basic ", "dXNlcjpodW50ZXIyMTIz", ""),
]


@pytest.mark.parametrize(("before", "secret", "behind"), LINES)
def test_a_line_that_holds_a_key_is_masked(before: str, secret: str, behind: str) -> None:
    for above, below in (("", ""), ("import os\n", "\nx = 1\n"), ("# é漢\n", "\n# 😀\n")):
        masked = mask_secrets(above + before + secret + behind + below)
        assert secret not in masked
        assert masked == above + before + PLACEHOLDER + behind + below
        assert mask_secrets(masked) == masked


@pytest.mark.parametrize(
    "line",
    [
        'password = "password"',
        "password = get_password()",
        "password: str",
        "password: string;",
        'password = os.environ["DB_PASSWORD"]',
        'password = "${DB_PASSWORD}"',
        'password = f"{name}123"',
        'password = "<your password>"',
        'label = "Password: "',
        'PASSWORD_FIELD = "user_password"',
        'token = "access_token"',
        "token = tokens[i1]",
        "token_id = config.t2u_pad_token_id",
        "pad_token = '<|endoftext|>'",
        'api_key = "your-api-key"',
        'api_key = "api_key"',
        'sort_key = "a1b2c3d4e5f6a7b8"',
        "secret = secrets.token_hex(16)",
        "public_key = load('id1234567890123456')",
        'passphrase: "string?"',
        'class="sk-estimator-doc-link fitted"',
        "risk-assessment-2024-final-report-for-the-board",
        'sha256 = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2"',
        'data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"',
        "http://localhost:8080/user@name",
        "git@github.com:owner/name123.git",
        'key_arn = "arn:aws:kms:us-west-2:123456789012:key/1234abcd"',
        "-----BEGIN CERTIFICATE-----",
        "keyboard: qwerty1234!",
        "tokenizer: bert-base-v1.2",
    ],
)
def test_ordinary_code_is_not_masked(line: str) -> None:
    assert mask_secrets(line) == line
    assert not is_inside_secret(line + "\n", len(line))


PEM = "\n".join(
    [
        "-----BEGIN RSA PRIVATE KEY-----",
        *(made(64) for _ in range(60)),
        "-----END RSA PRIVATE KEY-----",
    ]
)


def test_a_private_key_is_masked_whole() -> None:
    masked = mask_secrets(f"key = '''{PEM}'''\nx = 1\n")
    assert "PRIVATE KEY-----" + PLACEHOLDER + "-----END" in masked
    assert masked.endswith("'''\nx = 1\n")
    for line in PEM.splitlines()[1:-1]:
        assert line not in masked


def test_a_window_that_begins_or_ends_in_a_private_key_has_nothing_of_it() -> None:
    lines = PEM.splitlines()
    window = choose_window(PEM + "\nx = 1\ny = ", "\nz = 1\n" + PEM, Settings())
    assert "x = 1" in window.prefix
    assert "z = 1" in window.suffix
    assert not [line for line in lines[1:-1] if line in window.prefix + window.suffix]


@pytest.mark.parametrize(("before", "secret", "behind"), LINES)
def test_nothing_is_completed_inside_a_secret(before: str, secret: str, behind: str) -> None:
    text = f"x = 1\n{before}{secret}{behind}\ny = 2\n"
    start = text.index(secret)
    for offset in range(start + 1, start + len(secret) + 1):
        assert is_inside_secret(text, offset)
    assert not is_inside_secret(text, text.index(before))
    assert not is_inside_secret(text, len(text) - 2)


def test_nothing_is_completed_inside_a_private_key() -> None:
    text = f"x = 1\n{PEM}\ny = 2\n"
    inside = range(text.index("-----\n") + 6, text.index("-----END"))
    assert all(is_inside_secret(text, offset) for offset in inside)
    assert not is_inside_secret(text, 5)
    assert not is_inside_secret(text, len(text))


def test_a_password_that_is_being_typed_is_not_completed() -> None:
    assert is_inside_secret('password = "hunter2', len('password = "hunter2'))
    assert not is_inside_secret('password = "', len('password = "'))
    assert not is_inside_secret('password = "hunter2"', len('password = "hunter2"'))


def test_a_secret_is_never_offered() -> None:
    assert repeats_secret("token = ", f'"ghp_{made(36)}"')
    assert repeats_secret('password = "', 'hunter2"')
    assert repeats_secret("", f'password = "{PLACEHOLDER}"')
    assert not repeats_secret('password = "hunter2", ', "name)")
    assert not repeats_secret("token = ", "get_token()")


@given(st.integers(0, 60), st.integers(1, 50))
def test_typing_extends_the_masked_prefix(lines: int, typed: int) -> None:
    """Whatever is masked above, a keystroke only appends to what the model reads."""
    above = "\n".join(f"{'x' * (each % 7)} = {each}" for each in range(lines))
    text = (
        f'{above}\nTOKEN = "ghp_{"a1B2" * 9}"\n'
        + "value = compute(1, 2) + other_value * 3 # end of it"
    )
    window = choose_window(text[: len(text) - typed], "\n", Settings())
    longer = choose_window(text[: len(text) - typed + 1], "\n", Settings())
    assert "a1B2" not in window.prefix + longer.prefix
    assert longer.prefix.startswith(window.prefix)


SOUP = st.lists(
    st.sampled_from(
        [
            *(
                "password",
                "token",
                "secret",
                "api_key",
                " = ",
                ": ",
                '"',
                "'",
                "\n",
                "ghp_",
                "AKIA",
            ),
            *("a1B2", "Z9Y8X7W6V5U4", "-----BEGIN PRIVATE KEY-----", "-----END ", "://", "@", ":"),
            *("Bearer ", "=", "é", "😀", "İ", "\r", "\t", "{", "}", "x", "eyJ", ".", ";"),
        ]
    ),
    max_size=40,
).map("".join)


@given(SOUP, SOUP, SOUP)
def test_masking_replaces_secrets_and_nothing_else(before: str, text: str, after: str) -> None:
    masked = mask_secrets(text, before, after)
    pieces = masked.split(PLACEHOLDER)
    at = 0
    for piece in pieces:
        found = text.find(piece, at)
        assert found >= 0
        at = found + len(piece)
    assert text.startswith(pieces[0])
    assert text.endswith(pieces[-1])
    secrets = find_secrets(text)
    assert all(one.end <= other.start for one, other in pairwise(secrets))
    assert all(start < end for start, end in secrets)


class Recorder(TrueText):
    """A decoder that keeps the prompt it was given."""

    prompt = ""

    def infill(self, hole: Hole, stop: Stop, observe: Observer | None, cost: Cost) -> Infill:
        self.prompt = hole.prompt.suffix + hole.prompt.prefix
        return super().infill(hole, stop, observe, cost)


@pytest.mark.parametrize(("before", "secret", "behind"), LINES)
def test_the_model_reads_no_secret_above_or_below(before: str, secret: str, behind: str) -> None:
    line = before + secret + behind
    text = f"import os\n{line}\nvalue = \n{line}\nother = 2\n"
    snapshot = Snapshot("file:///a.txt", "plaintext", 1, text, SyntaxTree.parse(text, None))
    decoder = Recorder()
    service = CompletionService(decoder, Settings())
    place = text.index("value = ") + len("value = ")
    decoder.text = "compute()\n"
    assert service.complete(snapshot, place, "invoked").text == "compute()"
    assert service.infill(snapshot, place, place).text == "compute()"
    assert decoder.prompt.count(PLACEHOLDER) == 2
    assert secret not in decoder.prompt
    inside = text.index(secret) + len(secret)
    assert service.complete(snapshot, inside, "invoked").reason == "secret-text"
