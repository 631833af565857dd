"""A thread that does one job after the other, and how its work is given up.

One such thread runs the model: torch is busy for up to a tenth of a second at a time, so it must
run neither on the event loop nor on two threads at once. A job is stopped by a flag that it reads
between two forwards. Knows nothing of what the jobs do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

from lsp_server.models.interfaces import Cancelled

T = TypeVar("T")


class NotBegun(Exception):
    """The thread was busy with other jobs for too long."""


class Worker:
    """Runs jobs one after the other on one thread.

    *Warming* is work ahead of need: any real job, and any newer warming, stops it.
    """

    def __init__(self, name: str = "model") -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._stops: set[Event] = set()
        self._warming = Event()
        # A daemon, because a model that is being loaded cannot be interrupted: see ``close``.
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a real job runs or waits."""
        return bool(self._stops)

    async def run(self, job: Callable[[], T], stop: Event, start_by: float | None = None) -> T:
        """Run a job on the thread and wait for what it returns or raises.

        When the waiting task is cancelled, ``stop`` is set: the job is expected to read it. Raises
        Cancelled when it was set before the job began, and NotBegun when the job has not begun at
        ``start_by``, by ``time.perf_counter``; then it never will.
        """
        self.cool()
        self._stops.add(stop)
        future = self.submit(partial(_begin, job, stop))
        try:
            waiting = asyncio.wrap_future(future)
            if start_by is not None:
                await asyncio.wait([waiting], timeout=max(start_by - time.perf_counter(), 0))
                if not waiting.done() and future.cancel():
                    raise NotBegun
            return await waiting
        except asyncio.CancelledError:
            stop.set()
            future.cancel()
            raise
        finally:
            self._stops.discard(stop)

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Queue a job; it comes after all that were queued before, and nothing stops it."""
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return future

    def warm(self, job: Callable[[Callable[[], bool]], object]) -> Future[object]:
        """Queue work ahead of need; the job gets its stop flag."""
        self.cool()
        self._warming = stop = Event()
        return self.submit(lambda: None if stop.is_set() else job(stop.is_set))

    def cool(self) -> None:
        """Give up warming."""
        self._warming.set()

    def close(self, timeout: float) -> bool:
        """Stop every job; False when the thread has not ended after ``timeout`` seconds."""
        self.cool()
        for stop in tuple(self._stops):
            stop.set()
        self._jobs.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, job = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(job())
                except BaseException as error:
                    future.set_exception(error)
            del item, future, job  # or the last job's values live until the next one comes


def _begin(job: Callable[[], T], stop: Event) -> T:
    if stop.is_set():
        raise Cancelled
    return job()
