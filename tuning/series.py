"""Series into tasks: scaling fitted on train alone, windows in time order, whole series with one label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .baselines import Baseline, channel_means, last_direction, last_value, majority, mean_value, scored, seasonal
from .codec import Array, SeriesCodec, WindowCodec, columns_of, ohlc_features
from .errors import DataError
from .ranges import Limits
from .splits import classes_of, ordered_bounds, parts_of
from .task import DataOptions, Input, Output, Split, Task, TaskSpec

SeriesParts = Mapping[str, tuple[Sequence[Array], Sequence[str]]]


def scaling(rows: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column; a constant column keeps its size."""
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    std = np.where(std > 1e-12, std, 1.0)
    return tuple(float(value) for value in mean), tuple(float(value) for value in std)


def series_classes(
    name: str,
    source: str,
    given: SeriesParts,
    options: DataOptions,
    *,
    ceiling: float | None = None,
    limits: Limits | None = None,
) -> Task:
    """Series (steps, channels), lengths may differ, with one label each."""
    indexed = {part: ([str(row) for row in range(len(series))], labels) for part, (series, labels) in given.items()}
    rows = parts_of(indexed, options)
    origin = {part: part if part in given else "train" for part in rows}
    parts = {
        part: ([columns_of(given[origin[part]][0][int(str(row))]) for row in chosen], labels)
        for part, (chosen, labels) in rows.items()
    }
    labels = classes_of({part: pair[1] for part, pair in parts.items()})
    lengths = [len(one) for one in parts["train"][0]]
    everything = [len(one) for pair in parts.values() for one in pair[0]]
    ragged = min(everything) != max(everything)
    mean, std = scaling(np.concatenate(parts["train"][0]).astype(np.float64))
    steps = min(options.max_length or max(lengths), max(lengths))
    cut = None if ragged or steps == max(lengths) else max(lengths)
    codec = SeriesCodec(mean=mean, std=std, steps=steps, ragged=ragged, length=cut)
    codes = {label: code for code, label in enumerate(labels)}
    splits = {}
    for part, (series, own) in parts.items():
        x, valid = codec.encode(series)
        splits[part] = Split(x, np.array([codes[label] for label in own], np.int32), valid)
    output = Output(kind="binary" if len(labels) == 2 else "classes", size=len(labels), labels=labels)
    spec = TaskSpec(
        name=name,
        source=source,
        family="classifier",
        input=Input(kind="series", size=len(mean), steps=codec.steps, ragged=ragged),
        output=output,
        objective="val_accuracy",
        codec=codec,
        ceiling=ceiling,
        baselines=scored(output, splits, {"majority": majority, "logistic regression on channel means": channel_means}),
    )
    return Task.of(spec, splits, limits)


def bit_series(name: str, given: Mapping[str, tuple[Array, Array]], ceiling: float, limits: Limits | None = None) -> Task:
    """Series (rows, steps, channels) of pulses with bits (rows, k) to be reported at the end."""
    steps, channels = given["train"][0].shape[1:]
    bits = given["train"][1].shape[1]
    codec = SeriesCodec(mean=(0.0,) * channels, std=(1.0,) * channels, steps=steps)
    splits = {
        part: Split(x.astype(np.float32), y.astype(np.int32), np.full(len(x), steps, np.int32)) for part, (x, y) in given.items()
    }
    output = Output(kind="bits", size=bits)
    spec = TaskSpec(
        name=name,
        source="synthetic",
        family="classifier",
        input=Input(kind="series", size=channels, steps=steps),
        output=output,
        objective="val_accuracy",
        codec=codec,
        ceiling=ceiling,
        baselines=scored(output, splits, {"majority": majority}),
    )
    return Task.of(spec, splits, limits)


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
    columns = tuple(table)
    raw = np.stack([np.asarray(table[column], np.float64) for column in columns], axis=1)  # (time, channels)
    steps = options.window or max(2, min(48, len(raw) // 6))
    channel, horizon = columns.index(target), options.horizon
    if len(raw) < steps + horizon + 7:
        raise DataError(
            f"a series must be longer than its window: {len(raw)} time steps, window {steps} and horizon {horizon} "
            f"need at least {steps + horizon + 7}; try --window {max(2, len(raw) // 6)}"
        )
    bounds = ordered_bounds(len(raw))
    mean, std = scaling(raw[bounds[0]])
    codec = WindowCodec(columns=columns, mean=mean, std=std, steps=steps, target=channel, time=options.time or "")
    scaled = codec.features(table)
    ahead = np.lib.stride_tricks.sliding_window_view(scaled[:, channel], horizon)  # ahead[t]: values t .. t+horizon-1
    splits = {}
    for part, bound in zip(("train", "valid", "test"), bounds, strict=True):
        first = np.arange(max(bound.start, steps), bound.stop - horizon + 1)  # the first value to be forecast
        if not len(first):
            raise DataError(f"horizon {horizon} does not fit into the {part} part of {bound.stop - bound.start} time steps")
        back = first[:, None] - steps + np.arange(steps)  # (rows, steps): the times that go in
        splits[part] = Split(scaled[back], ahead[back + 1], np.full(len(first), steps, np.int32))
    output = Output(kind="values", size=horizon, steps=steps, scale=std[channel], channel=channel)
    baselines: dict[str, Baseline] = {"last value": last_value, "mean": mean_value}
    if period and period <= steps:
        baselines["seasonal"] = seasonal(period)
    spec = TaskSpec(
        name=name,
        source=source,
        family="forecaster",
        input=Input(kind="series", size=len(columns), steps=steps),
        output=output,
        objective="val_mae",
        codec=codec,
        ordered=True,
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
    columns = ("open", "high", "low", "close")
    raw = np.stack([np.asarray(prices[column], np.float64) for column in columns], axis=1)
    steps = options.window or 16
    features = ohlc_features(raw)  # (days - 1, 4)
    bounds = ordered_bounds(len(features), embargo=steps)
    mean, std = scaling(features[bounds[0]])
    codec = WindowCodec(columns=columns, transform="ohlc", mean=mean, std=std, steps=steps, time=options.time or "")
    scaled = codec.features(prices)
    horizon = 1 if options.goal == "direction" else options.horizon
    ahead = np.lib.stride_tricks.sliding_window_view(scaled[:, 0], horizon)
    up = (features[:, 0] > 0).astype(np.int32)
    splits = {}
    for part, bound in zip(("train", "valid", "test"), bounds, strict=True):
        first = np.arange(bound.start + steps * (part == "train"), bound.stop - horizon + 1)
        if not len(first):
            most = bound.stop - bound.start - steps * (part == "train")
            raise DataError(f"--horizon {horizon} does not fit into the {part} part, which leaves room for {max(0, most)} days")
        back = first[:, None] - steps + np.arange(steps)
        y = up[first] if options.goal == "direction" else ahead[back + 1]
        splits[part] = Split(scaled[back], y, np.full(len(first), steps, np.int32))
    if options.goal == "direction":
        output = Output(kind="binary", size=2, labels=("down", "up"))
        baselines: dict[str, Baseline] = {"majority": majority, "last direction": last_direction(-mean[0] / std[0])}
    else:
        output = Output(kind="values", size=horizon, steps=steps, scale=std[0])
        baselines = {"mean return": mean_value, "last return": last_value}
    spec = TaskSpec(
        name=name,
        source=source,
        family="classifier" if options.goal == "direction" else "forecaster",
        input=Input(kind="series", size=4, steps=steps),
        output=output,
        objective="val_accuracy" if options.goal == "direction" else "val_mae",
        codec=codec,
        ordered=True,
        ceiling=ceiling,
        notes=tuple(notes),
        baselines=scored(output, splits, baselines),
    )
    return Task.of(spec, splits, limits)
