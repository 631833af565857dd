"""The messages to llama.cpp's process, with a process that only pretends; and finding Node."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lsp_server.bench import llama_cpp, node
from lsp_server.bench.llama_cpp import LlamaCpp, PeerError
from lsp_server.bench.node import Node, NodeError
from lsp_server.models.interfaces import ModelError

PEER = """
import json, sys

def say(message):
    print(json.dumps(message), flush=True)

def hear():
    return json.loads(sys.stdin.readline())

caches = {False: [], True: []}
say({"ready": dict(binding="1", release="b1", build="prebuilt", library="x.so", instructions="A")})
for line in sys.stdin:
    request = json.loads(line)
    cache = caches[request["lookup"]]
    if request["do"] == "clear":
        cache.clear()
        say({})
        continue
    tokens = request["tokens"]
    if 666 in tokens:
        sys.exit(3)
    if 13 in tokens:
        say({"error": "no room"})
        sys.exit(1)
    shared = 0
    while shared < min(len(cache), len(tokens)) and cache[shared] == tokens[shared]:
        shared += 1
    cache[:] = tokens
    if request["do"] == "prefill":
        say({})
        continue
    for token in range(100, 105):
        say({"token": token, "ms": 1.0})
        if not hear()["more"]:
            break
    say({"end": True, "cached": min(shared, len(tokens) - 1)})
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    script = tmp_path / "peer.py"
    script.write_text(PEER)
    return [sys.executable, str(script)]


def test_tokens_come_one_by_one_until_they_are_refused(command: list[str]) -> None:
    taken: list[int] = []

    def take(token: int) -> bool:
        taken.append(token)
        return len(taken) < 3

    with LlamaCpp(command) as peer:
        assert peer.build.library == "x.so"
        assert "x.so" in peer.build.describe()
        written = peer.complete([1, 2, 3], take)
        assert taken == [100, 101, 102]
        assert written.ms == (1.0, 1.0, 1.0)
        assert written.cached_tokens == 0
        assert peer.complete([1, 2, 3, 4], lambda _: True).ms == (1.0,) * 5  # it ends by itself


def test_what_is_cached_stays_until_it_is_cleared(command: list[str]) -> None:
    with LlamaCpp(command) as peer:
        peer.prefill([1, 2, 3])
        assert peer.complete([1, 2, 3, 4], lambda _: False).cached_tokens == 3
        assert peer.complete([1, 2, 3, 4], lambda _: False, lookup=True).cached_tokens == 0
        peer.clear()
        assert peer.complete([1, 2, 3, 4], lambda _: False).cached_tokens == 0


@pytest.mark.parametrize(("token", "words"), [(13, "no room"), (666, "exit status 3")])
def test_a_peer_that_fails_says_why(command: list[str], token: int, words: str) -> None:
    with LlamaCpp(command) as peer, pytest.raises(PeerError, match=words):
        peer.complete([token], lambda _: True)


def test_a_peer_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="exit status"):
        LlamaCpp([sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(PeerError, match="cannot be run"):
        LlamaCpp([str(tmp_path / "nothing")])


def test_its_process_ends_with_it(command: list[str]) -> None:
    with LlamaCpp(command) as peer:
        process = peer._process
        assert process.poll() is None
    assert process.returncode == 0


def test_a_machine_without_binaries_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    with pytest.raises(PeerError, match="pdp11"):
        llama_cpp.command(Path("x.gguf"), 2, 512, lambda message, _: None)


@pytest.mark.parametrize(
    ("answer", "words"), [("v12.22.9", "node 12 is too old"), (None, "there is no node")]
)
def test_a_missing_node_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str | None, words: str
) -> None:
    if answer:
        for name in ("node", "npm"):
            (tmp_path / name).write_text(f"#!/bin/sh\necho {answer}\n")
            (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(node, "find_spec", lambda name: None)
    with pytest.raises(NodeError, match=words):
        node.find_node()


class Npm:
    """Stands for npm: makes what an installation makes, or fails."""

    def __init__(self, status: int = 0) -> None:
        self.status, self.commands = status, list[list[str]]()

    def __call__(
        self, command: list[str], cwd: Path, **_: object
    ) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        (cwd / "node_modules").mkdir()
        return subprocess.CompletedProcess(command, self.status, "", "npm error code E404\nmore")


def test_a_package_is_installed_once_and_never_by_halves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UNMASK_CACHE", str(tmp_path))
    told: list[str] = []

    def install(npm: Npm) -> Path:
        monkeypatch.setattr(subprocess, "run", npm)
        found = Node("/bin/node", ("/bin/npm",))
        return node.install(found, "peer-1", ["peer@1"], lambda message, _: told.append(message))

    with pytest.raises(ModelError, match=r"npm install peer@1 failed: npm error code E404"):
        install(Npm(status=1))
    assert [path.name for path in tmp_path.iterdir()] == [".locks"]

    npm = Npm()
    home = install(npm)
    assert (home / "node_modules").is_dir()
    assert {"--ignore-scripts", "--omit=optional", "peer@1"} <= set(npm.commands[0])
    assert told == [f"installing peer@1 into {home}"] * 2

    again = Npm()
    assert install(again) == home
    assert again.commands == []


def test_the_driver_says_what_stops_it() -> None:
    """The real driver, with a package that is not there."""
    try:
        program = node.find_node().program
    except NodeError as error:
        pytest.skip(str(error))
    driver = str(llama_cpp._DRIVER)
    start = [program, driver, "file:///nowhere/index.js", "x.gguf", "1", "64"]
    done = subprocess.run(start, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert "nowhere" in json.loads(done.stdout)["error"]
    with pytest.raises(PeerError, match="nowhere"):
        LlamaCpp(start)
