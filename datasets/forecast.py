"""Forecast: the next values of a series, one or `--horizon` steps ahead.

`synthetic` adds two seasons (12 and 7 steps), a slow trend and noise of standard deviation 0.25; nothing can have a mean
absolute error below 0.25 * sqrt(2 / pi) = 0.199. `--data` takes a csv with a column to forecast and (usually) a time column;
other numeric columns go in too.
"""

import math

import numpy as np

from tuning import DataOptions, Recipe, Task, forecast_windows, timed_numbers

NOISE = 0.25


def synthetic(options: DataOptions) -> Task:
    """Two seasons, a trend and noise; the best possible mean absolute error is 0.199."""
    rng = np.random.default_rng(options.split_seed)
    time = np.arange(options.rows or 1500)
    clean = np.sin(2 * np.pi * time / 12) + 0.6 * np.sin(2 * np.pi * time / 7) + 0.0004 * time
    table = {"value": clean + rng.normal(0, NOISE, len(time))}
    options = options.model_copy(update={"window": options.window or 24})
    ceiling = NOISE * math.sqrt(2 / math.pi)
    return forecast_windows("forecast", "synthetic", table, "value", options, period=12, ceiling=ceiling)


def own(options: DataOptions) -> Task:
    """The user's own series; months are compared with the same month a year ago."""
    table, target, notes = timed_numbers(options)
    return forecast_windows("forecast", str(options.data), table, target, options, period=12, notes=notes)


RECIPE = Recipe("the next values of a series", {"synthetic": synthetic}, own)
