"""A Gaussian process over configurations, with what is known of LSTMs as its prior.

Matern 5/2. How far one has to go along an axis to find something else is a prior, not a guess made anew from ten trials: the
learning rate matters most, units have a broad optimum, layers and dropout matter less. A factor on each of these lengths, and the
noise of seeds, follow marginal likelihood step by step, so data overrule. The process begins at what other tasks lead one to expect
(prior_mean.py) times a slope that is itself learned (a linear kernel: a slope taken for granted did harm where the best is not
what others expect). A trial that was not trained to its end counts with the loss
that it is expected to reach, and the less so the less is known of that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.special import ndtr

from ..space import Interval, Space
from .cube import Array, ordered
from .prior_mean import PriorMean

# the share of an axis after which a configuration is another; sqrt(5) of it is about how far Matern 5/2 reaches
LENGTHS = {"learning_rate": 0.3, "units": 0.6}
OTHER, KIND = 1.2, 1.5  # any other axis with distance; any without
STEPS, NOISES = (0.6, 1.7), (0.03, 0.1, 0.3)
SURE = 0.7  # of the prior lengths: standard deviation of the logarithm of a factor
JITTER = 1e-8  # on the diagonal, so that a factor is found
BORDER = 1e12  # larger than any sum of squares of losses in units of noise
SLOPE = 0.6  # of the losses on what other tasks lead one to expect: its standard deviation before data, its mean 0


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
    """Points of the cube as vectors whose distance says how different two configurations are, before anything is known.

    The last column is none of distance: the loss that `prior` expects there (0 without one).
    """

    def __init__(self, space: Space, lengths: dict[str, float] | None = None, prior: PriorMean | None = None) -> None:
        self._prior = prior
        known = LENGTHS if lengths is None else lengths
        self._kinds: list[tuple[int, float]] = []  # of each axis, values without distance (0: it has one), weight
        self.count = len(space.searched)
        self.of: list[int] = []  # the axis of each column
        for axis, parameter in enumerate(space.searched):
            domain = parameter.domain
            kinds = 0 if isinstance(domain, Interval) or ordered(domain) else len(domain.values)
            length = known.get(parameter.name, KIND if kinds else OTHER)
            self._kinds.append((kinds, math.sqrt(0.5) / length if kinds else 1 / length))
            self.of += [axis] * max(1, kinds)

    def __call__(self, points: Array) -> Array:
        """(rows, axes) to (rows, columns + 1)."""
        found = [np.zeros((len(points), 0))]
        for axis, (kinds, weight) in enumerate(self._kinds):
            column = points[:, axis]
            if kinds:
                chosen = np.minimum((column * kinds).astype(int), kinds - 1)
                found.append(np.eye(kinds)[chosen] * weight)
            else:
                found.append(column[:, None] * weight)
        expected = self._prior(points) if self._prior else np.zeros(len(points))
        return np.hstack([*found, expected[:, None]])


class Likelihood:
    """Log marginal likelihood of losses (on a scale of their own), less what factors are off from 1 (draws of a log-normal)."""

    def __init__(self, axes: Axes, vectors: Array, y: Array, unknown: Array) -> None:
        apart = (vectors[:, None, :-1] - vectors[None, :, :-1]) ** 2
        self._apart = np.zeros((axes.count, len(y), len(y)))  # of each axis, squared and before factors
        np.add.at(self._apart, axes.of, np.moveaxis(apart, 2, 0))
        self._line = SLOPE**2 * np.outer(vectors[:, -1], vectors[:, -1])
        self._y, self._unknown = y, unknown

    def __call__(self, choices: list[Choice]) -> Array:
        """Of several choices at once, (choices,): one call for all costs much less than a call for each."""
        factors, noise = np.array([choice.factors for choice in choices]), np.array([choice.noise for choice in choices])
        kernels = matern(np.sqrt(np.tensordot(factors**-2.0, self._apart, 1))) + self._line
        count = len(self._y)
        # bordered by the losses: the factor's last row is what solving for them would give
        bordered = np.zeros((len(choices), count + 1, count + 1))
        bordered[:, :count, :count] = kernels
        bordered[:, range(count), range(count)] += noise[:, None] + self._unknown + JITTER
        bordered[:, count, :count], bordered[:, count, count] = self._y, BORDER
        roots = np.linalg.cholesky(bordered)
        half, own = roots[:, count, :count], np.diagonal(roots, axis1=1, axis2=2)[:, :count]
        off = np.log(factors) / SURE
        return np.asarray(-0.5 * (half**2).sum(axis=1) - np.log(own).sum(axis=1) - 0.5 * (off**2).sum(axis=1))


class Surrogate:
    """The process, fitted to vectors, losses, and how far each loss is from known (a variance; 0 but for seed noise)."""

    def __init__(self, axes: Axes, choice: Choice | None = None) -> None:
        self._axes = axes
        self.choice = choice or Choice((1.0,) * axes.count)

    def choose(self, vectors: Array, losses: Array, unknown: Array) -> None:
        """Choose what makes these losses likeliest, a step from what was chosen before: all lengths, noise, each length."""
        likelihood = Likelihood(self._axes, vectors, self._taken(losses, unknown), self._unknown)
        best = float(likelihood([self.choice])[0])
        best = self._improve(best, likelihood, [replace(self.choice, noise=noise) for noise in NOISES])
        best = self._improve(best, likelihood, [replace(self.choice, factors=self._times(times)) for times in STEPS])
        for axis in range(len(self.choice.factors)):
            best = self._improve(best, likelihood, [self.choice.changed(axis, times) for times in STEPS])

    def _times(self, times: float) -> tuple[float, ...]:
        return tuple(factor * times for factor in self.choice.factors)

    def _improve(self, best: float, likelihood: Likelihood, others: list[Choice]) -> float:
        """Take the likeliest of the others if it is likelier than `best`, what the choice has; what it then has."""
        found = likelihood(others)
        place = int(found.argmax())
        if found[place] > best:
            self.choice = others[place]
        return max(best, float(found[place]))

    def fit(self, vectors: Array, losses: Array, unknown: Array) -> None:
        """Take the losses in."""
        y = self._taken(losses, unknown)
        self._x = self._scaled(vectors, self.choice)
        self._root = self._factor(self.choice, self._x)
        self._solved = cho_solve((self._root, True), y, check_finite=False)
        told = y - (self.choice.noise + self._unknown + JITTER) * self._solved
        self.fitted = self.mean + self.spread * told  # the mean where losses are known

    def _taken(self, losses: Array, unknown: Array) -> Array:
        """Losses on a scale of their own."""
        self.mean = float(losses.mean())
        self.spread = float(np.sqrt(losses.var() + unknown.mean())) or 1.0
        self._unknown = unknown / self.spread**2
        return np.asarray((losses - self.mean) / self.spread)

    def _scaled(self, vectors: Array, choice: Choice) -> Array:
        return np.asarray(vectors / np.array([*np.array(choice.factors)[self._axes.of], 1.0]))

    def _factor(self, choice: Choice, scaled: Array) -> Array:
        kernel = covariance(scaled, scaled)
        kernel[np.diag_indices_from(kernel)] += choice.noise + self._unknown + JITTER
        return np.linalg.cholesky(kernel)

    def predict(self, vectors: Array, running: Array | None = None) -> tuple[Array, Array]:
        """Mean and standard deviation of the loss, seed noise aside; `running`: vectors of what will be known by then.

        These are taken for what is expected of them (Ginsbourger et al. 2010), which leaves the mean as it is.
        """
        scaled = self._scaled(vectors, self.choice)
        cross = covariance(scaled, self._x)
        half = self._halved(cross)
        left = 1.0 + (SLOPE * scaled[:, -1]) ** 2 - (half**2).sum(axis=0)
        if running is not None and len(running):
            left -= self._learned(scaled, half, self._scaled(running, self.choice))
        return self.mean + self.spread * (cross @ self._solved), self.spread * np.sqrt(np.maximum(left, 1e-9))

    def _halved(self, cross: Array) -> Array:
        return np.asarray(solve_triangular(self._root, cross.T, lower=True, check_finite=False))

    def _learned(self, scaled: Array, half: Array, running: Array) -> Array:
        """By how much variances fall when the running are known."""
        other = self._halved(covariance(running, self._x))
        own = covariance(running, running) - other.T @ other + (self.choice.noise + JITTER) * np.eye(len(running))
        between = covariance(running, scaled) - other.T @ half
        return np.asarray((solve_triangular(np.linalg.cholesky(own), between, lower=True, check_finite=False) ** 2).sum(axis=0))

    @property
    def noise(self) -> float:
        """Variance of a loss over seeds."""
        return self.spread**2 * self.choice.noise


def covariance(a: Array, b: Array) -> Array:
    """Matern 5/2 over distance, and a line along what is expected."""
    return matern(distances(a[:, :-1], b[:, :-1])) + SLOPE**2 * np.outer(a[:, -1], b[:, -1])


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
