"""Configurations as points of the unit cube, one axis a searched parameter, for methods that work with numbers."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

from ..space import Config, Grid, Interval, Space, Value, printed

Array: TypeAlias = np.ndarray


def to_point(space: Space, config: Config) -> Array:
    """A point; what does not count in this configuration lies where its default does."""
    values = [config.get(parameter.name, parameter.domain.default) for parameter in space.searched]
    return np.array([_place(p.domain, value) for p, value in zip(space.searched, values, strict=True)])


def to_config(space: Space, point: Array) -> Config:
    """The configuration at a point: active values only, intervals to 6 significant digits.

    >>> space = Space(parameters=())
    >>> to_config(space, np.zeros(0))
    {}
    """
    values = {p.name: _value(p.domain, float(place)) for p, place in zip(space.searched, point, strict=True)}
    return space.complete(values)


def ordered(domain: Grid) -> bool:
    """Whether a grid's values are numbers, so that neighbours are alike.

    >>> ordered(Grid(values=(8, 16), default=8)), ordered(Grid(values=(False, True), default=False))
    (True, False)
    """
    return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in domain.values)


def _place(domain: Grid | Interval, value: Value) -> float:
    if isinstance(domain, Grid):
        return (domain.values.index(value) + 0.5) / len(domain.values)
    low, high, here = (math.log(float(v)) if domain.log else float(v) for v in (domain.low, domain.high, value))
    return (here - low) / (high - low)


def _value(domain: Grid | Interval, place: float) -> Value:
    if isinstance(domain, Grid):
        return domain.values[min(int(place * len(domain.values)), len(domain.values) - 1)]
    low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
    found = low + place * (high - low)
    value = float(printed(math.exp(found) if domain.log else found))
    return min(max(value, domain.low), domain.high)
