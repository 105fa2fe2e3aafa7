"""A process of its own on a cluster's worker: one warm child, driven by what comes on standard input.

A Dask worker is daemonic, so it may start no child of multiprocessing; a plain subprocess may. What it is told are methods of an
Executor with their arguments, what it tells are Messages, both pickled. It ends when standard input closes.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .base import Executor
from .processes import Processes
from .supervise import Command

TICK = 0.1  # seconds between looks at what has come in while the child trains


def main() -> None:
    """Begin with threads of the child, determinism and the log; then serve."""
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints goes where errors go
    threads, deterministic, log = pickle.load(source)
    commands: queue.Queue[Command] = queue.Queue()
    threading.Thread(target=_listen, args=(source, commands), daemon=True).start()
    with contextlib.closing(Processes(1, deterministic, Path(log), threads)) as executor:
        serve(executor, commands, target)


def serve(executor: Executor, commands: queue.Queue[Command], target: BinaryIO) -> None:
    """Do what comes; listen to the child while it trains."""
    training = False  # an epoch that was told waits for its reply
    while True:
        for name, arguments in _come(commands, wait=not training):
            if name == "close":
                return
            getattr(executor, name)(*arguments)
            training = name != "stop"
        for message in executor.poll(TICK) if training else ():
            pickle.dump(message, target)
            target.flush()
            training = False


def _come(commands: queue.Queue[Command], wait: bool) -> Iterator[Command]:
    """What has come in; the first is waited for."""
    with contextlib.suppress(queue.Empty):
        yield commands.get(block=wait)
        while True:
            yield commands.get_nowait()


def _listen(source: BinaryIO, commands: queue.Queue[Command]) -> None:
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            commands.put(pickle.load(source))
    commands.put(("close", ()))


if __name__ == "__main__":
    main()
