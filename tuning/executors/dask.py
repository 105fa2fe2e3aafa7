"""Jobs on the workers of a Dask cluster: on each thread one task that lasts as long as the search, and supervises one warm child.

A task a trial would load TensorFlow for each, could not be ended (Dask lets a cancelled task run on), and would be run again on
another worker when it had killed its own. So tasks are slots, each placed on one worker; jobs go to them and messages come back
through queues of the scheduler, which every worker and the driver reach, whatever lies between them. A child that dies is a message
like any other, a worker that is lost a failed job, and one that joins is used. Data, states and networks go by path: workers see
the study's folder.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import BadValue, Mistake
from ..training.jobs import KEPT, Job
from ..versions import versions
from .base import Message
from .supervise import END, Command, Start, supervise

CONNECT = 10.0  # seconds a scheduler is given to answer
LOOK = 2.0  # seconds between looks at who is there
SILENT = 40.0  # seconds without a word from the driver after which a slot ends: it was killed
STARTING = 60.0  # seconds in which a worker takes a slot (a killed driver's keep theirs for 40), or one joins where none is left
GRACE = 3.0  # seconds that slots are given to end
WORD = b""  # what keeps a slot waiting
PATHS = ("data", "checkpoint", "restore", "rows", "deliver")  # of a job


@dataclass
class Slot:
    """A task on one worker, the queue in which it is told, what it works on, and what it has traced."""

    number: int
    worker: str
    future: Any
    inbox: Any
    since: float
    begun: bool = False
    job: Job | None = None
    structures: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))

    def send(self, command: Command) -> None:
        """What is sent before it has begun waits for it."""
        self.inbox.put(pickle.dumps(command))

    def forget(self) -> None:
        """Let go of a task that has ended, was lost, or is to end."""
        for act in (lambda: self.inbox.put(END), self.future.cancel, self.inbox.close):
            with contextlib.suppress(Exception):  # of a scheduler that is gone
                act()


class Cluster:
    """An Executor of as many slots as the cluster has threads, `workers` at most."""

    def __init__(
        self, address: str, folder: Path, workers: int | None = None, deterministic: bool = False, threads: int | None = None
    ) -> None:
        """Raises BadValue where no scheduler answers, or it has no workers."""
        self.address, self.folder, self.most = address, folder, workers
        self._dask = _distributed()
        try:
            self._client = self._dask.Client(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError, TypeError, ImportError) as wrong:
            raise BadValue(f"--cluster takes the address of a Dask scheduler, and none answers at {address}: {wrong}") from None
        self._told = self._dask.Queue(client=self._client)
        self._start = Start(self._told.name, "", 0, os.path.abspath(folder), threads, deterministic, SILENT, versions())
        self._heard: queue.Queue[tuple[int, Message | None]] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._slots: list[Slot] = []
        self._waiting: list[Job] = []  # where no slot is free: workers were lost
        self._numbers, self._manned = 0, False  # slots made; whether any has begun
        self._alive: dict[str, int] = {}  # worker -> threads
        self._refused: set[str] = set()  # workers that cannot take a slot
        self._looked = self._seen = time.monotonic()  # when; when there were workers
        self.slots = 1
        self._look()
        self._listener.start()
        if not self._alive:
            self.close()
            raise BadValue(f"the cluster at {address} has no workers; start some: dask worker {address} --nthreads 1")

    def submit(self, job: Job) -> None:
        """Give the job to an idle slot, best to one that has traced its structure, or to a new one."""
        self._waiting.append(replace(job, **_absolute(job)))
        with self._reached():
            self._place()

    def _place(self) -> None:
        """Give what waits to slots."""
        while self._waiting:
            structure = self._waiting[0].structure
            idle = [slot for slot in self._slots if slot.job is None]
            slot = max(idle, key=lambda slot: structure in slot.structures) if idle else self._begin()
            if slot is None:
                return
            slot.job = self._waiting.pop(0)
            slot.structures.append(structure)
            slot.send(("submit", (slot.job,)))

    def _begin(self) -> Slot | None:
        """A slot on the worker that has the most threads free; None where none has."""
        taken = [slot.worker for slot in self._slots]
        free = {address: threads - taken.count(address) for address, threads in self._alive.items() if address not in self._refused}
        worker = max(free, key=free.__getitem__, default="")
        if not worker or free[worker] < 1:
            return None
        self._numbers += 1
        inbox = self._dask.Queue(client=self._client)
        start = replace(self._start, inbox=inbox.name, number=self._numbers)
        future = self._client.submit(supervise, start, workers=[worker], pure=False, retries=0)
        self._slots.append(Slot(self._numbers, worker, future, inbox, time.monotonic()))
        return self._slots[-1]

    def poll(self, timeout: float) -> list[Message]:
        """Messages of all slots; what ran on a lost worker is a failed job."""
        with self._reached():
            if time.monotonic() - self._looked > LOOK:
                self._look()
            self._place()
            told = [message for packet in self._packets(timeout) if (message := self._take(*packet)) is not None]
            return told + [message for slot in list(self._slots) if (message := self._over(slot)) is not None]

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """A scheduler that is gone, or was started again and knows no queue of ours, ends the search, which can be resumed."""
        try:
            yield
        except Mistake:
            raise
        except Exception as wrong:
            if self._client.status == "running" and not isinstance(wrong, (OSError, KeyError)):
                raise
            raise Mistake(f"the Dask scheduler at {self.address} was lost; {self._go_on()}") from None

    def _go_on(self) -> str:
        return f"--resume {self.folder} goes on, on this machine or with another --cluster"

    def _look(self) -> None:
        """See which workers are there, and let slots know that the driver is."""
        self._looked = time.monotonic()
        self._alive = dict(self._client.nthreads())
        self._seen = self._looked if self._alive else self._seen
        threads = sum(count for address, count in self._alive.items() if address not in self._refused)
        self.slots = max(1, min(self.most or threads, threads))
        if self._looked - self._seen > STARTING:
            raise Mistake(f"the cluster at {self.address} lost its workers; {self._go_on()}")
        for slot in self._slots:
            slot.inbox.put(WORD)

    def _listen(self) -> None:
        """Take what slots tell, in a thread: waiting for so many seconds is an error in the scheduler's log each time."""
        with contextlib.suppress(Exception):  # the scheduler is gone, which poll finds
            while (packet := self._told.get()) != END:
                self._heard.put(pickle.loads(packet))

    def _packets(self, timeout: float) -> list[tuple[int, Message | None]]:
        """What slots have told; waits for the first."""
        if not self._listener.is_alive() and self._heard.empty():
            raise OSError("nothing is heard")
        found = []
        with contextlib.suppress(queue.Empty):
            found.append(self._heard.get(timeout=max(0.0, timeout)))
            while True:
                found.append(self._heard.get_nowait())
        return found

    def _take(self, number: int, told: Message | None) -> Message | None:
        """A slot's message, if it is of what it works on; None says that it has begun."""
        slot = next((slot for slot in self._slots if slot.number == number), None)
        if slot is None:
            return None
        if told is None:
            return self._begun(slot)
        if slot.job is None or told.job != slot.job.id:
            return None  # it was stopped
        if told.kind != "epoch":
            slot.job = None
        return told

    def _begun(self, slot: Slot) -> Message | None:
        """Take down that a slot has begun; for the second time where Dask ran it again, its worker started again in its place."""
        again, slot.begun, self._manned = slot.begun, True, True
        if not again or slot.job is None:
            return None
        lost, slot.job = slot.job, None
        slot.structures.clear()
        slot.send(("stop", (lost.id,)))  # it may have been sent and not read
        return _killed(lost, f"the worker at {slot.worker} was started again")

    def _over(self, slot: Slot) -> Message | None:
        """The failure of a slot's job where the slot has ended; Mistake where not one can begin."""
        lost, ended = slot.worker not in self._alive, slot.future.done()
        late = not slot.begun and time.monotonic() - slot.since > STARTING
        if not (lost or ended or late):
            return None
        if not lost and not slot.begun:
            if not self._manned:
                raise self._refusal(slot)
            self._refused.add(slot.worker)
        self._slots.remove(slot)
        slot.forget()
        if slot.job is not None and not slot.begun:
            self._waiting.insert(0, slot.job)
        elif slot.job is not None:
            return _killed(slot.job, f"the worker at {slot.worker} was lost" if lost else f"its slot on {slot.worker} ended")
        return None

    def _refusal(self, slot: Slot) -> Mistake:
        """Why a slot did not begin."""
        status = slot.future.status
        cause = slot.future.exception() if status == "error" else None
        if isinstance(cause, Mistake):
            return cause
        if cause is not None:
            return BadValue(f"the worker at {slot.worker} cannot run trials: {type(cause).__name__}: {cause} (is unitwise there?)")
        if status == "finished":
            return BadValue(f"the worker at {slot.worker} cannot run trials; {self.folder / 'workers.log'} says why")
        return BadValue(f"the worker at {slot.worker} took nothing for {STARTING:.0f} s: its threads are busy with something else")

    def reply(self, job: int, decision: str) -> None:
        """Answer the epoch that waits."""
        with self._reached():
            for slot in self._at(job):
                slot.send(("reply", (job, decision)))

    def stop(self, job: int) -> None:
        """Kill the job's child."""
        self._waiting = [one for one in self._waiting if one.id != job]
        for slot in self._at(job):
            slot.job = None
            with contextlib.suppress(Exception):  # a scheduler that is gone has ended it, or poll will tell
                slot.send(("stop", (job,)))

    def _at(self, job: int) -> list[Slot]:
        return [slot for slot in self._slots if slot.job is not None and slot.job.id == job]

    def close(self) -> None:
        """End every slot, with its child."""
        if self._client.status == "running":
            with contextlib.suppress(Exception):
                self._told.put(END)
                for slot in self._slots:
                    slot.inbox.put(END)
                end = time.monotonic() + GRACE
                while time.monotonic() < end and not all(slot.future.done() for slot in self._slots if slot.begun):
                    time.sleep(0.05)
            for slot in self._slots:
                slot.forget()
            with contextlib.suppress(Exception):
                self._told.close()
        self._slots = []
        with contextlib.suppress(Exception):
            self._client.close()


def _killed(job: Job, reason: str) -> Message:
    return Message("failed", job.id, {"kind": "killed", "reason": reason})


def _absolute(job: Job) -> dict[str, Any]:
    """A job's paths as a process elsewhere needs them."""
    paths: dict[str, Any] = {name: os.path.abspath(path) for name in PATHS if (path := getattr(job, name))}
    return paths | {"others": tuple(map(os.path.abspath, job.others))}


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise BadValue("--cluster needs Dask: pip install 'unitwise[dask]'") from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what is lost is told here, in a line
    return distributed
