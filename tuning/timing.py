"""How long things will take: the next epoch, training the best once more, the answer; and how long a child may be silent."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .cost import CostModel
from .ledger import Record
from .space import Config
from .trial import next_epoch

SILENCE = (600.0, 60.0, 20.0)  # seconds a child may be silent: at first; at least; times the slowest epoch so far
DELIVERY = 5.0  # seconds kept to load, trace, describe and write the answer, where nothing is known of costs
LOADED = 0.7  # seconds of the same beside tracing, scoring aside
STARTUP = 1.0  # seconds to build a network
REPORT = 0.5  # seconds of answer and report
SCORED = 0.5  # of a row's training, to score it in the answer; about a third was measured


class Timing:
    """Estimates from the epochs of this run. `rows`: of each split; `costs` learns from what is heard here."""

    def __init__(self, rows: Mapping[str, int] | None = None, costs: CostModel | None = None, epochs_per_pass: int = 1) -> None:
        self.rows, self.costs, self.epochs_per_pass = rows, costs, epochs_per_pass
        self._epochs: dict[int, list[float]] = {}  # job -> seconds of its epochs
        self._cold: set[int] = set()  # jobs that had to trace their network
        self._slowest = 0.0

    def heard(self, job: int, config: Config, seconds: float, cold: bool) -> None:
        """Learn from an epoch's seconds; `cold` where the network was traced in it."""
        self._slowest = max(self._slowest, seconds)
        self._epochs.setdefault(job, []).append(seconds)
        if cold:
            self._cold.add(job)
        if self.costs is not None:
            self.costs.observe(config, self._epochs[job], job in self._cold)

    def ended(self, job: int) -> None:
        """Forget a job."""
        self._epochs.pop(job, None)
        self._cold.discard(job)

    def fits(self, config: Config, left: float) -> bool:
        """Whether a trial's next epoch would end in the seconds that are left."""
        if self.costs is None or left == math.inf:
            return left > 0
        return left > self.costs.trial(config, 1)

    def coming(self, job: int, config: Config) -> float:
        """Seconds that a running trial's next epoch will take at most."""
        seconds = self._epochs[job]
        if self.costs is None or len(seconds) > 1:
            return next_epoch(seconds)
        return min(1.3 * self.costs.epoch(config), seconds[0])

    def delivery(self, best: Record | None, networks: int = 1) -> float:
        """Seconds to load, score one network on the validation split and so many on test, describe and write the answer."""
        if best is None or not self.rows:
            return DELIVERY
        epoch = min(float(epoch["seconds"]) for epoch in best.curve)
        base = DELIVERY if self.costs is None else LOADED + self.costs.start(best.config)
        base += REPORT if networks > 1 else 0.0
        scored = self.rows["valid"] + networks * self.rows["test"]
        return base + SCORED * epoch * self.epochs_per_pass * scored / self.rows["train"]

    @staticmethod
    def again(best: Record, epochs: int) -> float:
        """Seconds that training a trial once more takes, for so many epochs."""
        seconds = [float(epoch["seconds"]) for epoch in best.curve]
        return STARTUP + 1.15 * epochs * sum(seconds) / len(seconds)

    def refit(self, best: Record, epochs: int) -> float:
        """The same for the answer's last training. Where there is but one epoch, the start is in it, and comes once."""
        if len(best.curve) > 1 or self.costs is None:
            return self.again(best, epochs)
        epoch = min(float(best.curve[0]["seconds"]), 1.3 * self.costs.epoch(best.config))
        return STARTUP + self.costs.start(best.config) + 1.15 * epochs * epoch

    @staticmethod
    def usually(best: Record, epochs: int) -> float:
        """Seconds that training a trial once more is expected to take; `again` is what it takes at most."""
        seconds = sorted(float(epoch["seconds"]) for epoch in best.curve)
        return STARTUP / 2 + epochs * seconds[len(seconds) // 2]

    def unknown(self, config: Config, epochs: int) -> float:
        """Seconds that training takes of a configuration that was no trial."""
        return STARTUP + 1.15 * (self.costs.trial(config, epochs) if self.costs else epochs * self._slowest)

    def silence(self, config: Config) -> float:
        """Seconds without an epoch after which a child counts as hung."""
        first, least, times = SILENCE
        if not self._slowest:
            return first
        own = self.costs.trial(config, 1) if self.costs else 0.0
        return max(least, times * self._slowest, times * own)


def whole(record: Record, max_epochs: int, patience: int) -> int | None:
    """Epochs of a trial that nothing but its patience ended; None where it was paused or cut before."""
    epochs = len(record.curve)
    return epochs if epochs >= max_epochs or epochs - record.best_epoch >= patience else None
