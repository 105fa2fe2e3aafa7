"""How trials stand: what was told of each, the best of them first, and which of them wait."""

from __future__ import annotations

import math
from bisect import insort

from .cube import Array


class Standing:
    """Losses are told again as a trial goes on; the last one counts."""

    def __init__(self) -> None:
        self.told: dict[int, Array] = {}  # trial -> smallest loss so far after each epoch; in the order of the first telling
        self._sorted: list[tuple[float, int]] = []  # losses with trials, the best first
        self._waiting: list[tuple[float, int]] = []  # the same, of those that paused, by the loss that was foretold

    def tell(self, number: int, curve: Array) -> None:
        """The smallest loss so far after each epoch."""
        if number in self.told:
            self._sorted.remove((self.last(number)[0], number))
        self.told[number] = curve
        insort(self._sorted, (self.last(number)[0], number))

    def last(self, number: int) -> tuple[float, int]:
        """A trial's loss, and after how many epochs; infinite and none of one that was never told."""
        curve = self.told.get(number)
        return (math.inf, 0) if curve is None else (float(curve[-1]), len(curve))

    def best(self, count: int) -> list[int]:
        """So many trials with the smallest losses."""
        return [number for _, number in self._sorted[:count]]

    def overtaken(self, loss: float, epochs: int) -> bool:
        """Whether another trial had a smaller loss after fewer epochs."""
        return any(float(curve[-1]) < loss for curve in self.told.values() if len(curve) < epochs)

    def leads(self, number: int, rate: int) -> bool:
        """Whether a trial is among the best of every `rate` that were trained for as long."""
        loss, epochs = self.last(number)
        losses = [float(curve[epochs - 1]) for curve in self.told.values() if len(curve) >= epochs]
        return sum(other < loss for other in losses) < len(losses) // rate

    def wait(self, number: int, end: float) -> None:
        """A trial paused; what its loss would be at the end."""
        insort(self._waiting, (end, number))

    def waiting(self, count: int) -> list[int]:
        """So many of those that wait, the most promising first."""
        return [number for _, number in self._waiting[:count]]

    def take(self, number: int) -> bool:
        """Take a trial from where it waits; False where it does not."""
        left = [one for one in self._waiting if one[1] != number]
        taken = len(left) < len(self._waiting)
        self._waiting = left
        return taken
