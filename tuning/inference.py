"""What a few seeds allow to be said: paired differences, their intervals, and which of many cannot be told from the best.

Variances over three or five seeds are themselves noise, so each is drawn towards what all configurations show together
(Smyth 2004, with a fixed weight): the intervals are Student's t with the degrees of freedom that both give.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Losses = Mapping[int, float]  # of one configuration: seed -> loss
WEIGHT = 4.0  # degrees of freedom that the pooled variance counts for
LEVEL = 0.05  # of the tests; intervals are 95 %


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds (or of differences paired by seed), its standard error and degrees of freedom."""

    mean: float
    error: float
    df: float
    n: int

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Student's interval; infinite with nothing to estimate the error from."""
        half = self.half_width(level)
        return self.mean - half, self.mean + half

    def half_width(self, level: float = LEVEL) -> float:
        """Half of the interval's width."""
        return _quantile(1 - level / 2, self.df) * self.error if self.n and self.df > 0 else math.inf

    @property
    def p(self) -> float:
        """One-sided: how likely so large a mean would be if the true one were 0 or less."""
        if not self.n or self.df <= 0:
            return 1.0
        if self.error <= 0:
            return 0.0 if self.mean > 0 else 1.0
        return _tail(self.mean / self.error, self.df)

    @property
    def p_two(self) -> float:
        """Two-sided: how likely a mean so far from 0 would be if the true one were 0."""
        return min(1.0, 2 * min(self.p, Estimate(-self.mean, self.error, self.df, self.n).p))


def _quantile(probability: float, df: float) -> float:
    from scipy.special import stdtrit  # slow to import, and --help needs it not

    return float(stdtrit(df, probability))


def _tail(t: float, df: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(df, -t))


def pooled(runs: Sequence[Losses]) -> tuple[float, float]:
    """The variance between seeds of one configuration, as all show it together, and the degrees of freedom behind it.

    The median of their variances (each divided by the median of a chi-square's, so that it is that of normal noise): one
    configuration that fails with every third seed says nothing about the others.
    """
    several = [np.array(list(one.values())) for one in runs if len(one) > 1]
    free = float(sum(len(one) - 1 for one in several))
    variances = [float(one.var(ddof=1)) / (1 - 2 / (9 * (len(one) - 1))) ** 3 for one in several]  # Wilson and Hilferty (1931)
    return (float(np.median(variances)) if variances else 0.0), free


def estimate(values: Sequence[float], prior: tuple[float, float]) -> Estimate:
    """The mean of independent values; `prior` is the variance expected, and the degrees of freedom behind it."""
    array, (variance, free) = np.asarray(values, float), prior
    n, weight = len(array), min(WEIGHT, free) if variance > 0 else 0.0  # where most are equal, they tell nothing of the others
    if not n:
        return Estimate(math.nan, math.inf, 0.0, 0)
    own = float(array.var(ddof=1)) if n > 1 else 0.0
    df = weight + n - 1
    drawn = (weight * variance + (n - 1) * own) / df if df else 0.0
    return Estimate(float(array.mean()), math.sqrt(drawn / n), df, n)


def difference(first: Losses, second: Losses, prior: tuple[float, float]) -> Estimate:
    """How much more the first loses than the second, paired by the seeds both have; `prior` as `pooled` gives it."""
    shared = sorted(first.keys() & second.keys())
    return estimate([first[seed] - second[seed] for seed in shared], (2 * prior[0], prior[1]))


def not_told_apart(runs: Sequence[Losses], level: float = LEVEL) -> list[bool]:
    """For each whether it may be the best: no other is better than it beyond chance.

    Multiple comparisons with the best (Hsu 1984), with Bonferroni's bound over the others, which holds however the
    configurations' losses depend on each other: the truly best is among them with a chance of 1 - level.
    """
    prior, others = pooled(runs), max(1, len(runs) - 1)
    return [
        all(difference(one, other, prior).p > level / others for other in runs if other is not one and other) if one else False
        for one in runs
    ]


def finite(value: float) -> float | None:
    """The value; None where it is infinite or NaN, which JSON has not."""
    return float(value) if math.isfinite(value) else None


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order, found, worst = np.argsort(p), [0.0] * len(p), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[int(index)]))
        found[int(index)] = worst
    return found
