"""What a study knows: the replay of its journal's events, live or resumed by the very same code.

The ledger drives the strategy: `asked` events ask it, `finished` and `failed` events tell it. In deterministic studies,
results are told in the order of their asking, a batch at a time, so that any number of workers gives the same search.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .errors import BadFile
from .journal import Event
from .objective import Objective
from .space import Config, Value, same
from .strategies import Strategy
from .trial import Answer, Decision, Result, Status, Trial


@dataclass
class Record:
    """One trial's story so far."""

    id: int
    config: Config
    seed: int
    epochs: int  # asked for, in all
    until: int  # the same, cut to what --epochs leaves
    status: str = "waiting"  # waiting, running, completed, failed, infeasible
    completed: bool = False  # at least one rung of it
    score: float | None = None
    best_epoch: int = 0
    curve: list[dict[str, Any]] = field(default_factory=list)
    attempts: int = 0
    failures: int = 0
    reason: str = ""
    parameters: int = 0
    parameters_without_embedding: int = 0
    latency_ms: float | None = None
    paused: bool = False  # by the last decision
    seconds: float = 0.0

    @property
    def trial(self) -> Trial:
        """As strategies know it."""
        return Trial(self.id, self.config, self.epochs)


@dataclass
class Confirmed:
    """A configuration's runs on fresh seeds."""

    config: Config
    trial: int | None
    runs: dict[int, Event] = field(default_factory=dict)  # number of the seed -> what `confirmed` told
    failed: str = ""


Role = tuple[str, Value]
Order = tuple[bool, float, int, int]
ANY: Role = ("", "")  # every trial's
ROLES = ("units", "layers", "bidirectional", "taper", "cell")  # the best trial of each value is known at any time


class Ledger:
    """Trials by id, and the strategy in the state that their events bring about."""

    def __init__(self, strategy: Strategy, objective: Objective, batch: int | None = None) -> None:
        self.strategy, self.objective = strategy, objective
        self.batch = batch  # deterministic: how many trials are told together
        self.records: dict[int, Record] = {}
        self.open: list[int] = []  # asked and not yet told, in the order of asking
        self.ended: dict[int, Result] = {}  # ended and not yet told
        self.epochs = 0
        self.changes = 0  # of what the race is made of
        self.confirmed: dict[str, Confirmed] = {}  # by configuration: trained again on fresh seeds
        self._trials: dict[str, int] = {}  # by configuration
        self._orders: dict[Role, Order] = {}
        self.bests: dict[Role, Record] = {}  # the first of the leaderboard, of all trials and of those with a role's value

    def trial_of(self, config: Config) -> int | None:
        """The trial that has, or had, this configuration."""
        return self._trials.get(same(config))

    def propose(self, config: Config | None = None) -> Trial | Answer:
        """Ask the strategy for the next trial."""
        return self.strategy.ask(config)

    def apply(self, event: Event) -> None:
        """Take one event, whether it has just happened or is replayed."""
        handler = getattr(self, f"_{event['event']}", None)
        if handler is not None:
            handler(event)
        if event["event"] in ("epoch", "finished", "failed"):
            self._rank(self.records[event["trial"]])

    def replay(self, event: Event) -> None:
        """Take a recorded event; what was asked is entered in the strategy again."""
        if event["event"] == "asked" and not self.strategy.replay(Trial(event["trial"], event["config"], event["epochs"])):
            raise BadFile(
                f"the journal's trial {event['trial']} does not follow from what came before it: it was edited, "
                "or written by another version of this strategy"
            )
        self.apply(event)

    def _opened(self, event: Event) -> None:
        self.strategy.limit = event["trials"]

    def _asked(self, event: Event) -> None:
        number = event["trial"]
        record = self.records.get(number)
        if record is None:
            record = self.records[number] = Record(number, event["config"], event["seed"], 0, 0)
            self._trials[same(event["config"])] = number
        record.epochs, record.until = event["epochs"], event["until"]
        record.status, record.failures = "waiting", 0
        self.open.append(number)

    def _started(self, event: Event) -> None:
        record = self.records[event["trial"]]
        record.attempts, record.status = event["attempt"], "running"

    def _epoch(self, event: Event) -> None:
        record = self.records[event["trial"]]
        before = len(record.curve)
        record.curve = [epoch for epoch in record.curve if epoch["epoch"] < event["epoch"]]  # an attempt may repeat some
        record.curve.append({name: event[name] for name in ("epoch", "metrics", "seconds", "score")})
        record.parameters = event.get("parameters", record.parameters)
        record.latency_ms = event.get("latency_ms", record.latency_ms)  # a later attempt does not measure it again
        record.seconds += event["seconds"]
        self.epochs += len(record.curve) - before
        scored = [epoch for epoch in record.curve if epoch["score"] is not None]
        if scored:
            best = min(scored, key=lambda epoch: self.objective.key(epoch["score"]))
            record.score, record.best_epoch = best["score"], best["epoch"]

    def _decided(self, event: Event) -> None:
        self.records[event["trial"]].paused = event["decision"] == Decision.PAUSE

    def _finished(self, event: Event) -> None:
        record = self.records[event["trial"]]
        record.status, record.completed = "completed", True
        self.changes += 1  # it may be the smallest that is close to the best
        record.score, record.best_epoch = event["score"], event["best_epoch"]
        record.parameters = event["parameters"]
        record.parameters_without_embedding = event["parameters_without_embedding"]
        record.latency_ms = event.get("latency_ms", record.latency_ms)
        seconds, curve = None if self.batch else usual(record.curve), tuple(e["score"] for e in record.curve)
        self._end(record, Result(Status.COMPLETED, event["score"], seconds, curve if None not in curve else (), record.paused))

    def _failed(self, event: Event) -> None:
        record = self.records[event["trial"]]
        record.failures, record.reason = record.failures + 1, event["reason"]
        infeasible = event.get("kind") == "infeasible"
        record.status = "waiting" if event["retry"] else "infeasible" if infeasible else "failed"
        if not event["retry"]:
            self._end(record, Result(Status.INFEASIBLE if infeasible else Status.FAILED))

    def _stopped(self, event: Event) -> None:
        self.records[event["trial"]].status = "waiting"  # a resumed study trains it to its end

    def _confirmed(self, event: Event) -> None:
        self._again(event).runs[event["number"]] = event

    def _unconfirmed(self, event: Event) -> None:
        if event["failed"]:
            self._again(event).failed = event["reason"]

    def _again(self, event: Event) -> Confirmed:
        self.changes += 1
        return self.confirmed.setdefault(same(event["config"]), Confirmed(event["config"], event["trial"]))

    def _end(self, record: Record, result: Result) -> None:
        self.ended[record.id] = result
        if self.batch is None:
            self._tell([record.id])
        elif len(self.ended) == len(self.open):
            self._tell(list(self.open))

    def _tell(self, numbers: list[int]) -> None:
        for number in numbers:
            self.open.remove(number)
            record, result = self.records[number], self.ended.pop(number)
            self.strategy.tell(record.trial, self.judged(record, result))

    def report(self, record: Record, epoch: int, score: float) -> Decision:
        """What the strategy decides after an epoch."""
        return self.strategy.report(record.trial, epoch, score)

    def judged(self, record: Record, result: Result) -> Result:
        """The result as the strategy is told it; with two objectives both are in its score."""
        return result

    @property
    def room(self) -> bool:
        """Whether another trial may be asked for: always, or until the batch is full or a part of it has ended."""
        return self.batch is None or (len(self.open) < self.batch and not self.ended)

    @property
    def planned(self) -> int:
        """Epochs trained, and those that open trials may still train."""
        waiting = (self.records[number] for number in self.open if number not in self.ended)
        return self.epochs + sum(max(0, record.until - len(record.curve)) for record in waiting)

    @property
    def best(self) -> Record | None:
        """The first of the leaderboard."""
        return self.bests.get(ANY)

    def _rank(self, changed: Record) -> None:
        """Keep `bests` right without sorting all trials at every event."""
        order = self._order(changed) if alive(changed) else None
        for role in roles(changed.config):
            best = self.bests.get(role)
            if order is not None and (best is None or order <= self._orders[role]):
                self.bests[role], self._orders[role] = changed, order
                self.changes += 1
            elif best is changed:  # it fell back: an attempt that was cut short repeats epochs, or the trial failed
                board = self.leaderboard(role)
                self.bests.pop(role)
                self.changes += 1
                if board:
                    self.bests[role], self._orders[role] = board[0], self._order(board[0])

    def _order(self, record: Record) -> Order:
        """Completed before cut short, better before worse, smaller before larger, older before newer."""
        return not record.completed, self.objective.key(record.score or 0.0), record.parameters, record.id

    def leaderboard(self, role: Role = ANY) -> list[Record]:
        """Completed trials, the best first, of equals the smaller; where none completed, those cut short with a score."""
        scored = sorted((r for r in self.records.values() if alive(r) and role in roles(r.config)), key=self._order)
        return [r for r in scored if r.completed] or scored


def roles(config: Config) -> list[Role]:
    """What a configuration may be the best of.

    >>> roles({"units": 8, "layers": 2, "dropout": 0.1})
    [('', ''), ('units', 8), ('layers', 2)]
    """
    return [ANY, *((name, config[name]) for name in ROLES if name in config)]


def usual(curve: list[dict[str, Any]]) -> float | None:
    """Seconds of the middle epoch but the first."""
    seconds = sorted(float(epoch["seconds"]) for epoch in curve[1:])
    return seconds[len(seconds) // 2] if seconds else None


def alive(record: Record) -> bool:
    """Whether a trial has a score to be ranked by."""
    return record.score is not None and record.status not in ("failed", "infeasible")
