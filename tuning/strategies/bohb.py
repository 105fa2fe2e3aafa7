"""BOHB: Hyperband's brackets, whose new members come from a model of what did well (Falkner, Klein and Hutter 2018).

The model is two product kernel densities, one of the better configurations and one of the rest, both from the most epochs
that enough trials have reached; of candidates drawn from the first the one with the largest ratio is proposed. A third of
the members is drawn at random, as in the paper.
"""

from __future__ import annotations

from collections import deque
from typing import Any, TypeAlias

import numpy as np

from ..space import Config, Grid, Interval, Space, same
from .base import Setting
from .cube import ordered, to_config, to_point
from .kerastuner import KerasTunerStrategy
from .oracles import Hyperband

Array: TypeAlias = np.ndarray
Known: TypeAlias = dict[int, deque[tuple[float, tuple[float, ...]]]]
MOST = 500  # trials of a rung that the model is made from, the latest
RANDOM = 1 / 3  # share of members drawn without the model
GOOD = 0.15  # share of trials that count as good
CANDIDATES, WIDER = 64, 3.0  # drawn from the good density, with so many times its bandwidth
NARROWEST = 0.03  # of an axis


class Bohb(Hyperband):
    """Hyperband with a model in place of chance."""

    def setup(self, strategy: KerasTunerStrategy) -> None:
        """Nothing is known yet."""
        super().setup(strategy)
        self.known: Known = {}  # epochs -> losses with points, the latest

    def finish(self, created: Any, status: str, score: float | None) -> None:
        """Tell the oracle, and learn."""
        super().finish(created, status, score)
        if score is not None and np.isfinite(score):
            values = dict(created.hyperparameters.values)
            epochs = int(values.get("tuner/epochs", 0))
            config = {name: value for name, value in values.items() if not name.startswith("tuner/")}
            told = self.known.setdefault(epochs, deque(maxlen=MOST))
            told.append((self.strategy.setting.objective.key(score), tuple(to_point(self.strategy.setting.space, config))))

    def _random_values(self) -> Config | None:
        strategy, rng = self.strategy, np.random.default_rng(self.draw)
        if strategy.forced is None and not strategy.full and rng.random() >= RANDOM:
            found = suggested(strategy.setting.space, self.known, rng)
            if found is not None and same(found) not in strategy.tried:
                return found
        return super()._random_values()


def make(name: str, setting: Setting) -> KerasTunerStrategy:
    """The strategy."""
    return KerasTunerStrategy.of(Bohb, setting, max_epochs=setting.max_epochs, hyperband_iterations=None)


def suggested(space: Space, known: Known, rng: np.random.Generator) -> Config | None:
    """The model's proposal; None while no rung has enough trials."""
    least = len(space.searched) + 1
    rich = [epochs for epochs, told in known.items() if len(told) >= least + 2]
    if not rich or not space.searched:
        return None
    told = sorted(known[max(rich)])
    split = max(least, int(GOOD * len(told)))
    points = np.array([point for _, point in told])
    good, bad = points[:split], points[-max(least, len(told) - split) :]
    discrete = np.array([_kinds(p.domain) for p in space.searched])
    drawn = _draw(good, discrete, rng)
    ratio = _density(drawn, good, discrete) / np.maximum(_density(drawn, bad, discrete), 1e-32)
    return to_config(space, drawn[int(np.argmax(ratio))])


def _kinds(domain: Grid | Interval) -> int:
    """How many values without distance there are; 0 on an axis of numbers."""
    return 0 if isinstance(domain, Interval) or ordered(domain) else len(domain.values)


def _bandwidths(points: Array) -> Array:
    """Scott's rule, an axis each."""
    return np.asarray(np.maximum(points.std(axis=0) * len(points) ** (-1 / (4 + points.shape[1])), NARROWEST))


def _draw(points: Array, discrete: Array, rng: np.random.Generator) -> Array:
    """Candidates around the points: a wider normal on axes with distance, the same or (seldom) any value on the others."""
    drawn = points[rng.integers(len(points), size=CANDIDATES)]
    moved = drawn + rng.normal(size=drawn.shape) * WIDER * _bandwidths(points)
    moved = np.clip(np.where((moved < 0) | (moved > 1), rng.random(drawn.shape), moved), 0, 1 - 1e-9)
    anew = rng.random(drawn.shape) < _bandwidths(points)
    values = np.maximum(discrete, 1)
    other = (rng.integers(values, size=drawn.shape) + 0.5) / values
    return np.asarray(np.where(discrete > 0, np.where(anew, other, drawn), moved))


def _density(at: Array, points: Array, discrete: Array) -> Array:
    """The product kernel density: normal kernels, Aitchison and Aitken's for values without distance."""
    width = _bandwidths(points)
    apart = at[:, None, :] - points[None]
    normal = np.exp(-0.5 * (apart / width) ** 2) / width
    wrong = np.minimum(width, 0.5)
    other = np.where(np.abs(apart) < 1e-9, 1 - wrong, wrong / np.maximum(discrete - 1, 1))
    return np.asarray(np.where(discrete > 0, other, normal).prod(axis=2).mean(axis=1))
