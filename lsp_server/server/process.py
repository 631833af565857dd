"""The process of the server: its standard streams are the protocol's, it ends with its client."""

from __future__ import annotations

import os
import sys
import time
from threading import Thread
from typing import BinaryIO, Final

import psutil

CHECK_S: Final = 1.0
"""How often to look whether the client still lives."""


def claim_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for the protocol alone.

    Whatever else writes to standard output afterwards, from Python or from C, ends up on standard
    error; whatever else reads standard input finds it empty.
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
    """End this process when the client's ends, even if its pipes live on in other processes.

    A process id that is not visible from here (the client runs elsewhere) is not watched.
    """
    try:
        client = psutil.Process(process_id)
    except (psutil.Error, ValueError):
        return

    def watch() -> None:
        while _lives(client):
            time.sleep(CHECK_S)
        os._exit(1)  # nobody is left to talk to, and other threads may be deep in a forward

    Thread(target=watch, name="client watch", daemon=True).start()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
