"""The space as the user narrowed it; names that do not exist and ranges that leave nothing are refused."""

from __future__ import annotations

from .errors import BadValue, UnknownName
from .ranges import parse_value
from .settings import Settings
from .space import Grid, Interval, Parameter, Space


def narrowed(space: Space, settings: Settings) -> Space:
    """The space with the user's values; checks that every name exists and nothing is left empty."""
    names = {parameter.name: parameter for parameter in space.parameters}
    for name in settings.space:
        if name == "vectors" and not settings.hypermodel and name not in names:
            raise BadValue("--vectors says what becomes of pretrained word vectors, and there are none: add --embeddings FILE")
        if name not in names:
            raise UnknownName("parameter", name, names)
    if settings.hypermodel:
        chosen = {name: _within(names[name], text) for name, text in settings.space.items()}
        space = Space(parameters=tuple(chosen.get(p.name, p) for p in space.parameters))
    for config in settings.first_configs():
        space.check(config)
    return space


def _within(parameter: Parameter, text: str) -> Parameter:
    """A user's own parameter narrowed to the values or the range that `text` names."""
    domain = parameter.domain
    parts = text.split(":")
    bounds = [number for number in map(_number, parts) if number is not None]
    if len(parts) == 1:
        values = [parse_value("", part) for part in text.split(",")]
        fitting = tuple(value for value in values if domain.holds(value))
    elif len(parts) != 2 or len(bounds) != 2:
        raise BadValue(f"{parameter.name} takes LOW:HIGH, values, or one value; given: {text!r}")
    elif isinstance(domain, Interval):
        low, high = max(bounds[0], domain.low), min(bounds[1], domain.high)
        if low < high:
            narrower = Interval(low=low, high=high, log=domain.log, default=min(max(domain.default, low), high))
            return parameter.model_copy(update={"domain": narrower})
        fitting = ()
    else:
        fitting = tuple(v for v in domain.values if not isinstance(v, str) and bounds[0] <= v <= bounds[1])
    if not fitting:
        raise BadValue(f"{parameter.name}={text} leaves no value of the space; it has {domain.model_dump(exclude={'kind'})}")
    default = domain.default if domain.default in fitting else fitting[0]
    return parameter.model_copy(update={"domain": Grid(values=fitting, default=default)})


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
