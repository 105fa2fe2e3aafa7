"""The seam between the study and what runs its jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..training.jobs import Job


@dataclass(frozen=True)
class Message:
    """What a running job tells: an epoch (which waits for a reply), its end, or its failure.

    A failure's body has `reason` (one line) and `kind`: mistake, diverged, infeasible, memory, raised, killed or hung.
    """

    kind: Literal["epoch", "done", "failed"]
    job: int
    body: dict[str, Any] = field(default_factory=dict)


RETRIED = ("killed", "memory", "hung")  # kinds of failure that may be chance: once more is tried


class Executor(Protocol):
    """Runs jobs and never decides. One thread drives it; `submit` at most `slots` jobs at a time."""

    slots: int

    def submit(self, job: Job) -> None:
        """Start a job; returns at once."""
        ...

    def poll(self, timeout: float) -> list[Message]:
        """What was told since the last call; waits up to `timeout` seconds for the first message."""
        ...

    def reply(self, job: int, decision: str) -> None:
        """Answer a job's epoch; it waits for that."""
        ...

    def stop(self, job: int) -> None:
        """End a job at once; nothing more is told of it."""
        ...

    def close(self) -> None:
        """End everything."""
        ...
