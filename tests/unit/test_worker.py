"""One thread for the model: order, stopping, reading ahead, the end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event

import pytest

from lsp_server.models.interfaces import Cancelled
from lsp_server.server.worker import NotBegun, Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.close(5)


async def test_runs_jobs_in_order_on_one_other_thread(worker: Worker) -> None:
    seen: list[tuple[int, str]] = []

    def look(n: int) -> None:
        seen.append((n, threading.current_thread().name))

    await asyncio.gather(*(worker.run(partial(look, n), Event()) for n in range(5)))
    assert seen == [(n, "model") for n in range(5)]
    assert threading.current_thread().name != "model"


async def test_hands_on_what_a_job_raises(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0, Event())
    assert await worker.run(lambda: 2, Event()) == 2
    assert not worker.busy


async def test_cancelled_wait_sets_the_stop_flag(worker: Worker) -> None:
    stop, begun = Event(), Event()

    def job() -> None:
        begun.set()
        assert stop.wait(5)

    waiting = asyncio.create_task(worker.run(job, stop))
    await asyncio.to_thread(begun.wait, 5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert stop.is_set()
    assert await worker.run(lambda: "free again", Event()) == "free again"


async def test_job_that_is_cancelled_while_it_waits_never_runs(worker: Worker) -> None:
    gate, ran = Event(), []
    first = asyncio.create_task(worker.run(gate.wait, Event()))
    second = asyncio.create_task(worker.run(lambda: ran.append(2), Event()))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    gate.set()
    await first
    await worker.run(lambda: None, Event())
    assert ran == []


async def test_job_that_is_stopped_while_it_waits_never_runs(worker: Worker) -> None:
    gate, stop, ran = Event(), Event(), []
    first = asyncio.create_task(worker.run(gate.wait, Event()))
    second = asyncio.create_task(worker.run(lambda: ran.append(2), stop))
    await asyncio.sleep(0)
    stop.set()
    gate.set()
    await first
    with pytest.raises(Cancelled):
        await second
    assert ran == []


async def test_job_that_cannot_begin_in_time_never_runs(worker: Worker) -> None:
    gate, ran = Event(), []
    first = asyncio.create_task(worker.run(gate.wait, Event()))
    await asyncio.sleep(0)
    with pytest.raises(NotBegun):
        await worker.run(lambda: ran.append(2), Event(), start_by=time.perf_counter() + 0.01)
    assert not first.done()
    gate.set()
    await first
    await worker.run(lambda: None, Event())
    assert ran == []
    assert not worker.busy


async def test_job_that_has_begun_in_time_is_waited_for(worker: Worker) -> None:
    gate, begun = Event(), Event()

    def job() -> str:
        begun.set()
        assert gate.wait(60)
        return "done"

    soon = time.perf_counter() + 0.2
    late = asyncio.create_task(worker.run(job, Event(), start_by=soon))
    await asyncio.to_thread(begun.wait, 60)
    await asyncio.sleep(max(soon - time.perf_counter(), 0) + 0.05)
    gate.set()
    assert await late == "done"


async def test_real_work_stops_reading_ahead(worker: Worker) -> None:
    begun, stopped = Event(), Event()

    def prefill(stop: Callable[[], bool]) -> None:
        begun.set()
        while not stop():
            pass
        stopped.set()

    reading = worker.read_ahead(prefill)
    await asyncio.to_thread(begun.wait, 5)
    assert not worker.busy
    assert await worker.run(stopped.is_set, Event()) is True
    assert reading.done()


async def test_newer_reading_ahead_replaces_what_has_not_begun(worker: Worker) -> None:
    gate, ran = Event(), []
    waiting = asyncio.create_task(worker.run(gate.wait, Event()))
    await asyncio.sleep(0)
    worker.read_ahead(lambda stop: ran.append("older"))
    newer = worker.read_ahead(lambda stop: ran.append("newer"))
    gate.set()
    await waiting
    await asyncio.wrap_future(newer)
    assert ran == ["newer"]


async def test_close_stops_jobs_and_says_when_one_does_not_stop() -> None:
    worker, stop, gate = Worker(), Event(), Event()
    obedient = asyncio.create_task(worker.run(lambda: stop.wait(5), stop))
    await asyncio.sleep(0.01)
    assert worker.close(5)
    assert await obedient

    worker = Worker()
    deaf = asyncio.create_task(worker.run(gate.wait, Event()))
    await asyncio.sleep(0.01)
    assert not worker.close(0.05)
    gate.set()
    await deaf
    assert worker.close(5)
