"""The search space: typed parameters, their conditions, and what a user may write to narrow them.

A `Space` is plain data. A HyperModel's `declare(hp)` makes it (see `hypermodels/`), strategies draw from it, and two
configurations are the same when their active values are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from .errors import BadValue, UnknownName

Value: TypeAlias = bool | int | float | str
Config: TypeAlias = dict[str, Value]


def printed(value: Value) -> Value:
    """A value as it is printed and journaled: floats with 6 significant digits.

    >>> printed(0.1 + 0.2)
    0.3
    """
    return float(f"{value:.6g}") if isinstance(value, float) else value


class Grid(BaseModel):
    """An ordered list of values; one value alone means the parameter is fixed."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["grid"] = "grid"
    values: tuple[Value, ...]
    default: Value

    def draw(self, rng: np.random.Generator) -> Value:
        """One value, every one as likely."""
        return self.values[int(rng.integers(len(self.values)))]

    def holds(self, value: Value) -> bool:
        """Whether `value` is one of the grid's; True is not 1 here."""
        return any(value == known and isinstance(value, bool) == isinstance(known, bool) for known in self.values)

    def nearest(self, value: Value) -> Value:
        """The value on the grid that lies closest."""
        if isinstance(value, str) or isinstance(self.values[0], str):
            return self.default
        return min(self.values, key=lambda known: abs(float(known) - float(value)))


class Interval(BaseModel):
    """All real numbers from low to high; drawn on a log scale where `log` says so."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["interval"] = "interval"
    low: float
    high: float
    log: bool = False
    default: float

    def draw(self, rng: np.random.Generator) -> float:
        """One number, uniform on the interval's own scale, with 6 significant digits (so that it prints as it is)."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        drawn = float(rng.uniform(low, high))
        return self.nearest(math.exp(drawn) if self.log else drawn)

    def holds(self, value: Value) -> bool:
        """Whether `value` is a number within the interval."""
        return isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high

    def nearest(self, value: Value) -> float:
        """`value` as it is printed, cut to the interval."""
        return self.default if isinstance(value, str) else min(max(float(printed(float(value))), self.low), self.high)


Domain: TypeAlias = Annotated[Grid | Interval, Field(discriminator="kind")]


class Condition(BaseModel):
    """A parameter counts only while its parent has one of these values."""

    model_config = ConfigDict(frozen=True)
    parent: str
    values: tuple[Value, ...]


class Parameter(BaseModel):
    """A name, its domain, and the conditions under which it counts."""

    model_config = ConfigDict(frozen=True)
    name: str
    domain: Domain
    conditions: tuple[Condition, ...] = ()

    @property
    def searched(self) -> bool:
        """Whether there is anything to choose."""
        return isinstance(self.domain, Interval) or len(self.domain.values) > 1

    def active(self, config: Mapping[str, Value]) -> bool:
        """Whether the parameter counts, given its parents' values."""
        return all(config.get(condition.parent) in condition.values for condition in self.conditions)


class Space(BaseModel):
    """Parameters in declaration order: parents come before what depends on them."""

    model_config = ConfigDict(frozen=True)
    parameters: tuple[Parameter, ...]

    @cached_property
    def searched(self) -> tuple[Parameter, ...]:
        """The parameters with more than one value."""
        return tuple(parameter for parameter in self.parameters if parameter.searched)

    def size(self) -> float:
        """How many configurations there are, conditions left aside (so at most); infinite with an interval."""
        sizes = [math.inf if isinstance(p.domain, Interval) else len(p.domain.values) for p in self.parameters]
        return math.prod(sizes)

    @property
    def sizes(self) -> list[int]:
        """The numbers of units that are searched, in rising order; none where they are no grid of whole numbers."""
        return self.steps("units")

    def steps(self, name: str) -> list[int]:
        """The values of a parameter that is searched, in rising order; none where they are no grid of whole numbers."""
        domain = next((parameter.domain for parameter in self.searched if parameter.name == name), None)
        if not isinstance(domain, Grid) or not all(isinstance(value, int) for value in domain.values):
            return []
        return sorted(int(value) for value in domain.values)

    def default(self) -> Config:
        """The configuration in which every parameter has its default."""
        return self.complete({})

    def complete(self, given: Mapping[str, Value]) -> Config:
        """`given` with the defaults of what it leaves open, and without what does not count."""
        config: Config = {}
        for parameter in self.parameters:
            if parameter.active(config):
                config[parameter.name] = given.get(parameter.name, parameter.domain.default)
        return config

    def draw(self, rng: np.random.Generator) -> Config:
        """One configuration at random, active values only."""
        config: Config = {}
        for parameter in self.parameters:
            if parameter.active(config):
                config[parameter.name] = parameter.domain.draw(rng)
        return config

    def all(self) -> Iterable[Config]:
        """Every configuration of a finite space, the last parameter turning fastest."""
        partial: list[Config] = [{}]
        for parameter in self.parameters:
            if isinstance(parameter.domain, Interval):
                raise BadValue(f"only a finite space can be listed; {parameter.name} is an interval")
            values, name = parameter.domain.values, parameter.name
            grown: list[Config] = []
            for config in partial:
                grown += [{**config, name: value} for value in values] if parameter.active(config) else [config]
            partial = grown
        return partial

    def check(self, config: Mapping[str, Value]) -> Config:
        """`config` completed, or BadValue / UnknownName saying what does not fit."""
        names = {parameter.name: parameter for parameter in self.parameters}
        for name, value in config.items():
            if name not in names:
                raise UnknownName("parameter", name, names)
            domain = names[name].domain
            if not domain.holds(value):
                raise BadValue(f"{name} must be in the space ({told(domain)}), not {value!r}; nearest: {domain.nearest(value)}")
        complete = self.complete(config)
        for name in config.keys() - complete.keys():
            raise BadValue(f"{name} does not count here: it needs {told_conditions(names[name])}")
        return complete


def same(config: Mapping[str, Value]) -> str:
    """A key that two configurations share exactly when their active values are equal.

    >>> same({"units": 8, "dropout": 0.0}) == same({"dropout": 0, "units": 8})
    True
    """
    return "|".join(f"{name}={_canonical(config[name])}" for name in sorted(config))


def _canonical(value: Value) -> str:
    return f"{float(value):.9g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def told(domain: Grid | Interval) -> str:
    """The domain in words, short enough for a message.

    >>> told(Grid(values=(8, 12, 16, 24, 32, 48, 64), default=16))
    '8, 12, 16 ... 64'
    """
    if isinstance(domain, Interval):
        return f"{domain.low:g} to {domain.high:g}"
    shown = [str(value) for value in domain.values]
    return ", ".join(shown) if len(shown) <= 6 else f"{', '.join(shown[:3])} ... {shown[-1]}"


def told_conditions(parameter: Parameter) -> str:
    """The conditions of a parameter in words."""
    return " and ".join(f"{c.parent} in ({', '.join(map(str, c.values))})" for c in parameter.conditions)


def distinct(configs: list[Config]) -> list[Config]:
    """The configurations without repeats, numbers as the journal holds them (6 significant digits)."""
    rounded = [{name: printed(value) for name, value in config.items()} for config in configs]
    return list({same(config): config for config in rounded}.values())
