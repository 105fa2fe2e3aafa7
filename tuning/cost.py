"""What a trial costs before it is run: seconds to its first step and seconds an epoch, learned while the search runs.

Two sums of a few products each, with weights that are never negative (least squares of relative errors; Lawson and Hanson
1974). The prior is what one core of a 2024 server took; a few epochs on this machine overrule it. For a user's own
HyperModel nothing is known of a configuration but its batch size, and the mean is learned.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from scipy.optimize import nnls

from .space import Config
from .task import Input, Output

Array: TypeAlias = np.ndarray
SEEN = 300  # epochs that the fit looks back on
# seconds: an epoch's call; a step; a step and an embedding weight; a step, a time step and a layer; a multiplication
EPOCH_PRIOR = np.array([0.02, 1.2e-3, 2.0e-9, 1.5e-5, 4.0e-11])
START_PRIOR = np.array([0.5, 0.35])  # to build and trace; more for each layer and direction
PULL = 0.05  # of the prior: an epoch seen weighs 1
RELATIVE = 0.05  # seconds that an error may have before it counts relative to the whole


class CostModel:
    """Seconds of trials on one task: what goes in and out, rows to train on, and their mean valid steps."""

    def __init__(self, given: Input, wanted: Output, rows: int, steps: float) -> None:
        self.input, self.output, self.rows, self.steps = given, wanted, rows, steps
        self._epochs, self._starts = _Sum(EPOCH_PRIOR), _Sum(START_PRIOR)

    def observe(self, config: Config, seconds: Sequence[float], cold: bool = True) -> None:
        """Take in the seconds of a trial's epochs so far in one process.

        What the first took more than the second is its start, where the network had to be traced (`cold`).
        """
        if len(seconds) == 2 and cold:
            self._starts.observe(self._start(config), max(0.0, seconds[0] - seconds[1]))
        if len(seconds) > 1:
            self.observe_epoch(config, seconds[-1])

    def observe_epoch(self, config: Config, seconds: float) -> None:
        """Take in what an epoch took in which nothing was traced."""
        self._epochs.observe(self._features(config), seconds)

    def epoch(self, config: Config) -> float:
        """Seconds an epoch."""
        return self._epochs.predict(self._features(config))

    def start(self, config: Config) -> float:
        """Seconds before the first step: to build and trace."""
        return self._starts.predict(self._start(config))

    def trial(self, config: Config, epochs: int) -> float:
        """Seconds of a trial of that many epochs."""
        return self.start(config) + epochs * self.epoch(config)

    def _start(self, config: Config) -> Array:
        return np.array([1.0, float(sum(ways for _, ways in widths(config)))])

    def _features(self, config: Config) -> Array:
        """Of one epoch: calls, steps, embedding weights moved, recurrent steps, multiplications."""
        steps = math.ceil(self.rows / max(1, whole(config, "batch_size", 32)))
        embedding = whole(config, "embedding", 0)
        tokens = [self.input.size] if self.input.kind == "tokens" else []
        tokens += [self.output.size] if self.output.kind == "pair" else []
        layers, wide = widths(config), embedding or self.input.size
        multiplied = 0
        for units, ways in layers:
            multiplied += ways * 4 * units * (wide + units)
            wide = units * ways
        if self.output.kind in ("tags", "tokens", "pair"):
            multiplied += wide * self.output.size
        recurrent = steps * self.steps * sum(ways for _, ways in layers)
        return np.array([1.0, steps, steps * sum(tokens) * embedding, recurrent, 6.0 * self.rows * self.steps * multiplied])


def widths(config: Config) -> list[tuple[int, int]]:
    """Units and directions of each recurrent layer.

    >>> widths({"units": 32, "layers": 2, "taper": "halving", "bidirectional": True})
    [(32, 2), (16, 2)]
    """
    ways = 2 if config.get("bidirectional") is True else 1
    units, halving = whole(config, "units", 0), config.get("taper") == "halving"
    return [(max(1, units >> layer) if halving else units, ways) for layer in range(whole(config, "layers", 1))]


def whole(config: Config, name: str, default: int) -> int:
    """A whole number of the configuration; the default where it has none of that name (a user's own may mean anything by it)."""
    value = config.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


class _Sum:
    """seconds = weights x features; the weights are fitted again when something is predicted after something was seen."""

    def __init__(self, prior: Array) -> None:
        self._weights, self._prior = prior, prior
        self._seen: deque[tuple[Array, float]] = deque(maxlen=SEEN)
        self._stale = False

    def observe(self, features: Array, seconds: float) -> None:
        self._seen.append((features, seconds))
        self._stale = True

    def predict(self, features: Array) -> float:
        if self._stale:
            self._fit()
        return float(features @ self._weights)

    def _fit(self) -> None:
        features = np.array([row for row, _ in self._seen])
        seconds = np.array([value for _, value in self._seen])
        scale = 1.0 / (seconds + RELATIVE)
        # the prior, to one factor: this machine is so many times slower; then each weight is free, as far as data say so
        expected = features @ self._prior
        factor = float(np.exp(np.median(np.log((seconds + RELATIVE) / (expected + RELATIVE)))))
        prior = self._prior * factor
        # unknown: the weights as multiples of the prior's, each held to 1 by a pull that a few epochs overcome
        rows = np.vstack([features * prior * scale[:, None], np.diag(np.full(len(prior), PULL))])
        self._stale = False
        try:
            found, _ = nnls(rows, np.concatenate([seconds * scale, np.full(len(prior), PULL)]))
        except RuntimeError:  # it did not converge: an estimate of time never ends a search
            return
        self._weights = found * prior
