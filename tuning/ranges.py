"""What a user writes to narrow the space (`--units 8:256`, `--layers 1,2`, `--fix cell=gru`), as domains.

A range of units means a ladder of it (8, 12, 16, 24, 32, ...), so that structures repeat and can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .errors import BadValue, UnknownName
from .space import Grid, Interval, Value

Limits = dict[str, Grid | Interval]


def ladder(low: int, high: int) -> tuple[int, ...]:
    """Powers of two and the steps halfway between them, from low to high, both ends included.

    >>> ladder(8, 100)
    (8, 12, 16, 24, 32, 48, 64, 96, 100)
    """
    rungs = {low, high}
    power = 1
    while power <= high:
        rungs |= {step for step in (power, power * 3 // 2) if low <= step <= high and (power > 1 or step == power)}
        power *= 2
    return tuple(sorted(rungs))


def doubling(low: int, high: int) -> tuple[int, ...]:
    """Low, twice low, ... and high.

    >>> doubling(16, 128)
    (16, 32, 64, 128)
    """
    steps = [low]
    while steps[-1] * 2 < high:
        steps.append(steps[-1] * 2)
    return tuple(dict.fromkeys([*steps, high]))


def every(low: int, high: int, step: int = 1) -> tuple[int, ...]:
    """All whole numbers from low to high."""
    return tuple(range(low, high + 1, step))


def tenths(low: float, high: float, step: float = 0.1) -> tuple[float, ...]:
    """Low to high in equal steps, both ends included.

    >>> tenths(0, 0.25)
    (0.0, 0.1, 0.2, 0.25)
    """
    count = math.floor((high - low) / step + 1e-9)
    values = [round(low + index * step, 6) for index in range(count + 1)]
    return tuple(dict.fromkeys([*(float(value) for value in values), float(high)]))


@dataclass(frozen=True)
class Whole:
    """A parameter of whole numbers: least value, and what LOW:HIGH means."""

    least: int
    spread: Callable[[int, int], tuple[int, ...]]

    def range(self, low: str, high: str, step: str | None) -> Grid:
        """The grid of LOW:HIGH or LOW:HIGH:STEP."""
        values = every(int(low), int(high), int(step)) if step else self.spread(int(low), int(high))
        return Grid(values=values, default=values[len(values) // 2])

    def value(self, text: str) -> int:
        """One value; refuses what lies below the least."""
        if int(text) < self.least:
            raise ValueError(f"at least {self.least}")
        return int(text)


@dataclass(frozen=True)
class Share:
    """A rate from 0 up to (not including) 1."""

    def range(self, low: str, high: str, step: str | None) -> Grid:
        """The grid of LOW:HIGH (steps of 0.1) or LOW:HIGH:STEP."""
        values = tenths(float(low), float(high), float(step or 0.1))
        return Grid(values=values, default=values[len(values) // 2])

    def value(self, text: str) -> float:
        """One rate."""
        if not 0 <= float(text) < 1:
            raise ValueError("from 0 up to, not including, 1")
        return float(text)


@dataclass(frozen=True)
class Scale:
    """A positive number that is searched on a log scale."""

    def range(self, low: str, high: str, step: str | None) -> Interval:
        """The interval LOW:HIGH."""
        if step:
            raise ValueError("LOW:HIGH without a step")
        middle = float(f"{math.sqrt(float(low) * float(high)):.3g}")
        return Interval(low=float(low), high=float(high), log=True, default=middle)

    def value(self, text: str) -> float:
        """One positive number."""
        if not 0 < float(text) < math.inf:
            raise ValueError("greater than 0")
        return float(text)


@dataclass(frozen=True)
class OneOf:
    """One of a few names."""

    names: Mapping[str, Value]

    def range(self, low: str, high: str, step: str | None) -> Grid:
        """Refused: names have no order."""
        raise ValueError(f"one or more of {', '.join(self.names)}")

    def value(self, text: str) -> Value:
        """The value of one name."""
        if text.lower() not in self.names:
            raise ValueError(f"one of {', '.join(self.names)}")
        return self.names[text.lower()]


Rule = Whole | Share | Scale | OneOf
YES_NO = OneOf({"yes": True, "no": False, "true": True, "false": False})
RULES: dict[str, Rule] = {
    "units": Whole(1, ladder),
    "layers": Whole(1, every),
    "taper": OneOf({"constant": "constant", "halving": "halving"}),
    "dropout": Share(),
    "recurrent_dropout": Share(),
    "bidirectional": YES_NO,
    "activation": OneOf({name: name for name in ("tanh", "relu", "sigmoid", "softsign", "elu")}),
    "embedding": Whole(1, doubling),
    "vectors": OneOf({name: name for name in ("tuned", "frozen", "random")}),
    "learning_rate": Scale(),
    "batch_size": Whole(1, doubling),
    "cell": OneOf({"lstm": "lstm", "gru": "gru"}),
    "pooling": OneOf({name: name for name in ("last", "mean", "max")}),
    "predict": OneOf({name: name for name in ("change", "level", "window")}),
    "every_step": YES_NO,
}
# what is searched where neither the recipe nor the user says otherwise
DEFAULTS: Limits = {
    "cell": Grid(values=("lstm",), default="lstm"),
    "units": Grid(values=ladder(8, 256), default=32),
    "layers": Grid(values=(1, 2, 3), default=1),
    "taper": Grid(values=("constant", "halving"), default="constant"),
    "bidirectional": Grid(values=(False, True), default=False),
    "dropout": Grid(values=tenths(0.0, 0.5), default=0.2),
    "recurrent_dropout": Grid(values=(0.0,), default=0.0),
    "activation": Grid(values=("tanh",), default="tanh"),
    "embedding": Grid(values=doubling(16, 128), default=64),
    "vectors": Grid(values=("tuned", "frozen"), default="tuned"),
    "pooling": Grid(values=("last", "mean", "max"), default="mean"),
    "predict": Grid(values=("change", "level", "window"), default="change"),
    "every_step": Grid(values=(True, False), default=True),
    "learning_rate": Interval(low=5e-4, high=2e-2, log=True, default=3e-3),
    "batch_size": Grid(values=doubling(32, 128), default=64),
}
WORDS = {
    "cell": "kind of recurrent layer: lstm, gru",
    "units": "units of the first layer, per direction",
    "layers": "recurrent layers",
    "taper": "units of further layers: the same (constant), or half of the one before (halving)",
    "bidirectional": "read in both directions: yes, no, both",
    "dropout": "share of values dropped after the embedding and each recurrent layer",
    "recurrent_dropout": "share of the state dropped within a layer (slow: Keras's own loop)",
    "activation": "of the cell: tanh, relu, sigmoid, softsign, elu (slow where not tanh)",
    "embedding": "dimensions of a token (of pretrained vectors the principal ones, all at most)",
    "vectors": "with --embeddings: pretrained vectors are tuned with the network, frozen, or passed over (random)",
    "learning_rate": "of Adam",
    "batch_size": "rows a step",
    "pooling": "of the states, for one label a row: last, mean, max",
    "predict": "forecasts: the change from the last value, the level, or the level on the window's own scale",
    "every_step": "forecasts: train on the values after each step, not the last alone",
}


def parse_range(name: str, text: str) -> Grid | Interval:
    """The domain a user wrote for a parameter.

    >>> parse_range("units", "8:32").values
    (8, 12, 16, 24, 32)
    >>> parse_range("bidirectional", "both").values
    (False, True)
    >>> parse_range("units", "8:4")
    Traceback (most recent call last):
    tuning.errors.BadValue: units takes LOW:HIGH with LOW at most HIGH, not '8:4'; did you mean 4:8?
    """
    if name not in RULES:
        raise UnknownName("parameter", name, RULES)
    rule, parts = RULES[name], text.split(":")
    try:
        if text == "both" and isinstance(rule, OneOf):
            values = tuple(sorted({str(value): value for value in rule.names.values()}.values(), key=str))
            return Grid(values=values, default=values[0])
        if len(parts) == 1:
            chosen = tuple(rule.value(item.strip()) for item in text.split(","))
            return Grid(values=tuple(dict.fromkeys(chosen)), default=chosen[0])
        if len(parts) > 3:
            raise ValueError("LOW:HIGH or LOW:HIGH:STEP")
        low, high, step = parts[0], parts[1], parts[2] if len(parts) == 3 else None
        first, last = rule.value(low), rule.value(high)
        if not isinstance(first, str) and not isinstance(last, str) and first > last:
            raise BadValue(f"{name} takes LOW:HIGH with LOW at most HIGH, not {text!r}; did you mean {high}:{low}?")
        if step is not None and float(step) <= 0:
            raise ValueError("a step greater than 0")
        return rule.range(low, high, step)
    except ValueError as wrong:
        raise _refused(name, text, wrong) from None


def _refused(name: str, text: str, wrong: ValueError) -> BadValue:
    reason = "a number" if "literal" in str(wrong) or "convert" in str(wrong) else str(wrong)
    return BadValue(f"{name} must be {reason}; given: {text!r}")


def parse_assignment(text: str) -> tuple[str, str]:
    """NAME=VALUE as a pair.

    >>> parse_assignment("units=64")
    ('units', '64')
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise BadValue(f"NAME=VALUE is needed, not {text!r}; for example units=64")
    plain = name.strip().replace("-", "_")  # as options are written
    return plain if plain in RULES else name.strip(), value.strip()


def parse_value(name: str, text: str) -> Value:
    """One value of one parameter; for parameters of a user's own HyperModel, a number, yes/no or a word."""
    if name in RULES:
        try:
            return RULES[name].value(text)
        except ValueError as wrong:
            raise _refused(name, text, wrong) from None
    if text.lower() in ("true", "false", "yes", "no"):
        return text.lower() in ("true", "yes")
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
