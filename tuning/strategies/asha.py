"""Asynchronous successive halving (ASHA): Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning".

A trial that reaches a rung pauses there. Whoever is free takes the best paused trial that is among the best 1/eta of its
rung, from the highest rung down; where there is none, a new configuration starts at the lowest. Nothing ever waits.
"""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np

from ..space import Config
from ..trial import DONE, WAIT, Answer, Result, Trial
from .base import Setting
from .proposer import Proposer, untried

ETA = 3
NEAR = 8  # trials beyond a rung's best third whose state is kept


class Asha(Proposer):
    """Random configurations, promoted rung by rung as soon as they deserve it."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.rungs = levels(setting.max_epochs)
        self.told: list[list[tuple[float, int]]] = [[] for _ in self.rungs]  # of each rung losses with trials, the best first
        self.waiting: list[list[tuple[float, int]]] = [[] for _ in self.rungs]  # the same, of those that were not promoted

    @property
    def paused(self) -> frozenset[int]:
        """The best that wait in each rung below the last.

        As a rung grows, any may come to be among its best third; the state of those far from it is not kept, so that one
        promoted late starts over.
        """
        near: set[int] = set()
        for told, waiting in zip(self.told[:-1], self.waiting[:-1], strict=True):
            few = waiting[: len(told) // ETA + NEAR]
            last = told[min(len(told) // ETA + NEAR, len(told)) - 1] if told else (0.0, 0)
            near |= {number for loss, number in few if loss < float("inf") and (loss, number) <= last}
        return frozenset(near)

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """A promotion, or a new configuration in the lowest rung."""
        found = self.promotion()
        if found is not None:
            return self._promoted(*found)
        if self.next_config(config) is not None:
            return self.begin(len(self.configs) - 1, self.rungs[0])
        if self.running:
            return WAIT
        found = self.promotion(at_least=1)  # nothing new is left: the best go on, so that the last rung is reached
        if found is None:
            return DONE
        return self._promoted(*found)

    def _promoted(self, rung: int, number: int) -> Trial:
        """Take the best that waits in a rung on to the next."""
        del self.waiting[rung][0]
        return self.begin(number, self.rungs[rung + 1])

    def promotion(self, at_least: int = 0) -> tuple[int, int] | None:
        """The highest rung with a trial that is among its best 1/eta and was not promoted, and the best such trial."""
        for rung in range(len(self.rungs) - 2, -1, -1):
            told, waiting = self.told[rung], self.waiting[rung]
            nobody_yet = len(waiting) == len(told)
            count = max(at_least if nobody_yet else 0, len(told) // ETA)
            if waiting and waiting[0][0] < float("inf") and bisect_left(told, waiting[0]) < count:
                return rung, waiting[0][1]
        return None

    def tell(self, trial: Trial, result: Result) -> None:
        """Enter the rung that was reached."""
        del self.running[trial.id]
        rung, entry = self.rungs.index(trial.epochs), (self.loss(result), trial.id)
        insort(self.told[rung], entry)
        insort(self.waiting[rung], entry)

    def propose(self, rng: np.random.Generator) -> Config | None:
        """One at random."""
        return untried(self.setting.space, self.tried, rng)


def levels(max_epochs: int, eta: int = ETA) -> list[int]:
    """Epochs of each rung, the last the most.

    >>> levels(12), levels(2), levels(27)
    ([1, 4, 12], [2], [1, 3, 9, 27])
    """
    rungs = [max_epochs]
    while rungs[0] // eta >= 1:
        rungs.insert(0, rungs[0] // eta)
    return rungs
