"""llama.cpp beside ours: the process that runs it, on the same GGUF file.

The process is ``llama_cpp.mjs``, run by Node with the package ``node-llama-cpp`` and the binaries
that its maintainers publish; its messages are described there. What it writes to standard error is
shown.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lsp_server.bench.node import find_node, install
from lsp_server.models.interfaces import ModelError
from lsp_server.models.storage import Progress

VERSION: Final = "3.22.1"
"""Of ``node-llama-cpp`` and of its binaries."""

_DRIVER: Final = Path(__file__).with_suffix(".mjs")
_BINARIES: Final = {
    ("Linux", "x86_64"): "linux-x64",
    ("Linux", "aarch64"): "linux-arm64",
    ("Darwin", "arm64"): "mac-arm64-metal",
    ("Darwin", "x86_64"): "mac-x64",
    ("Windows", "AMD64"): "win-x64",
    ("Windows", "ARM64"): "win-arm64",
}
_PATIENCE_S: Final = 10.0  # for a process that was told to end


class PeerError(ModelError):
    """llama.cpp cannot be run; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Build:
    """The build of llama.cpp that runs."""

    binding: str  # the version of node-llama-cpp
    release: str  # of llama.cpp
    build: str  # "prebuilt"
    library: str  # the one it chose for this CPU, named after the instruction set
    instructions: str  # the CPU's features that it uses

    def describe(self) -> str:
        """In a line."""
        return (
            f"llama.cpp {self.release} ({self.build}, {self.library}) by node-llama-cpp "
            f"{self.binding}, prompt cache on · {self.instructions.strip(' |')}"
        )


@dataclass(frozen=True, slots=True)
class Written:
    """What one request wrote: the milliseconds of every token, the first with its prompt."""

    ms: tuple[float, ...]
    cached_tokens: int  # of the prompt, that were in the KV cache


def command(model: Path, threads: int, context: int, report: Progress) -> list[str]:
    """The command line of the process; installs the package on first use.

    ``context`` is the most tokens of a prompt and its text. Raises PeerError or NodeError.
    """
    machine = platform.system(), platform.machine()
    binaries = _BINARIES.get(machine)
    if binaries is None:
        raise PeerError(f"there are no binaries of llama.cpp for {' '.join(machine)}")
    packages = [f"node-llama-cpp@{VERSION}", f"@node-llama-cpp/{binaries}@{VERSION}"]
    node = find_node()
    home = install(node, f"node-llama-cpp-{VERSION}", packages, report)
    entry = home / "node_modules" / "node-llama-cpp" / "dist" / "index.js"
    return [node.program, str(_DRIVER), entry.as_uri(), str(model), str(threads), str(context)]


class LlamaCpp:
    """One process of llama.cpp; a context manager that ends it."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the process and wait until it has loaded its model; raises PeerError."""
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            raise PeerError(f"{command[0]} cannot be run: {error.strerror}") from error
        try:
            self.build = Build(**self._hear()["ready"])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> LlamaCpp:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def clear(self, lookup: bool = False) -> None:
        """Empty the KV cache of one of the two contexts."""
        self._say({"do": "clear", "lookup": lookup})
        self._hear()

    def prefill(self, tokens: Sequence[int], lookup: bool = False) -> None:
        """Bring the KV cache to these tokens."""
        self._say({"do": "prefill", "lookup": lookup, "tokens": list(tokens)})
        self._hear()

    def complete(
        self, tokens: Sequence[int], take: Callable[[int], bool], lookup: bool = False
    ) -> Written:
        """Continue a prompt greedily; ``take`` gets every token, and returns whether to go on."""
        self._say({"do": "complete", "lookup": lookup, "tokens": list(tokens)})
        ms: list[float] = []
        while "end" not in (message := self._hear()):
            ms.append(message["ms"])
            self._say({"more": take(message["token"])})
        return Written(tuple(ms), message["cached"])

    def close(self) -> None:
        """End the process."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _say(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # ``_hear`` says why it has ended
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise PeerError(f"llama.cpp ended, exit status {self._process.wait()}")
        message = json.loads(line)
        if "error" in message:
            raise PeerError(f"llama.cpp failed: {message['error']}")
        assert isinstance(message, dict)
        return message
