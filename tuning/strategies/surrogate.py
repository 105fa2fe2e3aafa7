"""A Gaussian process over configurations, with what is known of LSTMs as its prior.

Matern 5/2. How far one has to go along an axis to find something else is a prior, not a guess made anew from ten trials: the
learning rate matters most, units have a broad optimum, layers and dropout matter less. A factor on each of these lengths, and the
noise of seeds, follow marginal likelihood step by step, so data overrule. A trial that was not trained to its end counts with the
loss that it is expected to reach, and the less so the less is known of that.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import ndtr

from ..space import Interval, Space
from .cube import ordered

Array: TypeAlias = np.ndarray
# the share of an axis after which a configuration is another; sqrt(5) of it is about how far Matern 5/2 reaches
LENGTHS = {"learning_rate": 0.3, "units": 0.6}
OTHER, KIND = 1.2, 1.5  # any other axis with distance; any without
STEPS, NOISES = (0.6, 1.7), (0.03, 0.1, 0.3)
SURE = 0.7  # of the prior lengths: standard deviation of the logarithm of a factor
CURVES = 100  # that ended, the latest, from which others' ends are foretold
FEW = 3  # trials trained to their end before others' ends are foretold from them
ENOUGH = 8  # losses before any of them counts as bad
HELD = 2.0  # so many trials does the prior of that weigh
LEFT = 0.2  # of the spread of early losses, what is left of it at the end where nothing is known


@dataclass(frozen=True)
class Choice:
    """What is chosen by marginal likelihood: a factor on each axis' length, and the variance of noise."""

    factors: tuple[float, ...]
    noise: float = 0.1

    def changed(self, axis: int, times: float) -> Choice:
        """Another factor on one axis."""
        factors = (*self.factors[:axis], self.factors[axis] * times, *self.factors[axis + 1 :])
        return replace(self, factors=factors)


class Axes:
    """Points of the cube as vectors whose distance says how different two configurations are, before anything is known."""

    def __init__(self, space: Space, lengths: dict[str, float] | None = None) -> None:
        known = LENGTHS if lengths is None else lengths
        self._kinds: list[tuple[int, float]] = []  # of each axis, values without distance (0: it has one), weight
        self.count = len(space.searched)
        self.of: list[int] = []  # the axis of each column
        for axis, parameter in enumerate(space.searched):
            domain = parameter.domain
            kinds = 0 if isinstance(domain, Interval) or ordered(domain) else len(domain.values)
            length = KIND if kinds else known.get(parameter.name, OTHER)
            self._kinds.append((kinds, math.sqrt(0.5) / length if kinds else 1 / length))
            self.of += [axis] * max(1, kinds)

    def __call__(self, points: Array) -> Array:
        """(rows, axes) to (rows, columns)."""
        found = [np.zeros((len(points), 0))]
        for axis, (kinds, weight) in enumerate(self._kinds):
            column = points[:, axis]
            if kinds:
                chosen = np.minimum((column * kinds).astype(int), kinds - 1)
                found.append(np.eye(kinds)[chosen] * weight)
            else:
                found.append(column[:, None] * weight)
        return np.hstack(found)


class Surrogate:
    """The process, fitted to vectors, losses, and how far each loss is from known (a variance; 0 but for seed noise)."""

    def __init__(self, axes: Axes, choice: Choice | None = None) -> None:
        self._axes = axes
        self.choice = choice or Choice((1.0,) * axes.count)

    def choose(self, vectors: Array, losses: Array, unknown: Array) -> None:
        """Choose what makes these losses likeliest, a step from what was chosen before: all lengths, noise, each length."""
        y = self._taken(vectors, losses, unknown)
        self._improve(vectors, y, [replace(self.choice, noise=noise) for noise in NOISES])
        for times in STEPS:
            self._improve(vectors, y, [replace(self.choice, factors=tuple(f * times for f in self.choice.factors))])
        for axis in range(len(self.choice.factors)):
            self._improve(vectors, y, [self.choice.changed(axis, times) for times in STEPS])

    def _improve(self, vectors: Array, y: Array, others: list[Choice]) -> None:
        self.choice = max([self.choice, *others], key=lambda choice: self._likelihood(choice, vectors, y))

    def fit(self, vectors: Array, losses: Array, unknown: Array) -> None:
        """Take the losses in."""
        y = self._taken(vectors, losses, unknown)
        self._x = self._scaled(vectors, self.choice)
        self._root = self._factor(self.choice, self._x)
        self._solved = cho_solve((self._root, True), y)

    def _taken(self, vectors: Array, losses: Array, unknown: Array) -> Array:
        """Losses on a scale of their own."""
        self.mean = float(losses.mean())
        self.spread = float(np.sqrt(losses.var() + unknown.mean())) or 1.0
        self._unknown = unknown / self.spread**2
        return np.asarray((losses - self.mean) / self.spread)

    def _scaled(self, vectors: Array, choice: Choice) -> Array:
        return np.asarray(vectors / np.array(choice.factors)[self._axes.of])

    def _factor(self, choice: Choice, scaled: Array) -> Array:
        kernel = matern(distances(scaled, scaled))
        kernel[np.diag_indices_from(kernel)] += choice.noise + self._unknown + 1e-8
        return np.linalg.cholesky(kernel)

    def _likelihood(self, choice: Choice, vectors: Array, y: Array) -> float:
        """Log marginal likelihood, less what the factors are off from 1 (as draws of a log-normal)."""
        root = self._factor(choice, self._scaled(vectors, choice))
        half = solve_triangular(root, y, lower=True)
        off = np.log(choice.factors) / SURE
        return float(-0.5 * half @ half - np.log(np.diag(root)).sum() - 0.5 * off @ off)

    def predict(self, vectors: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the loss, seed noise aside."""
        cross = matern(distances(self._scaled(vectors, self.choice), self._x))
        half = solve_triangular(self._root, cross.T, lower=True)
        left = np.maximum(1.0 - (half**2).sum(axis=0), 1e-9)
        return self.mean + self.spread * (cross @ self._solved), self.spread * np.sqrt(left)

    @property
    def noise(self) -> float:
        """Variance of a loss over seeds."""
        return self.spread**2 * self.choice.noise


def distances(a: Array, b: Array) -> Array:
    """Euclidean, rows of `a` to rows of `b`."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def matern(apart: Array) -> Array:
    """Matern 5/2 at these distances."""
    far = math.sqrt(5) * apart
    return np.asarray((1 + far + far**2 / 3) * np.exp(-far))


def improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Expected improvement on a loss (Mockus 1975)."""
    z = (best - mean) / deviation
    return np.asarray(deviation * (z * ndtr(z) + np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)))


def tamed(losses: Array) -> Array:
    """Losses with those that are worse than the middle by more than the best is better cut to that: bad, not how bad.

    Of one row, or of each of many.
    """
    finite = np.where(np.isfinite(losses), losses, np.nan)
    if np.isnan(finite).all():
        return np.zeros(losses.shape)
    if np.isfinite(finite).sum(axis=-1).min() < ENOUGH:
        return np.asarray(np.minimum(losses, np.nanmax(finite, axis=-1, keepdims=True)))
    middle, best = np.nanmedian(finite, axis=-1, keepdims=True), np.nanmin(finite, axis=-1, keepdims=True)
    return np.asarray(np.minimum(losses, middle + np.maximum(middle - best, 1e-12)))


class Curves:
    """Foretells where a curve will end, from those that went on to their end: a regression for each epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._whole: deque[Array] = deque(maxlen=CURVES)  # best loss so far after each epoch
        self._fitted = False

    def add(self, losses: Array) -> None:
        """A curve that ended; one that ended before the last epoch stays where it was."""
        self._whole.append(np.concatenate([losses, np.full(self.epochs - len(losses), losses[-1])]))
        self._fitted = False

    def _fit(self) -> None:
        whole = tamed(np.array(self._whole).T)  # (epochs, curves)
        self._fitted = True
        self._early, late = whole.mean(axis=1), whole[-1]
        self._late = float(late.mean())
        off, off_late = whole - self._early[:, None], late - self._late
        wide = np.maximum((off**2).mean(axis=1), 1e-24)
        narrow = ((off_late**2).sum() + HELD * LEFT**2 * wide) / (len(late) + HELD)
        # held to half of what the spreads would allow, as if by HELD trials: few curves say little
        held = HELD * np.sqrt(wide * narrow) * 0.5
        self._slope = (off @ off_late + held) / ((off**2).sum(axis=1) + HELD * wide)
        missed = ((off_late - self._slope[:, None] * off) ** 2).sum(axis=1)
        self._unknown = (missed + HELD * 0.5 * narrow) / (len(late) + HELD)
        self._slope[-1], self._unknown[-1], self._early[-1] = 1.0, 0.0, self._late

    @property
    def known(self) -> bool:
        """Whether there is enough to foretell from."""
        return len(self._whole) >= FEW

    def ends(self, losses: Array, after: Array) -> tuple[Array, Array]:
        """What losses `after` so many epochs will be at the end, and the variance of that."""
        if not self._whole:
            return losses.astype(float), np.zeros(len(losses))
        if not self._fitted:
            self._fit()
        epoch = after - 1
        return self._late + self._slope[epoch] * (losses - self._early[epoch]), self._unknown[epoch]
