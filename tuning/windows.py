"""A table in time order into windows: what goes in lies before what is to be told, and no part sees another's values to come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .baselines import Baseline, last_direction, last_value, majority, mean_value, scored, seasonal
from .codec import Array, WindowCodec, ohlc_features, side_by_side
from .errors import DataError
from .ranges import Limits
from .series import scaling
from .splits import ordered_bounds
from .task import DataOptions, Family, Input, Output, Split, Task, TaskSpec

PRICES = ("open", "high", "low", "close")


def forecast_windows(
    name: str,
    source: str,
    table: Mapping[str, Array],
    target: str,
    options: DataOptions,
    *,
    period: int | None = None,
    ceiling: float | None = None,
    notes: Sequence[str] = (),
    limits: Limits | None = None,
) -> Task:
    """One table in time order; each window's next `horizon` values of `target` are to be forecast, at every step.

    Targets (rows, steps, horizon) hold the values that follow each step; the last step's are scored. A window belongs
    to the part that holds its first scored value, and its values to come stay within that part; what it looks back on
    may be older.
    """
    raw = side_by_side(table, tuple(table))
    steps = options.window or max(2, min(48, len(raw) // 6))
    channel, horizon = list(table).index(target), options.horizon
    if len(raw) < steps + horizon + 7:
        raise DataError(
            f"a series must be longer than its window: {len(raw)} time steps, window {steps} and horizon {horizon} "
            f"need at least {steps + horizon + 7}; try --window {max(2, len(raw) // 6)}"
        )
    bounds = ordered_bounds(len(raw))
    mean, std = scaling(raw[bounds[0]])
    codec = WindowCodec(columns=tuple(table), mean=mean, std=std, steps=steps, target=channel, time=options.time or "")
    scaled = codec.features(table)
    splits = windows(scaled, bounds, steps, horizon, ahead(scaled[:, channel], horizon))
    output = Output(kind="values", size=horizon, steps=steps, scale=std[channel], channel=channel)
    baselines: dict[str, Baseline] = {"last value": last_value, "mean": mean_value}
    if period and period <= steps:
        baselines["seasonal"] = seasonal(period)
    spec = TaskSpec(
        name=name,
        source=source,
        family="forecaster",
        input=Input(kind="series", size=len(table), steps=steps),
        output=output,
        objective="val_mae",
        codec=codec,
        ordered=True,
        gap=horizon - 1,
        ceiling=ceiling,
        notes=tuple(notes),
        baselines=scored(output, splits, baselines),
    )
    return Task.of(spec, splits, limits)


def market_windows(
    name: str,
    source: str,
    prices: Mapping[str, Array],
    options: DataOptions,
    *,
    ceiling: float | None = None,
    notes: Sequence[str] = (),
    limits: Limits | None = None,
) -> Task:
    """Open, high, low, close in time order: the next close's direction, or the next log returns.

    Walk-forward: train, then an embargo as long as the window, then validation, embargo, test, so that no input of one
    part is an input of another.
    """
    steps = options.window or 16
    features = ohlc_features(side_by_side(prices, PRICES))  # (days - 1, 4)
    bounds = ordered_bounds(len(features), embargo=steps)
    mean, std = scaling(features[bounds[0]])
    codec = WindowCodec(columns=PRICES, transform="ohlc", mean=mean, std=std, steps=steps, time=options.time or "")
    scaled = codec.features(prices)
    family: Family = "classifier" if options.goal == "direction" else "forecaster"
    if family == "classifier":
        up = (features[:, 0] > 0).astype(np.int32)
        splits = windows(scaled, bounds, steps, 1, lambda coming: up[coming[:, -1]])
        output = Output(kind="binary", size=2, labels=("down", "up"))
        baselines: dict[str, Baseline] = {"majority": majority, "last direction": last_direction(-mean[0] / std[0])}
    else:
        splits = windows(scaled, bounds, steps, options.horizon, ahead(scaled[:, 0], options.horizon))
        output = Output(kind="values", size=options.horizon, steps=steps, scale=std[0])
        baselines = {"mean return": mean_value, "last return": last_value}
    spec = TaskSpec(
        name=name,
        source=source,
        family=family,
        input=Input(kind="series", size=len(PRICES), steps=steps),
        output=output,
        objective="val_accuracy" if family == "classifier" else "val_mae",
        codec=codec,
        ordered=True,
        gap=steps + output.size - 1 if family == "forecaster" else steps,
        ceiling=ceiling,
        notes=tuple(notes),
        baselines=scored(output, splits, baselines),
    )
    return Task.of(spec, splits, limits)


def windows(
    features: Array, bounds: Sequence[slice], steps: int, horizon: int, targets: Callable[[Array], Array]
) -> dict[str, Split]:
    """Every window (rows, steps, columns) whose `horizon` values to come lie within a part, for train, valid and test.

    `targets` is given the time (rows, steps) after each of a window's steps.
    """
    splits = {}
    for part, bound in zip(("train", "valid", "test"), bounds, strict=True):
        first = max(bound.start, steps)  # value to be told: before it lies a whole window
        if bound.stop - first < horizon:
            raise DataError(
                f"--horizon {horizon} does not fit into the {part} part, which leaves room for {max(0, bound.stop - first)} "
                f"of its {bound.stop - bound.start} time steps"
            )
        coming = np.arange(first, bound.stop - horizon + 1)[:, None] - steps + 1 + np.arange(steps)
        splits[part] = Split(features[coming - 1], targets(coming), np.full(len(coming), steps, np.int32))
    return splits


def ahead(column: Array, horizon: int) -> Callable[[Array], Array]:
    """The values of times t to t + horizon - 1, for each t that is asked for."""
    return lambda coming: np.lib.stride_tricks.sliding_window_view(column, horizon)[coming]
