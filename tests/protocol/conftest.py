"""A server in this process with the puppet, and the real one with the real model."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from threading import Thread

import pytest
import pytest_asyncio

from lsp_server.server.handlers import create
from lsp_server.server.server import UnmaskServer
from lsp_server.settings import Settings
from tests.protocol.editor import Editor
from tests.protocol.puppet import Puppet

SERVE = (sys.executable, "-m", "lsp_server", "serve")


@dataclass
class Stage:
    """A server with a puppet on a socket, and the thread that it runs in."""

    puppet: Puppet
    server: UnmaskServer
    port: int
    thread: Thread

    async def connect(self, editor: Editor) -> None:
        for _ in range(200):
            try:
                await editor.client.start_tcp("127.0.0.1", self.port)
                return
            except OSError:
                await asyncio.sleep(0.02)
        raise AssertionError("the server does not listen")


@pytest.fixture
def stage() -> Iterator[Stage]:
    puppet = Puppet()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = create(Settings(), puppet.load)
    thread = Thread(target=server.start_tcp, args=("127.0.0.1", port), daemon=True)
    thread.start()
    yield Stage(puppet, server, port, thread)
    puppet.holding = False
    puppet.loaded.set()
    assert server.stop_work(5)
    thread.join(5)
    assert not thread.is_alive(), "the server did not exit"


@pytest.fixture
async def editor(stage: Stage) -> AsyncIterator[Editor]:
    """An editor that the server with the puppet is ready for."""
    editor = Editor.new()
    await stage.connect(editor)
    await editor.initialize()
    await editor.until("ready", 10)
    yield editor
    assert not editor.shown, "the server showed a pop-up"
    await editor.quit()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real() -> AsyncIterator[Editor]:
    """The real server with the real model, over standard input and output; shared."""
    editor = Editor.new()
    await editor.start(*SERVE)
    settings = {"maxBlockTokens": 48}  # else a completion in an empty file is slow
    await editor.initialize({"acceptedCommand": True, "settings": settings})
    await editor.until("ready")
    yield editor
    assert not editor.shown, "the server showed a pop-up"
    assert await editor.quit() == 0
