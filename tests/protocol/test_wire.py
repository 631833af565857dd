"""The server on the wire, byte by byte: framing, broken messages, standard output, its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import psutil
import pytest

from tests.protocol.conftest import SERVE

URI = "file:///project/a.py"
POSITION = {"line": 0, "character": 0}
COMPLETION = {"textDocument": {"uri": URI}, "position": POSITION, "context": {"triggerKind": 1}}


class Wire:
    """Speaks the base protocol by hand, and takes nothing on standard output but messages."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.seen: list[dict[str, Any]] = []
        self.identities = count(100_000)

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send_body(self, body: bytes) -> None:
        self.send_bytes(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def send(self, **message: Any) -> None:
        self.send_body(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = None
        while (line := self.process.stdout.readline()) != b"\r\n":
            name, _, value = line.partition(b": ")
            assert name in (b"Content-Length", b"Content-Type"), f"not a header: {line!r}"
            if name == b"Content-Length":
                length = int(value)
        assert length is not None
        message = json.loads(self.process.stdout.read(length))
        self.seen.append(message)
        return message

    def answer(self, identity: int) -> dict[str, Any]:
        """The answer to a request; what comes before it is kept in ``seen``."""
        while (message := self.receive()).get("id") != identity or "method" in message:
            pass
        return message

    def initialize(self, **params: Any) -> None:
        params = {"processId": None, "rootUri": None, "capabilities": {}, **params}
        self.send(id=0, method="initialize", params=params)
        assert "result" in self.answer(0)
        self.send(method="initialized", params={})

    def alive(self) -> bool:
        identity = next(self.identities)
        self.send(id=identity, method="unmask/stats", params={})
        return "result" in self.answer(identity)

    def quit(self, identity: int) -> int:
        self.send(id=identity, method="shutdown")
        assert self.answer(identity)["result"] is None
        self.send(method="exit")
        return self.process.wait(20)


NO_MODEL = {"settings": {"model": "no such model"}}  # so that nothing is loaded


def start() -> Iterator[Wire]:
    with subprocess.Popen(SERVE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Wire(process)
        process.kill()


@pytest.fixture
def wire() -> Iterator[Wire]:
    yield from start()


@pytest.fixture
def greeted(wire: Wire) -> Wire:
    wire.initialize(initializationOptions=NO_MODEL)
    return wire


@pytest.fixture(scope="module")
def shared() -> Iterator[Wire]:
    """One server for all that it is to survive."""
    for wire in start():
        wire.initialize(initializationOptions=NO_MODEL)
        yield wire
        assert wire.quit(1_000_000) == 0


@pytest.mark.model
def test_shutdown_and_exit_while_loading(wire: Wire) -> None:
    """Loading cannot be interrupted; the end does not wait for it."""
    wire.initialize()
    assert wire.quit(1) == 0
    assert wire.process.stdout is not None
    assert wire.process.stdout.read() == b"", "nothing comes after the answer to shutdown"


def test_shutdown_and_exit(greeted: Wire) -> None:
    assert greeted.quit(1) == 0


def test_exit_without_shutdown(greeted: Wire) -> None:
    greeted.send(method="exit")
    assert greeted.process.wait(20) == 1


def test_end_of_input_ends_the_server(greeted: Wire) -> None:
    assert greeted.process.stdin is not None
    greeted.process.stdin.close()
    assert greeted.process.wait(20) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"42",
        b"null",
        b"{}",
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "1.0", "id": 7, "method": "shutdown"}',
        b'{"jsonrpc": "2.0", "id": {}, "method": "unmask/stats"}',
        b'{"jsonrpc": "2.0", "method": 3}',
        b'{"jsonrpc": "2.0", "id": 99, "result": "nobody asked"}',
        b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "unknown"}}',
        b'{"jsonrpc": "2.0", "method": "$/cancelRequest"}',
        b'{"jsonrpc": "2.0", "method": "no/such/notification", "params": [1]}',
        b'{"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"x": "secret"}}',
        b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": null}',
        b"[" * 5000,
    ],
)
def test_broken_message_is_survived(shared: Wire, body: bytes) -> None:
    shared.send_body(body)
    assert shared.alive()
    assert not any(message.get("method") == "window/showMessage" for message in shared.seen)
    assert "secret" not in json.dumps(shared.seen)


def test_broken_framing_is_survived(shared: Wire) -> None:
    shared.send_bytes(b"garbage\r\n\r\nContent-Length: many\r\n\r\n\x00\x00\r\n")
    assert shared.alive()


def test_wrong_parameters_are_answered(greeted: Wire) -> None:
    greeted.send(id=1, method="textDocument/inlineCompletion", params={"textDocument": 3})
    assert greeted.answer(1)["result"] is None, "a completion never is an error"
    greeted.send(id=2, method="textDocument/inlineCompletion")
    assert greeted.answer(2)["result"] is None
    greeted.send(id=3, method="unmask/infill", params={"range": []})
    assert greeted.answer(3)["error"]["code"] == -32602
    greeted.send(id=30, method="unmask/infill")
    assert greeted.answer(30)["error"]["code"] == -32602
    greeted.send(id=4, method="no/such/request", params={})
    assert greeted.answer(4)["error"]["code"] == -32601
    greeted.send(id=5, method="workspace/executeCommand", params={"command": "no.such"})
    assert greeted.answer(5)["error"]["code"] == -32602
    params = {"command": "unmask.accepted", "arguments": ["no such id"]}
    greeted.send(id=6, method="workspace/executeCommand", params=params)
    assert greeted.answer(6)["result"] is None
    greeted.send(id=7, method="unmask/stats")
    assert "result" in greeted.answer(7)
    assert not any(message.get("method") == "window/showMessage" for message in greeted.seen)


def test_change_and_completion_of_an_unknown_document(greeted: Wire) -> None:
    change = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"text": "x"}]}
    greeted.send(method="textDocument/didChange", params=change)
    greeted.send(method="textDocument/didClose", params={"textDocument": {"uri": URI}})
    greeted.send(id=1, method="textDocument/inlineCompletion", params=COMPLETION)
    assert greeted.answer(1)["result"] is None
    assert greeted.alive()


def test_request_before_initialize(wire: Wire) -> None:
    wire.send(id=1, method="textDocument/inlineCompletion", params=COMPLETION)
    assert wire.answer(1)["result"] is None
    wire.initialize(initializationOptions=NO_MODEL)
    assert wire.alive()


def test_server_ends_with_its_client() -> None:
    """Also when another process holds its standard input open."""
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    reading, writing = os.pipe()
    with subprocess.Popen(SERVE, stdin=reading, stdout=subprocess.PIPE) as process:
        os.close(reading)
        wire = Wire(process)
        params: dict[str, Any] = {"processId": editor.pid, "rootUri": None, "capabilities": {}}
        body = json.dumps(
            {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        ).encode()
        os.write(writing, b"Content-Length: %d\r\n\r\n" % len(body) + body)
        wire.answer(0)
        children = psutil.Process(process.pid).children(recursive=True)
        editor.communicate(b"\n")
        assert process.wait(20) == 1
        os.close(writing)
        time.sleep(0.1)
        assert not [child for child in children if child.is_running()]


def test_standard_output_is_the_protocols_alone() -> None:
    script = (
        "import os\n"
        "from lsp_server.server.process import claim_stdio\n"
        "incoming, outgoing = claim_stdio()\n"
        "print('a stray print')\n"
        "os.write(1, b'a stray write')\n"
        "os.system('echo a stray child')\n"
        "assert os.read(0, 1) == b''\n"
        "outgoing.write(incoming.read())\n"
        "outgoing.flush()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], input=b"message", capture_output=True, check=True
    )
    assert result.stdout == b"message"
    assert result.stderr.count(b"a stray") == 3
