"""How much each hyperparameter mattered, by Optuna, with bootstrap intervals and the floor that noise alone would reach.

PED-ANOVA (Watanabe et al. 2023): what separates the best trials from the others. fANOVA (Hutter et al. 2014): shares of a random
forest's variance. Both are shares that add up to 1, so that something always seems to matter: hence the floor, which is
what the same evaluator gives when losses are dealt out at random.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .effects import MISSING, Row, number

Method = Literal["fanova", "ped-anova"]
LEAST = 12  # trials, without which shares are noise
LEVELS = 6  # of a choice; the rarer ones are one
MOST = {"fanova": 100, "ped-anova": 2000}  # trials that are looked at
FAR = 3.0  # median absolute deviations above the median loss, beyond which a loss is no worse
TREES = 8
RESAMPLES = 20  # for the interval, and as many for the floor
ENOUGH = 8  # resamples, without which there is no interval


@dataclass(frozen=True)
class Share:
    """How much of what differed a parameter explains, 0 to 1; `low` to `high`: 95 %; `floor`: what noise alone reaches (95 %)."""

    name: str
    share: float
    low: float
    high: float
    floor: float

    @property
    def mattered(self) -> bool:
        """Whether it stands above noise."""
        return self.low > self.floor


def importances(
    rows: Sequence[Row], losses: Sequence[float], method: Method = "fanova", seed: int = 0, seconds: float = math.inf
) -> list[Share]:
    """The share of every parameter, the largest first; nothing where trials or `seconds` are too few for intervals."""
    names = varied(rows)
    rng = np.random.default_rng(seed)
    kept = rng.permutation(len(rows))[: MOST[method]]
    if len(kept) < LEAST or len(names) < 2 or np.ptp(np.asarray(losses, float)) == 0:
        return []
    study, began = _Trials([rows[int(n)] for n in kept], names), time.monotonic()
    y, every = tamed(np.asarray(losses, float)[kept]), np.arange(len(kept))
    whole, drawn, dealt = study.shares(y, every, method), list[dict[str, float]](), list[dict[str, float]]()
    while len(dealt) < RESAMPLES and time.monotonic() - began < seconds:
        drawn.append(study.shares(y, rng.integers(len(y), size=len(y)), method))
        dealt.append(study.shares(rng.permutation(y), every, method))
    if len(dealt) < ENOUGH:
        return []
    return [_share(name, whole, drawn, dealt) for name in sorted(names, key=lambda name: -whole.get(name, 0.0))]


def tamed(losses: np.ndarray) -> np.ndarray:
    """Losses with the failures cut down: how badly a network failed would else be all that matters."""
    middle = np.median(losses)
    return np.asarray(np.minimum(losses, middle + FAR * max(np.median(np.abs(losses - middle)), 1e-12)))


def varied(rows: Sequence[Row]) -> list[str]:
    """Parameters that have more than one value."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if len({str(row.get(name, MISSING)) for row in rows}) > 1]


def _share(name: str, whole: dict[str, float], drawn: list[dict[str, float]], dealt: list[dict[str, float]]) -> Share:
    values, share = [one.get(name, 0.0) for one in drawn], whole.get(name, 0.0)
    low, high = (float(np.quantile(values, q)) for q in (0.025, 0.975))
    floor = float(np.quantile([one.get(name, 0.0) for one in dealt], 0.95))
    return Share(name, share, min(low, share), max(high, share), floor)


class _Trials:
    """Rows as Optuna's trials."""

    def __init__(self, rows: Sequence[Row], names: Sequence[str]) -> None:
        from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

        self.names, self.distributions = list(names), dict[str, BaseDistribution]()
        self.values: list[dict[str, Any]] = [{} for _ in rows]
        for name in names:
            column = [row.get(name, MISSING) for row in rows]
            if all(map(number, column)):
                numbers = [float(value) for value in column]
                log = min(numbers) > 0 and max(numbers) / min(numbers) >= 4
                self.distributions[name] = FloatDistribution(min(numbers), max(numbers), log=log)
                told: Sequence[Any] = numbers
            else:
                common = {value for value, _ in Counter(map(str, column)).most_common(LEVELS)}
                told = [str(value) if str(value) in common else "other" for value in column]  # fANOVA takes minutes over many
                self.distributions[name] = CategoricalDistribution(sorted(set(told)))
            for values, value in zip(self.values, told, strict=True):
                values[name] = value

    def shares(self, losses: np.ndarray, chosen: np.ndarray, method: Method) -> dict[str, float]:
        """The importance of each parameter on some of the trials."""
        import optuna
        from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances

        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental; and trials that share one value
            study = optuna.create_study()
            study.add_trials(
                [
                    optuna.create_trial(params=self.values[int(n)], distributions=self.distributions, value=float(losses[int(n)]))
                    for n in chosen
                ]
            )
            evaluator = PedAnovaImportanceEvaluator() if method == "ped-anova" else FanovaImportanceEvaluator(n_trees=TREES, seed=0)
            try:
                found = get_param_importances(study, evaluator=evaluator, params=self.names)
            except (ValueError, RuntimeError, ZeroDivisionError):  # a resample in which nothing varies
                found = {}
        optuna.logging.set_verbosity(before)
        return {name: float(share) for name, share in found.items() if np.isfinite(share)}
