"""Whole series into tasks: one label each, or bits; scaling fitted on train alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .baselines import channel_means, majority, scored
from .codec import Array, SeriesCodec, columns_of
from .ranges import Limits
from .splits import classes_of, parts_of
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
