"""The log says what went wrong and where, and nothing of documents."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator

import pytest
from lsprotocol import types

from lsp_server.server.logs import WAITING, Discreet, EditorLog, PipeLog, where

SECRET = "swordfish"


def fail() -> None:
    raise ValueError(f"cannot read {SECRET}")


def failure() -> ValueError:
    with pytest.raises(ValueError, match=SECRET) as caught:
        fail()
    return caught.value


def test_where_names_type_and_place_alone() -> None:
    described = where(failure())
    assert described.startswith("ValueError < fail (")
    assert "test_logs.py" in described
    assert SECRET not in described


def test_exceptions_are_written_without_their_messages() -> None:
    error = failure()
    info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("lsp_server", logging.ERROR, "", 1, "it failed", (), info)
    written = Discreet("%(message)s").format(record)
    assert written.startswith("it failed\nValueError < fail")
    assert SECRET not in written


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("lsp_server.tests")
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.handlers.clear()


async def test_records_reach_the_editor_from_any_thread(logger: logging.Logger) -> None:
    sent: list[types.LogMessageParams] = []
    logger.addHandler(EditorLog(sent.append))
    logger.debug("not for the editor")
    logger.warning("from the loop's thread")
    await asyncio.to_thread(logger.error, "from another %s", "thread")
    await asyncio.sleep(0)
    assert [(params.type, params.message) for params in sent] == [
        (types.MessageType.Warning, "from the loop's thread"),
        (types.MessageType.Error, "from another thread"),
    ]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)  # which lets a thread go that still writes
    os.close(writer)


def test_records_go_to_the_pipe(logger: logging.Logger, pipe: tuple[int, int]) -> None:
    log = PipeLog(pipe[1])
    logger.addHandler(log)
    logger.error("it failed", exc_info=failure())
    logger.info("two %s", "lines")
    log.drain()
    written = os.read(pipe[0], 10_000).decode()
    assert "ERROR it failed\nValueError < fail" in written
    assert written.endswith("INFO two lines\n")
    assert SECRET not in written


def test_a_pipe_that_nobody_reads_stops_nobody(
    logger: logging.Logger, pipe: tuple[int, int]
) -> None:
    logger.addHandler(PipeLog(pipe[1]))
    for _ in range(2 * WAITING):
        logger.info("x" * 200)  # far more than a pipe and the queue hold
