"""One search and its folder: ask, submit, hear, journal, tell, until the budget is spent; then deliver the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from .budget import Budget, Clock
from .checkpoints import Checkpoints
from .confirm import Confirmation
from .constraints import Constraints
from .descent import goes_on, smaller
from .errors import BadValue, Mistake
from .executors import RETRIED, Executor, Message
from .folder import ARRAYS
from .interrupt import Interrupts
from .journal import Event, Journal
from .ledger import Ledger, Record
from .race import USUAL, Prefer
from .space import Config, distinct
from .timing import Timing
from .training.jobs import Job, ModelRef
from .trial import DONE, WAIT, Decision, Trial, derived_seed
from .watcher import Watcher

TICK = 0.25  # seconds between looks at the clock
UNFIT = 4  # proposals that would not end in time after which no other is asked for; with 1 to 40 replays of every table end alike
# so many first trials end the search where all fail, or all are above a limit
HOPELESS = (("failed", 5, "all failed"), ("infeasible", 200, "are all above a limit"))


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
        model: ModelRef,
        seed: int,
        max_epochs: int,
        patience: int,
        timing: Timing | None = None,
        first: list[Config] | None = None,
        class_weight: bool = False,
        deterministic: bool = False,
        record_whole: bool = False,
        constraints: Constraints | None = None,
        share: float = 0.0,
        default: Config | None = None,
        prefer: Prefer = "smallest",
        widths: Mapping[str, Sequence[int]] | None = None,
        refit: bool = False,
        folds: int = 0,
        watcher: Watcher | None = None,
    ) -> None:
        self.folder, self.ledger, self.executor, self.journal = folder, ledger, executor, journal
        self.checkpoints = Checkpoints(folder)
        self.budget, self.clock, self.model = budget, clock, model
        self.seed, self.max_epochs, self.patience = seed, max_epochs, patience
        self.first = [config for config in distinct(first or []) if ledger.trial_of(config) is None]
        self.class_weight, self.deterministic, self.timing = class_weight, deterministic, timing or Timing()
        self.watcher = watcher or Watcher()
        self.interrupts = Interrupts()
        self.record_whole = record_whole  # every trial runs to the last epoch, whatever the strategy and patience say
        self.constraints = constraints or Constraints()
        self.running: dict[int, int] = {}  # job -> trial
        self.jobs = 0
        self.exhausted = False
        self.widths = widths or {}  # of the space: name -> values in rising order
        self.refit = refit  # the answer is trained once more, on train plus validation
        self.left: Callable[[], float] = self.search_left
        self.confirmation = Confirmation(self, share, default, prefer, folds)

    # the journal

    def record(self, event: str, **body: Any) -> None:
        """Write an event and take it in."""
        whole: Event = {"event": event, "at": round(self.clock.now(), 3), **body}
        self.journal.append(whole)
        self.ledger.apply(whole)
        self.watcher.event(self, whole)

    # the loop

    def run(self) -> None:
        """Search; confirm on fresh seeds when as much time is left as that takes; search on until the end."""
        self.search(self.search_left)
        self.confirmation.open()
        if self.confirmation.due() and not self.free():
            self.stop(list(self.running)[-1:])
        self.search(self.delivery_left)
        self.stop()

    def search(self, left: Callable[[], float]) -> None:
        """Ask, submit and hear until `left` says that time is over, or nothing runs and nothing more is asked."""
        self.left = left
        while left() > 0:
            self.interrupts.check()
            self.fill()
            if not self.running and not self.confirmation.running:
                return
            for message in self.executor.poll(min(TICK, max(0.0, left()))):
                self.hear(message)
            self.watcher.tick(self)

    def delivery_left(self) -> float:
        """Seconds left for training of any kind: the budget's, less what testing and writing the answer takes."""
        best, raced = self.ledger.best, self.confirmation.share > 0
        answering = self.timing.delivery(best, USUAL if raced else 1)
        answering += self.budget.thinking if raced and self.budget.seconds else 0.0
        if self.refit and best is not None:
            answering += self.timing.refit(best, self.confirmation.epochs(best))
        return self.budget.left(self.clock) - answering

    def search_left(self) -> float:
        """Seconds left for trials alone: the same, less what is kept for the runs on fresh seeds."""
        return self.delivery_left() - self.confirmation.reserve()

    def free(self) -> int:
        """Slots that are free."""
        return self.executor.slots - len(self.running) - len(self.confirmation.running)

    def fill(self) -> None:
        """Runs on fresh seeds first; ask while there is room, then give waiting trials to free slots."""
        while self.free() and (due := self.confirmation.due()):
            self.confirmation.submit(*due)
        while self.ledger.room and not self.exhausted and self._may_ask():
            asked = self.ledger.propose(self._wanted())
            if asked is WAIT:
                break
            if asked is DONE:
                self.exhausted = True
                break
            if isinstance(asked, Trial):
                self._take(asked)
        for number in self.ledger.open:
            record = self.ledger.records[number]
            if record.status == "waiting" and self.free() and self.fits(record):
                self.submit(record)

    def _wanted(self) -> Config | None:
        """What is to be tried whatever the strategy would: the user's own; late in a search that is confirmed, smaller sizes."""
        if self.first:
            return self.first[0]
        return smaller(self.ledger, self.widths, self.timing.epochs_per_pass) if self._descends() else None

    def _descends(self) -> bool:
        """Whether smaller networks are looked for: in a search that is confirmed, once half of it is over."""
        return self.confirmation.share > 0 and self._half_spent()

    def _half_spent(self) -> bool:
        """Whether half of the search is over."""
        budget = self.budget
        spent = [2 * len(self.ledger.records) >= budget.trials] if budget.trials else []
        spent += [2 * self.ledger.planned >= budget.epochs] if budget.epochs else []
        return any(spent) or (budget.seconds is not None and self.clock.now() >= self.left())

    def _may_ask(self) -> bool:
        waiting = [self.ledger.records[number] for number in self.ledger.open if self.ledger.records[number].status == "waiting"]
        fitting = sum(map(self.fits, waiting))
        free = self.ledger.batch is not None or fitting < self.free()
        free = free and len(waiting) - fitting < UNFIT
        epochs = self.budget.epochs
        return free and (epochs is None or self.ledger.planned < epochs) and self.left() > 0

    def fits(self, record: Record) -> bool:
        """Whether a trial's next epoch would end in time."""
        return self.timing.fits(record.config, self.left())

    def _take(self, trial: Trial) -> None:
        """Journal a proposal."""
        known = self.ledger.records.get(trial.id)
        if self.first and known is None:
            self.first.pop(0)
        done = len(known.curve) if known else 0
        until = self.max_epochs if self.record_whole else trial.epochs
        if self.budget.epochs is not None:
            until = min(until, done + self.budget.epochs - self.ledger.planned)
        seed = derived_seed(self.seed, "trial", trial.id)
        if known is not None:
            self.record("decided", trial=trial.id, epoch=done, decision="promote")
        self.record("asked", trial=trial.id, config=trial.config, epochs=trial.epochs, until=until, seed=seed)

    def submit(self, record: Record) -> None:
        """Start a trial's next attempt, from its last state."""
        attempt = record.attempts + 1
        before, path = self.checkpoints.latest(record.id), self.checkpoints.of(record.id, attempt)
        restore = str(before) if before else ""
        more = {"seed": record.seed, "epochs": record.until, "checkpoint": str(path), "restore": restore}
        job = replace(self.job("train", record.id, record.config, **more), constraints=self.constraints)
        self.running[job.id] = record.id
        self.record("started", trial=record.id, attempt=attempt, worker=job.id)
        self.executor.submit(job)

    def job(self, kind: Literal["train", "deliver"], trial: int | None, config: Config, **more: Any) -> Job:
        """A job on this study's data and model; `trial` None for a configuration that was none."""
        self.jobs += 1
        return Job(
            id=self.jobs,
            kind=kind,
            data=str(self.folder / ARRAYS),
            model=self.model,
            objective=self._objective(),
            trial=-1 if trial is None else trial,
            config=config,
            patience=self.max_epochs if self.record_whole else self.patience,
            class_weight=self.class_weight,
            deterministic=self.deterministic,
            silence=self.timing.silence(config),
            **more,
        )

    def _objective(self) -> str:
        return f"{self.ledger.objective.name}:{self.ledger.objective.direction}"

    def hear(self, message: Message) -> None:
        """Take one message of a running trial."""
        if message.job in self.confirmation.running:
            self.confirmation.hear(message)
        trial = self.running.get(message.job)
        if trial is None:
            return
        record, body = self.ledger.records[trial], message.body
        if message.kind == "epoch":
            self._epoch(message.job, record, body)
        else:
            self._free(message.job)
            if message.kind == "done":
                self.record("finished", trial=trial, attempt=record.attempts, **body)
            else:
                self._failed(record, body)
            self.sweep()

    def _free(self, job: int) -> int:
        """A job has ended, or is to be ended; its trial."""
        self.timing.ended(job)
        return self.running.pop(job)

    def _time(self, job: int, record: Record, body: dict[str, Any]) -> None:
        """Learn from an epoch's seconds."""
        self.timing.heard(job, record.config, body["seconds"], body.pop("cold", True))

    def _epoch(self, job: int, record: Record, body: dict[str, Any]) -> None:
        self._time(job, record, body)
        self.record("epoch", trial=record.id, attempt=record.attempts, **body)
        decision = self._decision(job, record, body)
        if decision is not Decision.CONTINUE:
            self.record("decided", trial=record.id, epoch=body["epoch"], decision=str(decision))
        self.executor.reply(job, str(decision))

    def _decision(self, job: int, record: Record, body: dict[str, Any]) -> Decision:
        """As the strategy says; a trial ends where it was to end, and pauses where its next epoch would not end in time.

        What is cut so has not ended: to a strategy that foretells ends it would be a curve that stays where it was.
        """
        if body["epoch"] >= record.until:
            cut = record.until < record.epochs  # by --epochs
            return Decision.PAUSE if cut or record.id in self.ledger.strategy.paused else Decision.STOP
        if self.record_whole:  # what does not come to its end in time is stopped then, and trained to its end by --resume
            return Decision.CONTINUE
        decision = self.ledger.report(record, body["epoch"], body["score"])
        if decision is Decision.PAUSE and self._goes_on(record):
            decision = Decision.CONTINUE
        late = decision is Decision.CONTINUE and self.timing.coming(job, record.config) > self.left()
        return Decision.PAUSE if late else decision

    def _goes_on(self, record: Record) -> bool:
        """Whether a smaller network goes on where it would pause; what is best then depends on the order in which trials tell."""
        return not self.deterministic and self._descends() and goes_on(record, self.ledger, self.timing.epochs_per_pass)

    def _failed(self, record: Record, body: dict[str, Any]) -> None:
        if body["kind"] == "mistake":
            raise BadValue(body["reason"])
        retry = body["kind"] in RETRIED and record.failures == 0
        details = {"reason": body["reason"], "kind": body["kind"], "retry": retry}
        self.record("failed", trial=record.id, attempt=record.attempts, **details)
        for status, most, told in HOPELESS:
            alike = [r for r in self.ledger.records.values() if r.status == status]
            if len(alike) >= most and len(alike) == len(self.ledger.records) - len(self.running):
                raise Mistake(f"the first {len(alike)} trials {told}; the last: {record.reason}")

    def stop(self, jobs: list[int] | None = None) -> None:
        """End what still runs (or these jobs); a resumed study trains it to its end."""
        for job in list(self.running) if jobs is None else jobs:
            trial = self._free(job)
            self.executor.stop(job)
            self.record("stopped", trial=trial, attempt=self.ledger.records[trial].attempts)
        for job in list(self.confirmation.running) if jobs is None else ():
            self.confirmation.ended(job)
            self.executor.stop(job)
        self.sweep()

    def sweep(self) -> None:
        """Remove the states that nobody needs: of trials that ended, cannot be promoted, and are not the best."""
        best = [self.ledger.best.id] if self.ledger.best else []
        self.checkpoints.sweep({*self.ledger.open, *self.ledger.strategy.paused, *best})
