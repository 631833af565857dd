"""Runs a language server and records every message to and from it, one JSON object per line.

    recorder.py FILE PROGRAM [ARGUMENT…]

The bytes are passed on unchanged. Each line of FILE is ``{"from": "editor" | "server", "time":
seconds, "message": {…}}``. Standard error passes through.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO


class Record:
    """The file of messages; thread-safe."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, sender: str, body: bytes) -> None:
        line = json.dumps({"from": sender, "time": time.time(), "message": json.loads(body)})
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()


def relay(source: IO[bytes], target: IO[bytes], sender: str, record: Record) -> None:
    """Pass messages on until the source ends, then end the target."""
    try:
        while header := source.readline():
            length = 0
            head = header
            while header not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                header = source.readline()
                head += header
            body = source.read(length)
            record.write(sender, body)
            target.write(head + body)
            target.flush()
    except BrokenPipeError:
        pass
    finally:
        target.close()


def main() -> int:
    record = Record(Path(sys.argv[1]))
    server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin
    assert server.stdout
    threading.Thread(
        target=relay, args=(sys.stdin.buffer, server.stdin, "editor", record), daemon=True
    ).start()
    relay(server.stdout, sys.stdout.buffer, "server", record)
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
