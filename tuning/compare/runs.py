"""One strategy's run with one seed, as what it had found by when."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..budget import Budget
from ..executors.replay import FakeClock, Replay, Unwritten
from ..journal import Event
from ..ledger import Ledger
from ..objective import Objective
from ..recorded import Table
from ..settings import PATIENCE
from ..space import Config
from ..strategies import STRATEGIES, Setting, Strategy
from ..study import Study
from ..training.jobs import ModelRef
from ..trial import Answer, Decision, Result, Trial, derived_seed
from ..watcher import Watcher


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


class Incumbents(Watcher):
    """When the best trial by its search score changed.

    An incumbent's loss is that score, or what `truth` knows of its configuration.
    """

    def __init__(self, objective: Objective, truth: Callable[[Config], float] | None = None) -> None:
        self.points: list[Point] = []
        self.best = float("inf")  # the least loss of an incumbent
        self._objective, self._truth = objective, truth
        self._configs: dict[int, Config] = {}
        self._least, self._epochs = float("inf"), 0  # of search scores

    @property
    def trials(self) -> int:
        """How many were asked for."""
        return len(self._configs)

    def event(self, study: Study, event: Event) -> None:
        """Take in a study's event."""
        self.take(event)

    def take(self, event: Event) -> None:
        """Take in an event of a journal."""
        if event["event"] == "asked":
            self._configs[event["trial"]] = event["config"]
        elif event["event"] == "epoch" and event["score"] is not None:
            self._epochs += 1
            self._epoch(event, self._objective.key(event["score"]))

    def _epoch(self, event: Event, loss: float) -> None:
        if loss >= self._least:
            return
        self._least = loss
        known = loss if self._truth is None else self._truth(self._configs[event["trial"]])
        self.points.append(Point(event["at"], self._epochs, known))
        self.best = min(self.best, known)


def replayed(
    table: Table,
    strategy: str,
    seed: int,
    workers: int,
    budget: float,
    make: Callable[[Setting], Strategy] | None = None,
    until: float = -float("inf"),
    by_search: bool = False,
) -> Run:
    """A search on recorded trials, to the end of its budget or until an incumbent is as good as `until`.

    An incumbent's loss is its configuration's mean over the recorded seeds, fully trained; `by_search`: the one it was chosen by,
    as in a live search.
    """
    truth = None if by_search else lambda config: float(table.qualities[table.nearest(config)])
    incumbents = Incumbents(Objective.parse(table.objective), truth)
    study, charged = replaying(table, make or STRATEGIES[strategy], seed, workers, incumbents)
    study.search(lambda: 0.0 if incumbents.best <= until else budget - study.clock.now())
    return Run(strategy, seed, budget, tuple(incumbents.points), incumbents.trials, round(charged.spent, 3))


def replaying(
    table: Table, make: Callable[[Setting], Strategy], seed: int, workers: int, watcher: Watcher | None = None
) -> tuple[Study, Charged]:
    """A study that plays recorded trials, to be searched as long as its clock says; and its strategy, which charges that clock."""
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
        epochs_per_pass=table.epochs_per_pass,
    )
    charged = Charged(make(setting), clock)
    study = Study(
        Path(os.devnull) / "replay",  # nothing is written
        Ledger(charged, objective),
        Replay(table, workers, clock),
        Unwritten(),
        budget=Budget(),
        clock=clock,
        model=ModelRef(),
        seed=derived_seed(seed, "replay"),
        max_epochs=table.max_epochs,
        patience=PATIENCE * table.epochs_per_pass,
        watcher=watcher,
    )
    return study, charged
