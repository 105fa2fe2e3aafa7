"""One strategy's run with one seed, as what it had found by when."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..budget import Budget
from ..executors.replay import FakeClock, Replay, Unwritten
from ..journal import Event
from ..ledger import Ledger
from ..objective import Objective
from ..recorded import Table
from ..space import Config
from ..strategies import STRATEGIES, Setting, Strategy
from ..study import Study, Watcher
from ..training.jobs import ModelRef
from ..trial import Answer, Decision, Result, Trial, derived_seed

PATIENCE = 3  # a search's default


@dataclass(frozen=True)
class Point:
    """From this second (and this many epochs) on, the incumbent had this loss (less is better)."""

    at: float
    epochs: int
    loss: float


@dataclass(frozen=True)
class Run:
    """A strategy's incumbents over one search."""

    strategy: str
    seed: int
    budget: float
    points: tuple[Point, ...]
    trials: int
    thinking: float | None = None  # seconds the strategy itself took, where a replay measured them

    @property
    def final(self) -> float:
        """The last incumbent's loss."""
        return self.points[-1].loss if self.points else float("inf")

    def reached(self, target: float) -> float | None:
        """Seconds until an incumbent was as good as `target`; None where none was."""
        return next((point.at for point in self.points if point.loss <= target), None)


class Charged:
    """A strategy whose own seconds pass on the replay's clock."""

    def __init__(self, strategy: Strategy, clock: FakeClock) -> None:
        self._strategy, self._clock, self.spent = strategy, clock, 0.0
        self.limit: int | None = strategy.limit

    @property
    def paused(self) -> frozenset[int]:
        """The strategy's."""
        return self._strategy.paused

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """Ask, and let the time pass."""
        self._strategy.limit = self.limit
        start = time.perf_counter()
        found = self._strategy.ask(config)
        self._pass(time.perf_counter() - start)
        return found

    def replay(self, trial: Trial) -> bool:
        """A replay is never resumed."""
        return self._strategy.replay(trial)

    def report(self, trial: Trial, epoch: int, score: float) -> Decision:
        """The strategy's."""
        return self._strategy.report(trial, epoch, score)

    def tell(self, trial: Trial, result: Result) -> None:
        """Tell, and let the time pass."""
        start = time.perf_counter()
        self._strategy.tell(trial, result)
        self._pass(time.perf_counter() - start)

    def _pass(self, seconds: float) -> None:
        self.spent += seconds
        self._clock.time += seconds


class Reached(Watcher):
    """Whether an incumbent of a replay is as good as a target, in truth."""

    def __init__(self, table: Table, target: float) -> None:
        self.table, self.target = table, target
        self.yet = False
        self._best = float("inf")

    def event(self, study: Study, event: Event) -> None:
        """Look at a new incumbent."""
        if event["event"] != "epoch" or event["score"] is None:
            return
        loss = study.ledger.objective.key(event["score"])
        if loss < self._best:
            self._best = loss
            row = self.table.nearest(study.ledger.records[event["trial"]].config)
            self.yet = self.yet or bool(self.table.qualities[row] <= self.target)


def replayed(
    table: Table,
    strategy: str,
    seed: int,
    workers: int,
    budget: float,
    make: Callable[[Setting], Strategy] | None = None,
    until: float = -float("inf"),
) -> Run:
    """A search on recorded trials, to the end of its budget or until an incumbent is as good as `until`.

    An incumbent's loss is its configuration's mean over the recorded seeds, fully trained.
    """
    clock, objective = FakeClock(), Objective.parse(table.objective)
    setting = Setting(
        table.space,
        objective,
        seed,
        table.max_epochs,
        trials=len(table.rows),
        costs=table.costs(),
        recorded=table.untried,
        unseen=table.task,
    )
    charged = Charged((make or STRATEGIES[strategy])(setting), clock)
    journal, reached = Unwritten(), Reached(table, until)
    study = Study(
        Path(os.devnull) / "replay",  # nothing is written
        Ledger(charged, objective),
        Replay(table, workers, clock),
        journal,
        budget=Budget(budget),
        clock=clock,
        model=ModelRef(),
        seed=derived_seed(seed, "replay"),
        max_epochs=table.max_epochs,
        patience=PATIENCE,
        watcher=reached,
    )
    study.search(lambda: 0.0 if reached.yet else budget - clock.time)
    configs = {event["trial"]: event["config"] for event in journal.events if event["event"] == "asked"}
    truth = {trial: float(table.qualities[table.nearest(config)]) for trial, config in configs.items()}
    points = incumbents(journal.events, objective, truth)
    return Run(strategy, seed, budget, tuple(points), len(configs), round(charged.spent, 3))


def incumbents(events: Iterable[Event], objective: Objective, truth: dict[int, float] | None = None) -> list[Point]:
    """When the best trial by its search score changed; its loss is that score, or what `truth` knows of the trial."""
    found: list[Point] = []
    best, epochs = float("inf"), 0
    for event in events:
        if event["event"] != "epoch" or event["score"] is None:
            continue
        epochs += 1
        loss = objective.key(event["score"])
        if loss < best:
            best = loss
            found.append(Point(event["at"], epochs, loss if truth is None else truth[event["trial"]]))
    return found
