"""Configurations as points of the unit cube, one axis a searched parameter, for methods that work with numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from ..space import Config, Grid, Interval, Space, Value

Array: TypeAlias = np.ndarray
STEP = 0.15  # of an axis, from a point to what is near it: the standard deviation


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
    return domain.nearest(math.exp(found) if domain.log else found)


class Cube:
    """Many points at once."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._axes = {parameter.name: axis for axis, parameter in enumerate(space.searched)}
        self._default = to_point(space, space.default()) if space.searched else np.zeros(0)

    def drawn(self, rng: np.random.Generator, count: int, good: Array | None = None, each: int = 0) -> Array:
        """Points where configurations lie, (count + each * len(good), axes): so many at random, so many near each of `good`."""
        points = rng.random((count, len(self._axes)))
        if good is not None and len(good):
            points = np.vstack([points, _moved(rng, np.repeat(good, each, axis=0))])
        return self.snapped(points)

    def snapped(self, points: Array) -> Array:
        """Grid axes at the middle of a value's share, axes that do not count at their default's place."""
        points = np.array(points, dtype=float)
        for parameter in self.space.searched:
            if isinstance(parameter.domain, Grid):
                count, axis = len(parameter.domain.values), self._axes[parameter.name]
                points[:, axis] = (np.minimum((points[:, axis] * count).astype(int), count - 1) + 0.5) / count
        active: dict[str, Array] = {}
        for parameter in self.space.parameters:
            counts = np.ones(len(points), bool)
            for condition in parameter.conditions:
                counts &= active[condition.parent] & self._has(condition.parent, condition.values, points)
            active[parameter.name] = counts
            if parameter.name in self._axes:
                axis = self._axes[parameter.name]
                points[:, axis] = np.where(counts, points[:, axis], self._default[axis])
        return points

    def capped(self, points: Array, most: Mapping[str, float]) -> Array:
        """Snapped points with no more than so much of each grid of numbers of these names; its least where all are more."""
        points = points.copy()
        for name, limit in most.items():
            domain = self.space.searched[self._axes[name]].domain if name in self._axes else None
            if isinstance(domain, Grid) and ordered(domain):
                highest = max((value for value in domain.values if float(value) <= limit), default=min(domain.values))
                places = np.array([_place(domain, value if float(value) <= limit else highest) for value in domain.values])
                axis = self._axes[name]
                points[:, axis] = places[(points[:, axis] * len(places)).astype(int)]
        return self.snapped(points)

    def columns(self, points: Array) -> dict[str, Array]:
        """Of snapped points the values of each grid parameter, also of those that do not count."""
        found: dict[str, Array] = {}
        for parameter in self.space.parameters:
            if not isinstance(parameter.domain, Grid):
                continue
            values = np.array(parameter.domain.values)
            if parameter.name in self._axes:
                cells = (points[:, self._axes[parameter.name]] * len(values)).astype(int)
                found[parameter.name] = values[np.minimum(cells, len(values) - 1)]
            else:
                found[parameter.name] = np.repeat(values[:1], len(points))
        return found

    def _has(self, name: str, values: Sequence[Value], points: Array) -> Array:
        """Whether a grid parameter has one of the values, point by point."""
        if name not in self._axes:
            fixed = next(p.domain.default for p in self.space.parameters if p.name == name)
            return np.full(len(points), fixed in values)
        domain = self.space.searched[self._axes[name]].domain
        known = domain.values if isinstance(domain, Grid) else ()
        cells = np.minimum((points[:, self._axes[name]] * max(1, len(known))).astype(int), max(0, len(known) - 1))
        return np.asarray(np.array([value in values for value in known], bool)[cells])


def _moved(rng: np.random.Generator, points: Array) -> Array:
    """On every axis a point stays, moves by a step or so, or (seldom) is drawn anew."""
    moved = points + rng.normal(size=points.shape) * STEP
    chance = rng.random(points.shape)
    moved = np.where(chance < 0.5, points, np.where(chance < 0.9, moved, rng.random(points.shape)))
    return np.asarray(np.clip(moved, 0.0, 1.0 - 1e-9))
