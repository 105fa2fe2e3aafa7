"""Scrambled Sobol points: random search that leaves no hole (Sobol 1967; Owen 1998 scrambles).

The n-th proposal is the n-th point, so it does not depend on results. Grid values take equal shares of their axis.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.stats import qmc

from ..space import Config
from ..trial import derived_seed
from .base import Setting
from .cube import to_config
from .proposer import Proposer

AHEAD = 256  # points drawn at a time


class Sobol(Proposer):
    """Configurations at the points of a scrambled Sobol sequence."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        seed = derived_seed(setting.seed, "sobol")
        self._points = qmc.Sobol(max(1, len(setting.space.searched)), scramble=True, rng=np.random.default_rng(seed))
        self._drawn: list[np.ndarray] = []

    def propose(self, rng: np.random.Generator) -> Config | None:
        """The point of this ask."""
        while len(self._drawn) < self.asks:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # balance needs powers of 2, which no search stops at
                self._drawn.extend(self._points.random(AHEAD))
        point = self._drawn[self.asks - 1]
        return to_config(self.setting.space, point[: len(self.setting.space.searched)])


def make(name: str, setting: Setting) -> Sobol:
    """The strategy."""
    return Sobol(setting)
