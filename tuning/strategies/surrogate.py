"""A Gaussian process over configurations, with what is known of LSTMs as its prior.

Matern 5/2. How far one has to go along an axis to find something else is a prior, not a guess made anew from ten trials: the
learning rate matters most, units have a broad optimum, layers and dropout matter less. One factor on all of it, and the noise of
seeds, are chosen by marginal likelihood among a few values, so data overrule. A trial that was not trained to its end counts
with the loss that it is expected to reach, and the less so the less is known of that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
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
SCALES, NOISES = (0.6, 1.0, 1.7), (0.03, 0.1, 0.3)
FEW = 3  # trials trained to their end before others' ends are foretold from them
ENOUGH = 8  # losses before any of them counts as bad
HELD = 2.0  # so many trials does the prior of that weigh
LEFT = 0.2  # of the spread of early losses, what is left of it at the end where nothing is known


@dataclass(frozen=True)
class Choice:
    """What is chosen by marginal likelihood: a factor on all lengths, and the variance of noise."""

    scale: float = 1.0
    noise: float = 0.1


CHOICES = [Choice(*values) for values in product(SCALES, NOISES)]


class Axes:
    """Points of the cube as vectors whose distance says how different two configurations are."""

    def __init__(self, space: Space, lengths: dict[str, float] | None = None) -> None:
        known = LENGTHS if lengths is None else lengths
        self._columns: list[tuple[int, int, float]] = []  # axis, values without distance (0: it has one), weight
        for axis, parameter in enumerate(space.searched):
            domain = parameter.domain
            kinds = 0 if isinstance(domain, Interval) or ordered(domain) else len(domain.values)
            length = KIND if kinds else known.get(parameter.name, OTHER)
            self._columns.append((axis, kinds, 1 / length))

    def __call__(self, points: Array) -> Array:
        """(rows, axes) to (rows, columns)."""
        found = [np.zeros((len(points), 1))]
        for axis, kinds, weight in self._columns:
            column = points[:, axis]
            if kinds:
                chosen = np.minimum((column * kinds).astype(int), kinds - 1)
                found.append(np.eye(kinds)[chosen] * weight * math.sqrt(0.5))
            else:
                found.append(column[:, None] * weight)
        return np.hstack(found)


class Surrogate:
    """The process, fitted to vectors, losses, and how far each loss is from known (a variance; 0 but for seed noise)."""

    def __init__(self, choice: Choice | None = None) -> None:
        self.choice = choice or Choice()

    def choose(self, vectors: Array, losses: Array, unknown: Array) -> None:
        """Choose what makes these losses likeliest."""
        y, apart = self._taken(vectors, losses, unknown)
        self.choice = max(CHOICES, key=lambda choice: self._likelihood(choice, apart, y))

    def fit(self, vectors: Array, losses: Array, unknown: Array) -> None:
        """Take the losses in."""
        y, apart = self._taken(vectors, losses, unknown)
        self._root = self._factor(self.choice, apart)
        self._solved = cho_solve((self._root, True), y)

    def _taken(self, vectors: Array, losses: Array, unknown: Array) -> tuple[Array, Array]:
        """Losses on a scale of their own, and how far their configurations are from each other."""
        self._x, self.mean = vectors, float(losses.mean())
        self.spread = float(np.sqrt(losses.var() + unknown.mean())) or 1.0
        self._unknown = unknown / self.spread**2
        return (losses - self.mean) / self.spread, distances(vectors, vectors)

    def _factor(self, choice: Choice, apart: Array) -> Array:
        kernel = matern(apart / choice.scale)
        kernel[np.diag_indices_from(kernel)] += choice.noise + self._unknown + 1e-8
        return np.linalg.cholesky(kernel)

    def _likelihood(self, choice: Choice, apart: Array, y: Array) -> float:
        root = self._factor(choice, apart)
        half = solve_triangular(root, y, lower=True)
        return float(-0.5 * half @ half - np.log(np.diag(root)).sum())

    @property
    def noise(self) -> float:
        """Variance of a loss over seeds."""
        return self.spread**2 * self.choice.noise

    def predict(self, vectors: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the loss, seed noise aside."""
        cross = matern(distances(vectors, self._x) / self.choice.scale)
        half = solve_triangular(self._root, cross.T, lower=True)
        left = np.maximum(1.0 - (half**2).sum(axis=0), 1e-9)
        return self.mean + self.spread * (cross @ self._solved), self.spread * np.sqrt(left)


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
    """Losses with those that are worse than the middle by more than the best is better cut to that: bad, not how bad."""
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return np.zeros(len(losses))
    if len(finite) < ENOUGH:
        return np.asarray(np.minimum(losses, finite.max()))
    middle, best = float(np.median(finite)), float(finite.min())
    return np.asarray(np.minimum(losses, middle + max(middle - best, 1e-12)))


class Curves:
    """Foretells where a curve will end, from those that went on to their end: a regression for each epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self._whole: list[Array] = []  # best loss so far after each epoch

    def add(self, losses: Array) -> None:
        """A curve that ended; one that ended before the last epoch stays where it was."""
        self._whole.append(np.concatenate([losses, np.full(self.epochs - len(losses), losses[-1])]))
        whole = np.array([tamed(column) for column in np.array(self._whole).T])  # (epochs, curves)
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
        epoch = after - 1
        return self._late + self._slope[epoch] * (losses - self._early[epoch]), self._unknown[epoch]
