"""The server's process: reserves standard input and output for LSP, ends when its client ends."""

from __future__ import annotations

import os
import sys
import time
from threading import Thread
from typing import BinaryIO, Final

import psutil

CHECK_S: Final = 1.0
"""Seconds between two checks whether the client still runs."""


def claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Reserve standard input and output for the protocol; returns both as binary files.

    Afterwards, anything else that writes to standard output, from Python or from C, writes to
    standard error, and anything else that reads standard input finds it empty.
    """
    sys.stdout.flush()
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return incoming, outgoing


def exit_with(process_id: int) -> None:
    """End this process when the client's ends, even if other processes keep its pipes open.

    Does nothing if the process is not visible from here (a client on another machine).
    """
    try:
        client = psutil.Process(process_id)
    except (psutil.Error, ValueError):
        return

    def watch() -> None:
        while _lives(client):
            time.sleep(CHECK_S)
        os._exit(1)  # does not wait for other threads, which may be computing

    Thread(target=watch, name="client watch", daemon=True).start()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
