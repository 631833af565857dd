"""The model's life behind the server, with loads that do as they are told."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from lsp_server.completion.service import CompletionService, Infiller
from lsp_server.diffusion.trace import Observer
from lsp_server.diffusion.types import Cost, Hole, Infill
from lsp_server.models.interfaces import Cancelled, ModelError, ModelInfo, Stop
from lsp_server.server.backend import Backend, Progress
from lsp_server.server.engine import Engine
from lsp_server.server.messages import Status
from lsp_server.server.worker import Worker
from lsp_server.settings import Settings


class Loaded(Backend):
    """A model that is nothing but its name."""

    def __init__(self, name: str) -> None:
        self._info = ModelInfo(name, "scripted", "none", 1, "cpu", "fp32", "seen", 1.0)
        self.itself: Loaded | None = None  # set: a cycle of references

    @property
    def info(self) -> ModelInfo:
        return self._info

    def infiller(self, settings: Settings) -> Decoded:
        return Decoded(self, settings)


class Decoded(Infiller):
    """A decoder that is nothing but its backend, its settings and its thread."""

    def __init__(self, model: Loaded, settings: Settings) -> None:
        self.model, self.settings = model, settings
        self.thread = threading.current_thread().name

    def infill(self, hole: Hole, stop: Stop, observe: Observer | None, cost: Cost) -> Infill:
        raise AssertionError("no test here asks for a text")

    def prefill(self, hole: Hole, stop: Stop) -> int:
        raise AssertionError("no test here reads ahead")

    def forget(self, document: str) -> None:
        raise AssertionError("no test here closes a document")


class Stage:
    """An engine, its threads, the loads that were asked for and the statuses that were told."""

    def __init__(self) -> None:
        self.worker, self.loader = Worker(), Worker("loader")
        self.statuses: list[Status] = []
        self.loads: list[Settings] = []
        self.measured: list[bool] = []  # of each load, whether it might time arithmetic
        self.broken: dict[str, Exception] = {}
        self.held: dict[str, Event] = {}  # a load with this name waits …
        self.given_up: list[str] = []  # … and may be given up there
        self.engine = Engine(
            Settings(model="first"), self.worker, self.loader, self.load, self.changed
        )

    def load(self, settings: Settings, progress: Progress, measure: bool) -> Loaded:
        name = settings.model
        self.loads.append(settings)
        self.measured.append(measure)
        progress("reading", 0.5)
        if held := self.held.get(name):
            assert held.wait(60)
        try:
            progress("nearly there", 0.9)
        except Cancelled:
            self.given_up.append(name)
            raise
        if error := self.broken.get(name):
            raise error
        return Loaded(name)

    def changed(self) -> None:
        self.statuses.append(self.engine.status)

    def hold(self, name: str) -> Event:
        self.held[name] = Event()
        return self.held[name]

    def choose(self, **changes: Any) -> None:
        self.engine.apply(replace(self.engine.settings, **changes))

    async def until(self, condition: Callable[[Status], bool]) -> Status:
        """Wait for a status that was told or stands."""
        async with asyncio.timeout(60):
            while not condition(self.engine.status):
                await asyncio.sleep(0.002)
        return self.engine.status

    async def settled(self) -> Status:
        """Wait until nothing is being loaded."""
        return await self.until(lambda status: status.progress is None)

    async def started(self) -> Status:
        self.engine.start()
        return await self.settled()

    async def loading(self, name: str) -> None:
        """Wait until a load has begun."""
        await self.until(lambda _: any(load.model == name for load in self.loads))

    @property
    def serving(self) -> str:
        """The model that answers now."""
        return decoded(self.engine.service).model.info.name


def decoded(service: CompletionService | None) -> Decoded:
    """What fills holes for a service, which must be there."""
    assert service is not None
    assert isinstance(service._decoder, Decoded)
    return service._decoder


def name(status: Status) -> str | None:
    return status.model.name if status.model else None


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    for held in stage.held.values():
        held.set()
    assert stage.worker.close(60)
    assert stage.loader.close(60)


async def test_the_first_load_tells_how_far_it_is(stage: Stage) -> None:
    assert stage.engine.status.state == "loading"
    status = await stage.started()
    assert (status.state, status.message, name(status)) == ("ready", "", "first")
    told = [(status.state, status.message, status.progress) for status in stage.statuses]
    assert told == [
        ("loading", "loading the model", 0.0),
        ("loading", "reading", 0.5),
        ("loading", "nearly there", 0.9),
        ("ready", "", None),
    ]


async def test_the_old_model_serves_while_the_new_one_loads(stage: Stage) -> None:
    await stage.started()
    release, before = stage.hold("second"), stage.engine.service
    stage.choose(model="second")
    await stage.loading("second")
    status = await stage.until(lambda status: status.progress == 0.5)
    assert (status.state, status.message, name(status)) == ("ready", "second: reading", "first")
    assert stage.engine.service is before
    assert await stage.worker.run(lambda: "free for completions", Event())
    release.set()
    status = await stage.settled()
    assert (status.state, status.message, name(status)) == ("ready", "", "second")
    assert stage.serving == "second"
    assert stage.engine.service is not before


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModelError("tensors are missing"), "tensors are missing"),
        (RuntimeError("no"), "the model cannot be loaded: no"),
    ],
)
async def test_a_failed_load_leaves_the_running_model(
    stage: Stage, error: Exception, message: str
) -> None:
    await stage.started()
    before = stage.engine.service
    stage.broken["second"] = error
    stage.choose(model="second")
    status = await stage.settled()
    assert (status.state, name(status)) == ("ready", "first")
    assert status.message == f"{message}; first goes on serving"
    assert stage.engine.service is before
    assert [load.model for load in stage.loads] == ["first", "second"]
    assert [status.message for status in stage.statuses].count(status.message) == 1


async def test_a_first_load_that_fails_falls_back_to_the_default(stage: Stage) -> None:
    stage.broken["first"] = ModelError("not there")
    status = await stage.started()
    assert (status.state, name(status)) == ("ready", "embedded")
    assert status.message == "not there; embedded serves instead"
    assert [status.message for status in stage.statuses].count(status.message) == 1
    stage.choose(max_tokens=9)  # is no reason to try again, nor to forget why
    await stage.until(lambda _: decoded(stage.engine._service).settings.max_tokens == 9)
    assert stage.engine.status == status
    assert [load.model for load in stage.loads] == ["first", "embedded"]


@pytest.mark.parametrize(
    ("reason", "message"), [("no memory", "not there; no memory"), ("not there", "not there")]
)
async def test_nothing_can_be_loaded(stage: Stage, reason: str, message: str) -> None:
    stage.broken = {"first": ModelError("not there"), "embedded": ModelError(reason)}
    status = await stage.started()
    assert (status.state, status.message, status.model) == ("error", message, None)
    assert stage.engine.service is None
    stage.broken.clear()
    stage.choose(max_tokens=9)  # anything is worth another try then
    assert (await stage.settled()).state == "ready"
    assert stage.serving == "first"


async def test_a_newer_choice_overtakes_an_older_one(stage: Stage) -> None:
    await stage.started()
    release = stage.hold("second")
    stage.choose(model="second")
    await stage.loading("second")
    stage.choose(model="never begun")
    stage.choose(model="fourth")
    await asyncio.sleep(0)  # in which the load learns of it
    release.set()
    status = await stage.settled()
    assert (status.message, name(status), stage.serving) == ("", "fourth", "fourth")
    assert [load.model for load in stage.loads] == ["first", "second", "fourth"]
    assert stage.given_up == ["second"]
    assert all(name(status) in (None, "first", "fourth") for status in stage.statuses)


async def test_choosing_the_serving_model_again_gives_up_the_load(stage: Stage) -> None:
    await stage.started()
    release = stage.hold("second")
    stage.choose(model="second")
    await stage.loading("second")
    stage.choose(model="first")
    status = stage.engine.status
    assert (status.state, status.message, status.progress) == ("ready", "", None)
    await asyncio.sleep(0)  # in which the load learns of it
    release.set()
    await stage.until(lambda _: stage.given_up == ["second"])
    assert (stage.serving, len(stage.loads)) == ("first", 2)


async def test_other_settings_change_while_a_model_loads(stage: Stage) -> None:
    await stage.started()
    release = stage.hold("second")
    stage.choose(model="second")
    await stage.loading("second")
    stage.choose(max_tokens=9)
    await stage.until(lambda _: decoded(stage.engine._service).settings.max_tokens == 9)
    assert stage.serving == "first"
    release.set()
    await stage.settled()
    assert stage.serving == "second"
    assert decoded(stage.engine._service).settings.max_tokens == 9
    assert len(stage.loads) == 2


async def test_another_number_of_threads_loads_the_model_again(stage: Stage) -> None:
    """The number is part of a compiled model, and torch's is set on the thread that computes."""
    await stage.started()

    def uses(threads: int) -> Callable[[Status], bool]:
        return lambda _: decoded(stage.engine.service).settings.threads == threads

    for threads in (3, 0):
        stage.choose(threads=threads)
        await stage.until(uses(threads))
        assert decoded(stage.engine.service).thread == "model"
    assert len(stage.loads) == 3


async def test_nothing_is_timed_beside_a_model_at_work(stage: Stage) -> None:
    """What is timed there would be wrong, and be kept for good."""
    stage.broken["first"] = ModelError("no such model")
    await stage.started()
    stage.choose(model="third")
    await stage.settled()
    assert [load.model for load in stage.loads] == ["first", "embedded", "third"]
    assert stage.measured == [True, True, False]


async def test_settings_that_change_during_the_first_load_count(stage: Stage) -> None:
    release = stage.hold("first")
    stage.engine.start()
    await stage.loading("first")
    stage.choose(max_tokens=9)
    release.set()
    await stage.settled()
    assert decoded(stage.engine._service).settings.max_tokens == 9
    assert len(stage.loads) == 1


async def test_the_old_model_is_released(stage: Stage) -> None:
    await stage.started()
    assert isinstance(stage.engine._backend, Loaded)
    old = weakref.ref(stage.engine._backend)
    stage.engine._backend.itself = stage.engine._backend  # only the garbage collector can end this
    gc.disable()
    try:
        stage.choose(model="second")
        await stage.settled()
        await stage.until(lambda _: old() is None)
    finally:
        gc.enable()


async def test_a_paused_engine_switches_and_stays_paused(stage: Stage) -> None:
    await stage.started()
    stage.engine.pause(True)
    stage.choose(model="second")
    status = await stage.until(lambda status: name(status) == "second")
    assert (status.state, stage.engine.service) == ("paused", None)
    stage.engine.pause(False)
    await stage.settled()
    assert stage.serving == "second"
