"""CMA-ES: Hansen and Ostermeier 2001, by the package that Optuna's sampler of that name drives (cmaes).

It takes the numeric part of the space (units, rates: intervals, and grids of numbers by their place); the rest is drawn at
random, as in Optuna. A generation is told when as many of its members have ended as it has.
"""

from __future__ import annotations

import numpy as np
from cmaes import CMA

from ..space import Config, Interval
from ..trial import Trial, derived_seed
from .base import Setting
from .cube import ordered, to_config, to_point
from .proposer import Proposer

SIGMA = 1 / 6  # first step size, in shares of an axis (Optuna's)


class CmaEs(Proposer):
    """A normal distribution over the numeric axes that moves and turns with each generation."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        searched = setting.space.searched
        self._numeric = np.array([isinstance(p.domain, Interval) or ordered(p.domain) for p in searched], bool)
        axes = int(self._numeric.sum())
        self._cma: CMA | None = None
        if axes > 1:  # the package needs two
            bounds = np.tile([0.0, 1.0], (axes, 1))
            self._cma = CMA(mean=np.full(axes, 0.5), sigma=SIGMA, bounds=bounds, seed=derived_seed(setting.seed, "cmaes"))
        self._told: list[tuple[np.ndarray, float]] = []

    def propose(self, rng: np.random.Generator) -> Config | None:
        """Numeric axes from the distribution, the others at random."""
        if self._cma is None:
            return None
        self._cma._rng = np.random.RandomState(int(rng.integers(2**31)))  # draws depend on the number of the ask alone
        point = rng.random(len(self._numeric))
        point[self._numeric] = self._cma.ask()
        return to_config(self.setting.space, point)

    def learn(self, trial: Trial, loss: float) -> None:
        """Take in a member of the generation; what failed counts as the worst of it."""
        if self._cma is None:
            return
        self._told.append((to_point(self.setting.space, trial.config)[self._numeric], loss))
        if len(self._told) < self._cma.population_size:
            return
        finite = [loss for _, loss in self._told if np.isfinite(loss)]
        worst = max(finite, default=0.0) + 1.0
        self._cma.tell([(point, float(np.clip(min(loss, worst), -1e300, 1e300))) for point, loss in self._told])
        self._told = []


def make(name: str, setting: Setting) -> CmaEs:
    """The strategy."""
    return CmaEs(setting)
