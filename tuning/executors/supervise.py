"""A slot on a worker of a cluster: a process with a warm child, and what passes between it and the driver's queues."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from ..errors import BadValue
from ..versions import PACKAGES, versions
from .processes import cores

Command: TypeAlias = tuple[str, tuple[Any, ...]]  # submit, reply, stop with their arguments; close
END = b"end"  # what ends a slot
TRIMMED = "MALLOC_TRIM_THRESHOLD_"  # which Dask sets for its workers: every large array would be paged in anew


@dataclass(frozen=True)
class Start:
    """What a slot is begun with."""

    told: str  # the queue in which it tells
    inbox: str  # the queue in which it is told
    number: int
    folder: str  # the study's
    threads: int | None
    deterministic: bool
    silent: float
    versions: dict[str, str]


def supervise(start: Start) -> None:
    """On a worker, as long as the search lasts: a process with a warm child; what it is told, and tells, is passed on."""
    import distributed

    worker, client = distributed.get_worker(), distributed.get_client()
    _check(start, worker.address)
    threads = start.threads or max(1, cores() // worker.state.nthreads)
    log = str(Path(start.folder) / "workers.log")
    told, inbox = (distributed.Queue(name, client=client) for name in (start.told, start.inbox))
    environment = {name: value for name, value in os.environ.items() if name != TRIMMED}
    with open(log, "ab") as errors:
        argv = [sys.executable, "-m", "tuning.executors.slot"]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment)
    if process.stdin is None or process.stdout is None:  # pragma: no cover - they were asked for
        raise RuntimeError("a process without pipes")
    threading.Thread(target=_tell, args=(process.stdout, told, inbox, start.number), daemon=True).start()
    try:
        with contextlib.suppress(OSError):  # the driver is gone, or the scheduler, or the process
            pickle.dump((threads, start.deterministic, log), process.stdin)
            told.put(pickle.dumps((start.number, None)))
            while (command := inbox.get(timeout=start.silent)) != END:
                process.stdin.write(command)
                process.stdin.flush()
    finally:
        process.kill()  # its children end with it
        process.wait()
        for one in (inbox, told):
            with contextlib.suppress(Exception):
                one.close()


def _check(start: Start, address: str) -> None:
    """Refuse a worker that does not see the folder, or has other packages."""
    if not Path(start.folder).is_dir():
        raise BadValue(f"a cluster's workers need the study's folder; {address} does not see {start.folder} (--out: a shared disk)")
    here = versions()
    for package in PACKAGES:
        if start.versions[package] != here[package]:
            raise BadValue(
                f"a cluster's workers need the driver's packages; {package} is {start.versions[package]} there and {here[package]} "
                f"at {address}"
            )


def _tell(source: BinaryIO, told: Any, inbox: Any, number: int) -> None:
    """Pass on what the process tells; its end ends the slot."""
    with contextlib.suppress(EOFError, OSError, KeyError, pickle.UnpicklingError):
        while True:
            told.put(pickle.dumps((number, pickle.load(source))))
    with contextlib.suppress(Exception):
        inbox.put(END)
