"""A worker thread: runs queued jobs one after the other, each of which can be stopped.

One worker runs the model: a forward takes up to a tenth of a second, so the model must run neither
on the event loop nor on two threads at once. A job is stopped by a flag that it checks between
two forwards.
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
    """The job did not begin in time, because the thread was busy with other jobs."""


class Worker:
    """Runs jobs one after the other on one thread.

    ``read_ahead`` queues a job that nobody waits for yet (prefilling the KV cache ahead of a
    request): it is stopped by any job given to ``run``, and by any newer ``read_ahead``.
    """

    def __init__(self, name: str = "model") -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._stops: set[Event] = set()
        self._reading_ahead = Event()
        # A daemon, because a model that is being loaded cannot be interrupted: see ``close``.
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a job given to ``run`` runs or waits."""
        return bool(self._stops)

    async def run(self, job: Callable[[], T], stop: Event, start_by: float | None = None) -> T:
        """Run a job on the thread and wait for what it returns or raises.

        When the waiting task is cancelled, ``stop`` is set; the job is expected to check it. Raises
        Cancelled if ``stop`` was set before the job began, and NotBegun if the job has not begun
        by ``start_by`` (a ``time.perf_counter`` value); it is then never run.
        """
        self.stop_reading_ahead()
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
        """Queue a job that nothing stops; jobs run in the order in which they were queued."""
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return future

    def read_ahead(self, job: Callable[[Callable[[], bool]], object]) -> Future[object]:
        """Queue a job ahead of need; it is called with a function that says whether to stop."""
        self.stop_reading_ahead()
        self._reading_ahead = stop = Event()
        return self.submit(lambda: None if stop.is_set() else job(stop.is_set))

    def stop_reading_ahead(self) -> None:
        """Stop the job of the last ``read_ahead``, whether it runs or waits."""
        self._reading_ahead.set()

    def close(self, timeout: float) -> bool:
        """Stop every job; False when the thread has not ended after ``timeout`` seconds."""
        self.stop_reading_ahead()
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
            del item, future, job  # else the job's result stays in memory until the next job


def _begin(job: Callable[[], T], stop: Event) -> T:
    if stop.is_set():
        raise Cancelled
    return job()
