"""What a trial costs before it is run: seconds to its first step and seconds an epoch, learned while the search runs.

Two sums of a few products each, with weights that are never negative (least squares of relative errors; Lawson and Hanson
1974). The prior is what another machine took; a few epochs on this machine overrule it. For a user's own
HyperModel nothing is known of a configuration but its batch size, and the mean is learned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from .space import Config, same
from .task import Input, Output

Array: TypeAlias = np.ndarray
Columns: TypeAlias = Mapping[str, Array]
SEEN = 300  # epochs that the fit looks back on
LATELY = 500  # configurations whose features are kept: every epoch of a trial asks again
# fitted to the recorded tables by benchmarks/cost_prior.py, on one core of a 2024 server; predictions of a table by the others'
# weights are off by a factor of 1.1 to 1.3. Seconds: an epoch's call; a step (fitted 0, kept so that data can raise it); a step and
# an embedding weight; a step, a time step and a layer; a multiplication
EPOCH_PRIOR = np.array([0.021, 1e-4, 7.1e-9, 2.2e-5, 1.5e-11])
START_PRIOR = np.array([0.23, 0.23])  # to build and trace; more for each layer and direction
PULL = 0.05  # of the prior: an epoch seen weighs 1
RELATIVE = 0.05  # seconds that an error may have before it counts relative to the whole


class CostModel:
    """Seconds of trials on one task: what goes in and out, rows an epoch trains on, and their mean valid steps."""

    def __init__(self, given: Input, wanted: Output, rows: float, steps: float) -> None:
        self.input, self.output, self.rows, self.steps = given, wanted, rows, steps
        self._epochs, self._starts = _Sum(EPOCH_PRIOR), _Sum(START_PRIOR)
        self._known: dict[str, tuple[Array, Array]] = {}  # of configurations asked for lately, features of an epoch, of a start

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

    def start_in_epochs(self, config: Config) -> float:
        """Epochs that take as long as the start does."""
        epoch, start = self._both(config)
        return self._starts.predict(start) / max(1e-9, self._epochs.predict(epoch))

    def trials(self, columns: Columns, count: int, epochs: Array | int) -> Array:
        """Seconds of many trials of so many epochs; for each parameter a column of `count` values."""
        epoch, start = self._of(columns, count)
        return np.asarray(self._starts.weighed(start) + epochs * self._epochs.weighed(epoch))

    def _start(self, config: Config) -> Array:
        return self._both(config)[1]

    def _features(self, config: Config) -> Array:
        return self._both(config)[0]

    def _both(self, config: Config) -> tuple[Array, Array]:
        key = same(config)
        if key not in self._known:
            if len(self._known) >= LATELY:
                self._known.clear()
            epoch, start = self._of(columns_of(config), 1)
            self._known[key] = (epoch[0], start[0])
        return self._known[key]

    def _of(self, columns: Columns, count: int) -> tuple[Array, Array]:
        """Of an epoch: calls, steps, embedding weights moved, recurrent steps, multiplications; of a start: one, directions."""
        steps = np.ceil(self.rows / np.maximum(1.0, whole(columns, "batch_size", 32, count)))
        embedding = whole(columns, "embedding", 0, count)
        moved = np.not_equal(columns["vectors"], "frozen") if "vectors" in columns else 1.0
        tokens = moved * np.float64(self.input.size if self.input.kind == "tokens" else 0)
        tokens += self.output.size if self.output.kind == "pair" else 0
        wide = np.where(embedding > 0, embedding, self.input.size)
        multiplied, directions = np.zeros(count), np.zeros(count)
        for units, ways in layers_of(columns, count):
            multiplied += ways * 4 * units * (wide + units)
            directions += ways * (units > 0)
            wide = np.where(units > 0, units * ways, wide)
        if self.output.kind in ("tags", "tokens", "pair"):
            multiplied += wide * self.output.size
        recurrent = steps * self.steps * directions
        whole_pass = 6.0 * self.rows * self.steps * multiplied
        epoch = np.stack([np.ones(count), steps, steps * tokens * embedding, recurrent, whole_pass], axis=1)
        return epoch, np.stack([np.ones(count), directions], axis=1)


def columns_of(config: Config) -> Columns:
    """One configuration as columns."""
    return {name: np.array([value]) for name, value in config.items()}


def layers_of(columns: Columns, count: int) -> list[tuple[Array, Array]]:
    """Of each recurrent layer, units (0 where there is no such layer) and directions.

    >>> units = [units for units, _ in layers_of(columns_of({"units": 32, "layers": 2, "taper": "halving"}), 1)]
    >>> [int(one[0]) for one in units]
    [32, 16]
    """
    units, layers = whole(columns, "units", 0, count), whole(columns, "layers", 1, count)
    halving = np.equal(columns.get("taper", np.full(count, "constant")), "halving")
    ways = np.where(np.equal(columns.get("bidirectional", np.zeros(count, bool)), True), 2.0, 1.0)
    found = []
    for layer in range(int(layers.max(initial=1))):
        tapered = np.where(halving, np.maximum(1.0, units // 2**layer), units)
        found.append((np.where(layer < layers, tapered, 0.0), ways))
    return found


def whole(columns: Columns, name: str, default: int, count: int) -> Array:
    """A column of whole numbers; the default where there is none of that name (a user's own may mean anything by it)."""
    column = columns.get(name)
    known = column is not None and np.issubdtype(column.dtype, np.integer)
    return np.asarray(column, float) if known else np.full(count, float(default))


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
        return float(self.weighed(features))

    def weighed(self, features: Array) -> Array:
        if self._stale:
            self._fit()
        return np.asarray(features @ self._weights)

    def _fit(self) -> None:
        from scipy.optimize import nnls  # slow to import, and --help needs it not

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
