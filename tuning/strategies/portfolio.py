"""A short list of configurations that did well on many tasks, cheap first; then at random.

Learned from recorded trials by benchmarks/portfolio.py (greedy selection as in Feurer et al. 2022, "Auto-sklearn 2.0", and
Winkelmolen et al. 2020, "Practical and Sample Efficient Zero-Shot HPO"). Values are carried to the nearest that a space has.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from ..space import Config, Grid, Parameter, Space, Value, same
from .base import Setting
from .proposer import Proposer

LEARNED = Path(__file__).with_name("portfolio.json")


class Portfolio(Proposer):
    """The list in order, each trained to its end."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._listed = listed(setting)

    def propose(self, rng: np.random.Generator) -> Config | None:
        """The first of the list that was not tried."""
        return next((config for config in self._listed if same(config) not in self.tried), None)


def make(name: str, setting: Setting) -> Portfolio:
    """The strategy."""
    return Portfolio(setting)


def listed(setting: Setting) -> list[Config]:
    """The list in this space."""
    found: list[Config] = []
    for config in carried(setting.space, learned(setting.unseen)):
        found.append(setting.recorded(config, list(map(same, found))) if setting.recorded else config)
    return found


def learned(unseen: str = "") -> list[Config]:
    """The list; for a replay of a recorded task, the list that the other tasks alone give."""
    found = _read()
    return list(found.without.get(unseen, found.configurations))


class Learned(BaseModel):
    """portfolio.json: the list from all recorded tasks, and for each of them the list that the others give."""

    configurations: list[Config]
    without: dict[str, list[Config]]


@cache
def _read() -> Learned:
    return Learned.model_validate_json(LEARNED.read_text(encoding="utf-8"))


def carried(space: Space, configs: Sequence[Config]) -> list[Config]:
    """Each configuration as near as the space has it, without repeats.

    >>> from tuning.space import Grid, Parameter
    >>> space = Space(parameters=(Parameter(name="units", domain=Grid(values=(8, 16), default=8)),))
    >>> carried(space, [{"units": 64, "layers": 2}, {"units": 17}])
    [{'units': 16}]
    """
    found = [space.complete({p.name: _nearest(p, config) for p in space.parameters}) for config in configs]
    return list({same(config): config for config in found}.values())


def _nearest(parameter: Parameter, config: Config) -> Value:
    domain, value = parameter.domain, config.get(parameter.name, parameter.domain.default)
    if isinstance(domain, Grid):
        return value if domain.holds(value) else _number(domain, value)
    return domain.nearest(value)


def _number(domain: Grid, value: Value) -> Value:
    """The nearest number of a grid; the default where the value or the grid is none."""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (value, *domain.values))
    return domain.nearest(value) if numbers else domain.default
