"""Recorded trials played back on a clock that only they move: any strategy, any number of workers, in a blink.

A strategy's proposals are recorded configurations (Table.untried takes the nearest); which of a row's seeds is played is drawn
from the job's own. A trial that was paused goes on where it was and is charged its start again, as it would be in a new process.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from ..budget import Clock
from ..journal import Event, Journal
from ..objective import Objective
from ..recorded import Curve, Row, Table
from ..training.jobs import Job
from ..trial import Decision
from .base import Message


class FakeClock(Clock):
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def now(self) -> float:
        """Seconds of the replay."""
        return self.time


class Unwritten(Journal):
    """A journal that nobody reads."""

    def __init__(self) -> None:
        """No file is opened."""

    def append(self, event: Event) -> None:
        """Let an event go."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Playing:
    """A job under way."""

    job: Job
    row: Row
    curve: Curve
    epochs: int


class Replay:
    """An Executor that trains nothing."""

    def __init__(self, table: Table, workers: int, clock: FakeClock) -> None:
        self.table, self.slots, self.clock = table, workers, clock
        self._objective = Objective.parse(table.objective)
        self._playing: dict[int, Playing] = {}
        self._coming: list[tuple[float, int, str]] = []  # when, job, what
        self._reached: dict[tuple[int, int], int] = {}  # trial and seed -> epochs trained so far

    def submit(self, job: Job) -> None:
        """Begin where the trial was."""
        row = self.table.rows[self.table.nearest(job.config)]
        curve = row.curves[job.seed % len(row.curves)]
        done = self._reached.get((job.trial, job.seed), 0)
        self._playing[job.id] = Playing(job, row, curve, done)
        last = min(job.epochs, len(curve.scores))
        self._later(curve.start, job.id, "done" if done >= last else "epoch")

    def _later(self, seconds: float, job: int, what: str) -> None:
        """Schedule; an epoch ends its seconds after it begins."""
        playing = self._playing[job]
        seconds += playing.curve.seconds[playing.epochs] if what == "epoch" else 0.0
        heapq.heappush(self._coming, (self.clock.time + seconds, job, what))

    def poll(self, timeout: float) -> list[Message]:
        """The next thing to happen, the clock moved to it; the timeout passes where that is sooner."""
        while self._coming and self._coming[0][1] not in self._playing:
            heapq.heappop(self._coming)
        if not self._coming or self._coming[0][0] > self.clock.time + timeout:
            self.clock.time += timeout
            return []
        when, job, what = heapq.heappop(self._coming)
        self.clock.time = max(self.clock.time, when)
        return [self._epoch(self._playing[job]) if what == "epoch" else self._done(self._playing.pop(job))]

    def _epoch(self, playing: Playing) -> Message:
        score = playing.curve.scores[playing.epochs]
        seconds = playing.curve.seconds[playing.epochs]
        playing.epochs += 1
        self._reached[playing.job.trial, playing.job.seed] = playing.epochs
        if score is None:
            self._playing.pop(playing.job.id)
            return Message("failed", playing.job.id, {"kind": "diverged", "reason": "it diverged when it was recorded"})
        told = {"epoch": playing.epochs, "metrics": {self._objective.name: score}, "seconds": seconds, "score": score}
        return Message("epoch", playing.job.id, told | self._sizes(playing.row))

    def _done(self, playing: Playing) -> Message:
        best, score = self._best(playing)
        told = {"score": score, "best_epoch": best, "epochs": playing.epochs, "cut": False, "seconds": 0.0}
        return Message("done", playing.job.id, told | self._sizes(playing.row))

    def _best(self, playing: Playing) -> tuple[int, float | None]:
        seen = [(self._objective.key(s), n, s) for n, s in enumerate(playing.curve.scores[: playing.epochs], 1) if s is not None]
        return (min(seen)[1], min(seen)[2]) if seen else (0, None)

    @staticmethod
    def _sizes(row: Row) -> dict[str, int]:
        return {"parameters": row.parameters, "parameters_without_embedding": row.parameters_without_embedding}

    def reply(self, job: int, decision: str) -> None:
        """Go on to the next epoch, or to the end."""
        playing = self._playing.get(job)
        if playing is None:
            return
        best, _ = self._best(playing)
        ended = playing.epochs >= min(playing.job.epochs, len(playing.curve.scores))
        ended = ended or playing.epochs - best >= playing.job.patience or decision != Decision.CONTINUE
        self._later(0.0, job, "done" if ended else "epoch")

    def stop(self, job: int) -> None:
        """Forget a job."""
        self._playing.pop(job, None)

    def close(self) -> None:
        """Forget everything."""
        self._playing, self._coming = {}, []
