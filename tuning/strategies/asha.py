"""Asynchronous successive halving (ASHA): Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning".

A trial that reaches a rung pauses there. Whoever is free takes the best paused trial that is among the best 1/eta of its
rung, from the highest rung down; where there is none, a new configuration starts at the lowest. Nothing ever waits.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from ..space import Config
from ..trial import DONE, WAIT, Answer, Result, Trial
from .base import Setting
from .proposer import Proposer

ETA = 3
NEAR = 16  # of a rung's waiting trials, the best whose state is kept


class Rungs(Proposer):
    """What methods share whose trials pause at rungs and may go on."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.rungs = levels(setting.max_epochs)
        self.told: list[list[tuple[float, int]]] = [[] for _ in self.rungs]  # of each rung losses with trials, the best first
        self.waiting: list[list[tuple[float, int]]] = [[] for _ in self.rungs]  # the same, of those that have not gone on

    def near(self, rung: int) -> list[Trial]:
        """Of those that wait at a rung, the best, as they would go on."""
        some = self.waiting[rung][:NEAR]
        return [Trial(number, self.configs[number], self.rungs[rung + 1]) for loss, number in some if loss < float("inf")]

    @property
    def paused(self) -> frozenset[int]:
        """The best that wait at each rung below the last.

        The state of others is not kept; one that goes on all the same starts over.
        """
        return frozenset(trial.id for rung in range(len(self.rungs) - 1) for trial in self.near(rung))

    def go_on(self, trial: Trial) -> Trial:
        """Take a trial from where it waits to its next rung."""
        if not self.promote(trial):
            raise ValueError(f"trial {trial.id} does not wait for {trial.epochs} epochs")
        return trial

    def promote(self, trial: Trial) -> bool:
        """Enter a promotion; False where the trial does not wait at the rung before."""
        rung = bisect_left(self.rungs, trial.epochs) - 1
        place = next((n for n, (_, number) in enumerate(self.waiting[rung]) if number == trial.id), None) if rung >= 0 else None
        if place is None:
            return False
        del self.waiting[rung][place]
        self.begin(trial.id, trial.epochs)
        return True

    def unfinished(self) -> Trial | None:
        """The best of the highest rung, where it has not gone on and nobody has reached the last."""
        for rung in range(len(self.rungs) - 2, -1, -1):
            if self.told[rung + 1]:
                return None
            if self.near(rung):
                return self.near(rung)[0]
        return None

    def tell(self, trial: Trial, result: Result) -> None:
        """Enter the rung that was reached."""
        super().tell(trial, result)
        rung, entry = self.rungs.index(trial.epochs), (self.loss(result), trial.id)
        insort(self.told[rung], entry)
        insort(self.waiting[rung], entry)


class Asha(Rungs):
    """Random configurations, promoted rung by rung as soon as they deserve it."""

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """A promotion, or a new configuration in the lowest rung."""
        found = self.promotion()
        if found is not None:
            return self.go_on(found)
        if self.next_config(config) is not None:
            return self.begin(len(self.configs) - 1, self.rungs[0])
        if self.running:
            return WAIT
        found = self.unfinished()  # nothing new is left: the best go on, so that the last rung is reached
        return self.go_on(found) if found is not None else DONE

    def promotion(self) -> Trial | None:
        """The best waiting trial that is among the best 1/eta of its rung, of the highest rung that has one."""
        for rung in range(len(self.rungs) - 2, -1, -1):
            told, waiting = self.told[rung], self.near(rung)
            if waiting and bisect_left(told, self.waiting[rung][0]) < len(told) // ETA:
                return waiting[0]
        return None


def make(name: str, setting: Setting) -> Asha:
    """The strategy."""
    return Asha(setting)


def levels(max_epochs: int, eta: int = ETA) -> list[int]:
    """Epochs of each rung, the last the most.

    >>> levels(12), levels(2), levels(27)
    ([1, 4, 12], [2], [1, 3, 9, 27])
    """
    rungs = [max_epochs]
    while rungs[0] // eta >= 1:
        rungs.insert(0, rungs[0] // eta)
    return rungs
