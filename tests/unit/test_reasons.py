"""Whatever can be the reason of an answer has its sentence, and nothing else has one."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import lsp_server
from lsp_server.completion import gate, postprocess
from lsp_server.completion.reasons import REASONS
from lsp_server.completion.result import OFFERED
from lsp_server.server.messages import State

PACKAGE = Path(lsp_server.__file__).parent
TELLING = ("completion/service.py", "completion/writer.py", "server/answers.py")
"""Where reasons are given that no table of rules holds."""


def in_tables() -> set[str]:
    tables = gate.ALWAYS + gate.AUTOMATIC + postprocess.COMPLETION + postprocess.REGION
    return {reason for reason, _ in tables}


def given_by(module: str) -> Iterator[str]:
    """Words that a module returns, or gives to what has a reason."""
    for node in ast.walk(ast.parse((PACKAGE / module).read_text("utf-8"))):
        match node:
            case (
                ast.Return(value=ast.expr() as value)
                | ast.Assign(targets=[ast.Name(id="reason")], value=value)
            ):
                yield from words(value)
            case ast.Call(func=ast.Name(id="Withheld" | "NoText"), args=[value]):
                yield from words(value)
            case ast.Call(func=ast.Attribute(attr="nothing"), args=[value, *_]):
                yield from words(value)


def words(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str() as word):
            yield word
        case ast.IfExp(body=one, orelse=other) | ast.BoolOp(values=[one, other]):
            yield from words(one)
            yield from words(other)


def test_every_reason_has_a_sentence_and_every_sentence_a_reason() -> None:
    given = {word for module in TELLING for word in given_by(module)}
    told = in_tables() | given | {OFFERED} | (set(get_args(State)) - {"ready"})
    assert told == set(REASONS)
