"""Paired comparisons of runs: every strategy with the same seeds, so that seeds are the pairs.

Wilcoxon's signed-rank test on final losses and on times to the target with Holm's correction; the ratio of those times with a
bootstrap interval (BCa, Efron 1987); mean ranks, and Friedman's test over tasks where there are five or more.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import stats

from ..inference import LEVEL, holm
from .runs import Run

ENOUGH = 8  # seeds: with fewer the smallest p of a Wilcoxon test is above 0.01
TASKS = 5  # for Friedman's test
RESAMPLES = 2000
FAR = 1e9  # loss by which a run that found nothing is worse


@dataclass(frozen=True)
class Pair:
    """Two strategies: which ended better, and how much sooner the first reached the target than the second."""

    first: str
    second: str
    better: float  # the second's final loss less the first's, as Hodges and Lehmann (1963) estimate it
    p: float  # Wilcoxon, two-sided, after Holm
    times: float  # the second's seconds to the target over the first's, geometric mean over seeds
    low: float  # its 95 % interval, of this pair alone
    high: float
    p_times: float  # Wilcoxon of the logarithms, two-sided, after Holm

    @property
    def sooner(self) -> bool:
        """Whether the first reached the target sooner, beyond chance over all pairs."""
        return self.low > 1.0 and self.p_times < LEVEL

    @property
    def later(self) -> bool:
        """Whether the second did."""
        return self.high < 1.0 and self.p_times < LEVEL

    @property
    def differ(self) -> bool:
        """Whether the final losses differ."""
        return self.p < LEVEL


def by_strategy(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs in the order of their seeds."""
    found: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        found.setdefault(run.strategy, []).append(run)
    return found


def pairs(runs: Sequence[Run], target: float) -> list[Pair]:
    """Every two strategies. A run that never reached the target counts as its budget."""
    known = by_strategy(runs)
    raw = []
    for first, second in combinations(known, 2):
        a, b = known[first], known[second]
        losses = np.array([_apart(two.final, one.final) for one, two in zip(a, b, strict=True)])
        logs = np.array([np.log(seconds(two, target) / seconds(one, target)) for one, two in zip(a, b, strict=True)])
        low, high = interval(logs)
        middle, low, high = (float(value) for value in np.exp([logs.mean(), low, high]))
        raw.append(Pair(first, second, shift(losses), wilcoxon(losses), middle, low, high, wilcoxon(logs)))
    ends, sooner = holm([pair.p for pair in raw]), holm([pair.p_times for pair in raw])
    return [replace(pair, p=p, p_times=q) for pair, p, q in zip(raw, ends, sooner, strict=True)]


def seconds(run: Run, target: float) -> float:
    """Seconds to the target, the budget where it was not reached; never 0."""
    reached = run.reached(target)
    return max(run.budget if reached is None else reached, 1e-3)


def _apart(a: float, b: float) -> float:
    """The difference of two losses; one that found nothing is far worse than one that did, and equal to its like."""
    return 0.0 if a == b else float(np.clip(a - b, -FAR, FAR))


def shift(differences: np.ndarray) -> float:
    """The estimate that goes with Wilcoxon's test: the median of the means of all pairs."""
    first, second = np.triu_indices(len(differences))
    return float(np.median((differences[first] + differences[second]) / 2))


def wilcoxon(differences: np.ndarray) -> float:
    """The two-sided p; 1 where nothing differs."""
    if not np.any(differences):
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ties: the normal approximation is taken
        return float(stats.wilcoxon(differences, zero_method="zsplit").pvalue)


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """A 95 % interval of the mean: BCa bootstrap, Student's t with fewer than 8 values."""
    if len(values) < 2 or np.ptp(values) == 0:
        return (-np.inf, np.inf) if len(values) < 2 else (float(values[0]), float(values[0]))
    if len(values) < ENOUGH:
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        return float(values.mean() - half), float(values.mean() + half)
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = stats.bootstrap((values,), np.mean, n_resamples=RESAMPLES, method="BCa", rng=rng).confidence_interval
    return float(found.low), float(found.high)


def mean_ranks(runs: Sequence[Run]) -> dict[str, float]:
    """The mean over seeds of each strategy's rank by final loss, 1 the best."""
    known = by_strategy(runs)
    ranks = stats.rankdata(np.array([[run.final for run in one] for one in known.values()]), axis=0)
    return {name: float(mean) for name, mean in zip(known, ranks.mean(axis=1), strict=True)}


def friedman(tasks: Sequence[Sequence[Run]]) -> float | None:
    """The p of Friedman's test that all strategies rank alike over the tasks; None with fewer than five tasks."""
    if len(tasks) < TASKS:
        return None
    ranks: list[Mapping[str, float]] = [mean_ranks(runs) for runs in tasks]
    if len(ranks[0]) < 3:
        return None
    return float(stats.friedmanchisquare(*([one[name] for one in ranks] for name in ranks[0])).pvalue)
