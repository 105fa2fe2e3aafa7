"""What other tasks lead one to expect of a configuration, before anything is trained here.

A quadratic in the few parameters that nearly every task has, learned by benchmarks/prior_mean.py from recorded trials, the losses
of each task on a scale of their own: the mean of a Gaussian process, pre-trained (Wang et al. 2024, "Pre-trained Gaussian
processes for Bayesian optimization"). Beyond the values that were recorded it stays what it is at their ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..space import Grid, Interval, Parameter, Space
from .cube import Array, ordered

LEARNED = Path(__file__).with_name("prior_mean.json")
# what was recorded: from, to, on a logarithmic scale or not
RANGES = {
    "learning_rate": (5e-4, 2e-2, True),
    "units": (1, 256, True),
    "layers": (1, 3, False),
    "bidirectional": (0, 1, False),
    "dropout": (0.0, 0.5, False),
    "batch_size": (32, 128, True),
    "embedding": (16, 128, True),
}


class Learned(BaseModel):
    """prior_mean.json: the weight of each product of parameters; for each recorded task those that the others give."""

    weights: dict[str, float]
    without: dict[str, dict[str, float]]


class PriorMean:
    """The loss that is expected at points of a space's cube, on a scale where recorded losses spread by 1.

    `unseen`: a recorded task that must not have taught it. A parameter that the space lacks counts as the middle of its range.
    """

    def __init__(self, space: Space, unseen: str = "", weights: Mapping[str, float] | None = None) -> None:
        self._quantities = Quantities(space)
        line, square = np.zeros(len(RANGES)), np.zeros((len(RANGES), len(RANGES)))
        for name, weight in (learned(unseen) if weights is None else weights).items():
            axes = [list(RANGES).index(each) for each in name.split("*")]
            if len(axes) == 1:
                line[axes[0]] = weight
            else:
                square[axes[0], axes[1]] = weight
        self._line, self._square = line, square

    def __call__(self, points: Array) -> Array:
        """(rows, axes) to (rows,)."""
        known = self._quantities(points)
        return np.asarray(known @ self._line + ((known @ self._square) * known).sum(axis=1))


class Quantities:
    """Of points of a space's cube the parameters of `RANGES`, each from -1 to 1; (rows, axes) to (rows, parameters)."""

    def __init__(self, space: Space) -> None:
        self._fixed = np.zeros(len(RANGES))
        self._grids: list[tuple[int, int, Array]] = []  # column, axis, what each value counts as
        self._intervals: list[tuple[int, int, Interval]] = []
        axes = {parameter.name: axis for axis, parameter in enumerate(space.searched)}
        for column, name in enumerate(RANGES):
            parameter = next((p for p in space.parameters if p.name == name), None)
            if parameter is None or not _is_number(parameter):
                continue
            if name not in axes:
                self._fixed[column] = _scaled(name, np.array(parameter.domain.default, float))
            elif isinstance(parameter.domain, Grid):
                self._grids.append((column, axes[name], _scaled(name, np.array(parameter.domain.values, float))))
            else:
                self._intervals.append((column, axes[name], parameter.domain))

    def __call__(self, points: Array) -> Array:
        """What lies at the points."""
        found = np.tile(self._fixed, (len(points), 1))
        for column, axis, known in self._grids:
            found[:, column] = known[np.minimum((points[:, axis] * len(known)).astype(int), len(known) - 1)]
        for column, axis, domain in self._intervals:
            low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
            values = low + points[:, axis] * (high - low)
            found[:, column] = _scaled(list(RANGES)[column], np.exp(values) if domain.log else values)
        return found


def _is_number(parameter: Parameter) -> bool:
    domain = parameter.domain
    return isinstance(domain, Interval) or ordered(domain) or set(domain.values) <= {False, True}


def _scaled(name: str, values: Array) -> Array:
    """From -1 to 1 over what was recorded."""
    low, high, log = RANGES[name]
    if log:
        low, high, values = math.log(low), math.log(high), np.log(np.maximum(values, 1e-12))
    return np.asarray(np.clip(2 * (values - low) / (high - low) - 1, -1.0, 1.0))


def learned(unseen: str = "") -> dict[str, float]:
    """The weights; for a replay of a recorded task those that the other tasks alone give."""
    found = _read()
    return found.without.get(unseen, found.weights)


@cache
def _read() -> Learned:
    return Learned.model_validate_json(LEARNED.read_text(encoding="utf-8"))
