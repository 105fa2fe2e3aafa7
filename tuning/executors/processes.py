"""Jobs in child processes of a warm forkserver: TensorFlow is loaded once, a child starts in some 50 ms.

A child that dies costs its own job alone. It lives for many jobs, keeps the training steps it has traced, and is replaced
when its memory has grown (TensorFlow gives back little of a trial's). Children end themselves when the pipe to the driver
closes, so that none is left behind, whatever kills the driver.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
import types
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ..quiet import errors_to
from ..training.child import PRELOADED, serve
from ..training.jobs import KEPT, Job
from .base import Message

GROWTH = 1.3  # times its memory after its first trial at which a child is replaced
UNMEASURED = 12  # jobs a child lives for where its memory cannot be known
GRACE = 2.0  # seconds a child is given to end


@dataclass
class Child:
    """A process with its pipe, what it works on, what it has traced, and what memory it took at first."""

    process: BaseProcess
    pipe: Connection
    job: Job | None = None
    done: int = 0
    heard: float = 0.0
    first: int = 0
    structures: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))

    def ended(self, job: Job, memory: int) -> bool:
        """Take in the end of a job; whether the child has grown too large to go on."""
        self.job, self.done = None, self.done + 1
        if job.kind != "train":
            return False
        if job.structure in self.structures:
            self.structures.remove(job.structure)
        self.structures.append(job.structure)
        self.first = self.first or memory
        return memory > GROWTH * self.first if memory else self.done >= UNMEASURED


class Processes:
    """An Executor of N child processes at a time, each with so many threads (by default its share of the cores)."""

    opened = 0  # how many share this process's server

    def __init__(self, workers: int, deterministic: bool = False, log: Path | None = None, threads: int | None = None) -> None:
        self.slots = workers
        self.deterministic = deterministic
        self.threads = 1 if deterministic else threads or max(1, cores() // workers)
        self._log = str(log or os.devnull)
        self._children: list[Child] = []
        self._closed = False
        Processes.opened += 1
        forks = "forkserver" in multiprocessing.get_all_start_methods()
        self._context: ForkServerContext | SpawnContext
        self._context = multiprocessing.get_context("forkserver") if forks else multiprocessing.get_context("spawn")
        if forks:
            self._context.set_forkserver_preload([*PRELOADED, "tuning.training.deliver"])
            with errors_to(self._log), _no_main():
                forkserver.ensure_running()  # starts to load TensorFlow while the driver reads the data

    def submit(self, job: Job) -> None:
        """Give the job to an idle child, best to one that has traced its structure, or to a new one."""
        idle = [child for child in self._children if child.job is None]
        child = max(idle, key=lambda child: job.structure in child.structures) if idle else self._start()
        child.job, child.heard = job, time.monotonic()
        with contextlib.suppress(OSError):  # a child that died idle is found by poll
            child.pipe.send(job)

    def _start(self) -> Child:
        here, there = self._context.Pipe()
        arguments = (there, self.threads, self.deterministic, self._log)
        process: BaseProcess = self._context.Process(target=serve, args=arguments)
        with _no_main():
            process.start()
        there.close()
        self._children.append(Child(process, here))
        return self._children[-1]

    def poll(self, timeout: float) -> list[Message]:
        """Messages of all children; a dead or hung child is a failed job."""
        busy = [child for child in self._children if child.job is not None]
        silent = min((child.job.silence - (time.monotonic() - child.heard) for child in busy if child.job), default=60.0)
        waited: list[Any] = [child.pipe for child in busy]
        ready = wait(waited, max(0.0, min(timeout, silent))) if busy else self._rest(timeout)
        messages = [self._hear(child) for child in busy if child.pipe in ready]
        now = time.monotonic()
        for child in busy:
            if child.job and child.pipe not in ready and now - child.heard > child.job.silence:
                reason = f"no epoch ended within {child.job.silence:.0f} s: the child was ended"
                messages.append(Message("failed", child.job.id, {"kind": "hung", "reason": reason}))
                self._end(child)
        return messages

    @staticmethod
    def _rest(timeout: float) -> list[Any]:
        time.sleep(timeout)
        return []

    def _hear(self, child: Child) -> Message:
        job = child.job
        if job is None:  # pragma: no cover - busy children alone are heard
            raise RuntimeError("an idle child was heard")
        try:
            (kind, number, body), memory = child.pipe.recv()
        except (EOFError, OSError):
            self._end(child)
            return Message("failed", job.id, {"kind": "killed", "reason": _how(child.process.exitcode)})
        child.heard = time.monotonic()
        if kind != "epoch" and child.ended(job, memory):
            self._end(child)
        return Message(kind, number, body)

    def reply(self, job: int, decision: str) -> None:
        """Answer the epoch that waits."""
        for child in self._children:
            if child.job is not None and child.job.id == job:
                with contextlib.suppress(OSError):
                    child.pipe.send(decision)

    def stop(self, job: int) -> None:
        """Kill the job's child."""
        for child in [c for c in self._children if c.job is not None and c.job.id == job]:
            self._end(child)

    def _end(self, child: Child) -> None:
        self._children.remove(child)
        child.pipe.close()
        if child.process.is_alive():
            child.process.kill()
        child.process.join(GRACE)

    def close(self) -> None:
        """Kill every child, and the server when no other executor needs it."""
        for child in list(self._children):
            self._end(child)
        Processes.opened -= not self._closed
        self._closed = True
        if Processes.opened <= 0 and self._context.get_start_method() == "forkserver":
            server: Any = forkserver._forkserver  # the only way to end it before exit
            with contextlib.suppress(OSError, AttributeError, TypeError):
                os.kill(server._forkserver_pid, signal.SIGKILL)  # it holds nothing, and takes a second to unload TensorFlow
                server._stop()

    @property
    def pids(self) -> list[int]:
        """Process ids of the living children."""
        return [child.process.pid for child in self._children if child.process.pid is not None]


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers() -> int:
    """One child a core, as far as memory goes (1.5 GB a child)."""
    available = available_memory()
    return cores() if available is None else max(1, min(cores(), int(available // 1.5e9)))


def available_memory() -> float | None:
    """Bytes that can be had without swapping, what caches hold included; None where the system does not say (not Linux)."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
    return None


def _how(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"the child process ended with status {exitcode}"
    name = signal.Signals(-exitcode).name
    hint = " (out of memory, perhaps)" if name == "SIGKILL" else ""
    return f"the child process was killed by {name}{hint}"


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """Keep multiprocessing from running the user's script again in each child: jobs need nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
