"""Asynchronous successive halving (ASHA): Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning".

A trial that reaches a rung pauses there. Whoever is free takes the best paused trial that is among the best 1/eta of its
rung, from the highest rung down; where there is none, a new configuration starts at the lowest. Nothing ever waits.
"""

from __future__ import annotations

from bisect import insort

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
        self.promoted: list[set[int]] = [set() for _ in self.rungs]

    @property
    def paused(self) -> frozenset[int]:
        """The best that wait in each rung below the last.

        As a rung grows, any may come to be among its best third; the state of those far from it is not kept, so that one
        promoted late starts over.
        """
        near: set[int] = set()
        for told, gone in zip(self.told[:-1], self.promoted[:-1], strict=True):
            near |= {number for loss, number in told[: len(told) // ETA + NEAR] if loss < float("inf")} - gone
        return frozenset(near)

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """A promotion, or a new configuration in the lowest rung."""
        found = self.promotion()
        if found is not None:
            rung, number = found
            self.promoted[rung].add(number)
            return self.begin(number, self.rungs[rung + 1])
        if self.next_config(config) is not None:
            return self.begin(len(self.configs) - 1, self.rungs[0])
        if self.running:
            return WAIT
        found = self.promotion(at_least=1)  # nothing new is left: the best go on, so that the last rung is reached
        if found is None:
            return DONE
        self.promoted[found[0]].add(found[1])
        return self.begin(found[1], self.rungs[found[0] + 1])

    def promotion(self, at_least: int = 0) -> tuple[int, int] | None:
        """The highest rung with a trial that is among its best 1/eta and was not promoted, and the best such trial."""
        for rung in range(len(self.rungs) - 2, -1, -1):
            told = self.told[rung]
            count = max(at_least if not self.promoted[rung] else 0, len(told) // ETA)
            for loss, number in told[:count]:
                if loss < float("inf") and number not in self.promoted[rung]:
                    return rung, number
        return None

    def tell(self, trial: Trial, result: Result) -> None:
        """Enter the rung that was reached."""
        del self.running[trial.id]
        insort(self.told[self.rungs.index(trial.epochs)], (self.loss(result), trial.id))

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
