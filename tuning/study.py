"""One search and its folder: ask, submit, hear, journal, tell, until the budget is spent; then deliver the best."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from .budget import Budget, Clock
from .errors import BadValue, Mistake
from .executors import Executor, Message
from .journal import Event, Journal
from .ledger import Ledger, Record
from .space import Config, Space
from .training.jobs import Job, ModelRef
from .trial import DONE, WAIT, Decision, Trial, derived_seed

TICK = 0.25  # seconds between looks at the clock
RETRIED = ("killed", "memory", "hung")
HOPELESS = 5  # first trials that all fail before the search gives up
SILENCE = (600.0, 60.0, 20.0)  # seconds a child may be silent: at first; at least; times the slowest epoch so far
DELIVERY = (5.0, 0.4)  # seconds to build, score and write the answer; most share of the budget kept for it


class Watcher:
    """Sees a study's events; this one looks away (see progress.py)."""

    def event(self, study: Study, event: Event) -> None:
        """Something was written to the journal."""

    def tick(self, study: Study) -> None:
        """Time passed."""


class Study:
    """The loop. Strategy decides, executor runs, journal remembers; this moves events between them."""

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        executor: Executor,
        journal: Journal,
        *,
        budget: Budget,
        clock: Clock,
        space: Space,
        model: ModelRef,
        seed: int,
        max_epochs: int,
        patience: int,
        first: list[Config] | None = None,
        class_weight: bool = False,
        deterministic: bool = False,
        watcher: Watcher | None = None,
    ) -> None:
        self.folder, self.ledger, self.executor, self.journal = folder, ledger, executor, journal
        self.budget, self.clock, self.space, self.model = budget, clock, space, model
        self.seed, self.max_epochs, self.patience = seed, max_epochs, patience
        self.first = [config for config in first or [] if not self._asked_before(config)]
        self.class_weight, self.deterministic = class_weight, deterministic
        self.watcher = watcher or Watcher()
        self.running: dict[int, int] = {}  # job -> trial
        self.jobs = 0
        self.exhausted = False
        self.slowest = 0.0

    def _asked_before(self, config: Config) -> bool:
        return any(record.config == config for record in self.ledger.records.values())

    # the journal

    def record(self, event: str, **body: Any) -> None:
        """Write an event and take it in."""
        whole: Event = {"event": event, "at": round(self.clock.now(), 3), **body}
        self.journal.append(whole)
        self.ledger.apply(whole)
        self.watcher.event(self, whole)

    # the loop

    def run(self) -> None:
        """Search until the budget is spent or the space exhausted."""
        while not self.spent():
            self.fill()
            if not self.running:
                break
            for message in self.executor.poll(min(TICK, max(0.0, self.search_left()))):
                self.hear(message)
            self.watcher.tick(self)
        self.stop()

    def search_left(self) -> float:
        """Seconds left for trials: the budget's, less what the final answer will take."""
        return self.budget.left(self.clock) - self.reserve()

    def reserve(self) -> float:
        """Seconds kept for training the best once more and testing it: as long as it took, within a share of the budget."""
        if self.budget.seconds is None:
            return 0.0
        board = self.ledger.leaderboard()
        base, share = DELIVERY
        epochs = [epoch["seconds"] for epoch in board[0].curve] if board else []
        training = 1.2 * self.max_epochs * sum(epochs) / len(epochs) if epochs else 0.0
        return min(base + training, share * self.budget.seconds + 1.0)

    def spent(self) -> bool:
        """Whether nothing more is to be trained."""
        if self.search_left() <= 0:
            return True
        epochs = self.budget.epochs
        return epochs is not None and self.ledger.epochs >= epochs and not self.running

    def fill(self) -> None:
        """Ask while there is room, then give waiting trials to free slots."""
        while self.ledger.room and not self.exhausted and self._may_ask():
            asked = self.ledger.propose(self.first[0] if self.first else None)
            if asked is WAIT:
                break
            if asked is DONE:
                self.exhausted = True
                break
            if isinstance(asked, Trial):
                self._take(asked)
        for number in self.ledger.open:
            record = self.ledger.records[number]
            if record.status == "waiting" and len(self.running) < self.executor.slots and self.search_left() > 0:
                self.submit(record)

    def _may_ask(self) -> bool:
        waiting = sum(self.ledger.records[number].status == "waiting" for number in self.ledger.open)
        free = self.ledger.batch is not None or len(self.running) + waiting < self.executor.slots
        epochs = self.budget.epochs
        return free and (epochs is None or self.ledger.planned < epochs) and self.search_left() > 0

    def _take(self, trial: Trial) -> None:
        """Journal a proposal."""
        if self.first and trial.config == self.first[0]:
            self.first.pop(0)
        known = self.ledger.records.get(trial.id)
        done = len(known.curve) if known else 0
        until = trial.epochs
        if self.budget.epochs is not None:
            until = min(until, done + self.budget.epochs - self.ledger.planned)
        seed = derived_seed(self.seed, "trial", trial.id)
        if known is not None:
            self.record("decided", trial=trial.id, epoch=done, decision="promote")
        self.record("asked", trial=trial.id, config=trial.config, epochs=trial.epochs, until=until, seed=seed)

    def submit(self, record: Record) -> None:
        """Start a trial's next attempt, from its last state."""
        attempt = record.attempts + 1
        self.jobs += 1
        self.running[self.jobs] = record.id
        folder = self.folder / "checkpoints" / str(record.id)
        before = self.checkpoint_of(record.id)
        # a state from beyond what the journal knows would hide epochs from it: only what was reported counts
        job = Job(
            id=self.jobs,
            kind="train",
            data=str(self.folder / "data"),
            model=self.model,
            objective=self._objective(),
            trial=record.id,
            config=record.config,
            seed=record.seed,
            epochs=record.until,
            patience=self.patience,
            checkpoint=str(folder / str(attempt) / "state.npz"),
            restore=str(before) if before else "",
            class_weight=self.class_weight,
            deterministic=self.deterministic,
            silence=self.silence(),
        )
        self.record("started", trial=record.id, attempt=attempt, worker=self.jobs)
        self.executor.submit(job)

    def _objective(self) -> str:
        return f"{self.ledger.objective.name}:{self.ledger.objective.direction}"

    def silence(self) -> float:
        """Seconds without an epoch after which a child counts as hung."""
        first, least, times = SILENCE
        return max(least, times * self.slowest) if self.slowest else first

    def checkpoint_of(self, trial: int) -> Path | None:
        """The state of the trial's latest attempt that wrote one."""
        found = sorted((self.folder / "checkpoints" / str(trial)).glob("*/state.npz"), key=lambda path: int(path.parent.name))
        return found[-1] if found else None

    def hear(self, message: Message) -> None:
        """Take one message of a running trial."""
        trial = self.running.get(message.job)
        if trial is None:
            return
        record, body = self.ledger.records[trial], message.body
        if message.kind == "epoch":
            self._epoch(message.job, record, body)
            return
        del self.running[message.job]
        if message.kind == "done":
            self.record("finished", trial=trial, attempt=record.attempts, **body)
        else:
            self._failed(record, body)
        self.sweep()

    def _epoch(self, job: int, record: Record, body: dict[str, Any]) -> None:
        self.slowest = max(self.slowest, body["seconds"])
        self.record("epoch", trial=record.id, attempt=record.attempts, **body)
        decision = self.ledger.strategy.report(record.trial, body["epoch"], body["score"])
        last = body["epoch"] >= record.until
        if decision is Decision.CONTINUE and not last and 1.1 * body["seconds"] > self.search_left():
            decision = Decision.STOP  # the next epoch would not end in time
        if last:
            kept = record.id in self.ledger.strategy.paused
            decision = Decision.PAUSE if kept else Decision.STOP
        if decision is not Decision.CONTINUE:
            self.record("decided", trial=record.id, epoch=body["epoch"], decision=str(decision))
        self.executor.reply(job, str(decision))

    def _failed(self, record: Record, body: dict[str, Any]) -> None:
        if body["kind"] == "mistake":
            raise BadValue(body["reason"])
        retry = body["kind"] in RETRIED and record.failures == 0
        details = {"reason": body["reason"], "kind": body["kind"], "retry": retry}
        self.record("failed", trial=record.id, attempt=record.attempts, **details)
        failed = [r for r in self.ledger.records.values() if r.status == "failed"]
        if len(failed) >= HOPELESS and len(failed) == len(self.ledger.records) - len(self.running):
            raise Mistake(f"the first {len(failed)} trials all failed; the last: {record.reason}")

    def stop(self) -> None:
        """End what still runs; a resumed study trains it to its end."""
        for job, trial in list(self.running.items()):
            self.executor.stop(job)
            self.record("stopped", trial=trial, attempt=self.ledger.records[trial].attempts)
            del self.running[job]
        self.sweep()

    def sweep(self) -> None:
        """Remove the states that nobody needs: of trials that ended, cannot be promoted, and are not the best."""
        board = self.ledger.leaderboard()
        kept = {*self.ledger.open, *self.ledger.strategy.paused, *(record.id for record in board[:1])}
        root = self.folder / "checkpoints"
        for folder in root.iterdir() if root.is_dir() else ():
            if int(folder.name) not in kept:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            attempts = sorted((path for path in folder.glob("*/state.npz")), key=lambda path: int(path.parent.name))
            for old in attempts[:-1]:
                shutil.rmtree(old.parent, ignore_errors=True)

    # the answer

    def deliver(self, fresh: bool = True) -> dict[str, Any] | None:
        """Train the best once more on a fresh seed (or take its weights as they are), test it, write best.keras."""
        board = self.ledger.leaderboard()
        if not board:
            return None
        best = board[0]
        left = self.budget.left(self.clock)
        self.jobs += 1
        before = self.checkpoint_of(best.id)
        job = Job(
            id=self.jobs,
            kind="deliver",
            data=str(self.folder / "data"),
            model=self.model,
            objective=self._objective(),
            trial=best.id,
            config=best.config,
            seed=derived_seed(self.seed, "confirm", 0) if fresh else best.seed,
            epochs=self.max_epochs if fresh else 0,
            patience=self.patience,
            restore="" if fresh else str(before or ""),
            fallback=str(before or "") if fresh else "",
            deliver=str(self.folder / "best.keras"),
            class_weight=self.class_weight,
            deterministic=self.deterministic,
            test=fresh,
            deadline=max(0.5, left - DELIVERY[0]) if self.budget.seconds is not None and fresh else None,
            silence=self.silence(),
        )
        self.executor.submit(job)
        return self._await(job.id, best)

    def _await(self, job: int, best: Record) -> dict[str, Any]:
        while True:
            for message in self.executor.poll(TICK):
                if message.job != job:
                    continue
                if message.kind == "epoch":
                    self.executor.reply(job, str(Decision.CONTINUE))
                elif message.kind == "done":
                    return {"best": best, **message.body}
                else:
                    raise Mistake(f"the best configuration could not be delivered: {message.body['reason']}")
            self.watcher.tick(self)
