"""Jobs in this process, one at a time: for debugging, notebooks, and machines that cannot fork.

A job runs in a thread, so that the study hears of each epoch while it runs. It shares this process's memory: what kills
it kills the search, and a job that hangs cannot be ended.
"""

from __future__ import annotations

import queue
import threading

from ..errors import BadValue
from ..training.child import attempt, configure
from ..training.jobs import Job
from .base import Message


class Inline:
    """An Executor of one slot."""

    slots = 1

    def __init__(self, deterministic: bool = False) -> None:
        """Raises BadValue where threads can no longer be set, which deterministic searches need."""
        if deterministic:
            try:
                configure(1, True)
            except RuntimeError:
                raise BadValue(
                    "--deterministic with --workers 0 needs a process in which TensorFlow has not run yet; take --workers 1"
                ) from None
        self._told: queue.Queue[Message] = queue.Queue()
        self._replies: dict[int, queue.Queue[str]] = {}
        self._stopped: set[int] = set()
        self._last: threading.Thread | None = None

    def submit(self, job: Job) -> None:
        """Start the job in a thread."""
        self._replies[job.id] = queue.Queue()
        self._last = threading.Thread(target=self._work, args=(job, self._last), name=f"job-{job.id}", daemon=True)
        self._last.start()

    def _work(self, job: Job, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # a stopped job trains to the end of its epoch, perhaps on the very network this one will
        replies = self._replies.get(job.id)
        if replies is None:
            return

        def report(body: dict[str, object]) -> str:
            self._tell(Message("epoch", job.id, body))
            return replies.get()

        kind, _, body = attempt(job, report)
        self._tell(Message("done" if kind == "done" else "failed", job.id, body))
        self._replies.pop(job.id, None)

    def _tell(self, message: Message) -> None:
        if message.job in self._replies:
            self._told.put(message)

    def poll(self, timeout: float) -> list[Message]:
        """The next message, if one comes in time."""
        try:
            message = self._told.get(timeout=timeout)
        except queue.Empty:
            return []
        return [] if message.job in self._stopped else [message]  # it may have been told before it was stopped

    def reply(self, job: int, decision: str) -> None:
        """Answer the epoch that waits."""
        if job in self._replies:
            self._replies[job].put(decision)

    def stop(self, job: int) -> None:
        """Let the job end after the epoch under way; nothing more is told of it."""
        self._stopped.add(job)
        replies = self._replies.pop(job, None)
        if replies is not None:
            replies.put("stop")

    def close(self) -> None:
        """Stop what runs."""
        for job in list(self._replies):
            self.stop(job)
