"""Signals: which class does a series belong to?

`digits` (the default, embedded in scikit-learn) are 1,797 handwritten digits read a row a step: 8 steps of 8 pixels.
`synthetic` are noisy chirps that rise or fall, early or late: the ceiling is 1, and the mean of a series says
nothing. `--data` takes UCR/UEA `.ts` files and `.npz` (series of different lengths too).
"""

import numpy as np

from tuning import DataOptions, Recipe, Task, labelled_series, series_classes


def digits(options: DataOptions) -> Task:
    """scikit-learn's digits, a row of pixels a step."""
    from sklearn.datasets import load_digits

    data = load_digits()
    series, labels = list(data.images), [str(digit) for digit in data.target]
    return series_classes("signals", "digits", {"train": (series, labels)}, options)


def chirp(rng: np.random.Generator, rising: bool, late: bool) -> np.ndarray:
    """40 steps of noise with a chirp of 16 steps in it; its direction and its half are the class."""
    steps = np.arange(16) / 16
    pitch = 1 + 4 * (steps if rising else steps[::-1])
    series = rng.normal(0, 0.4, 40)
    start = int(rng.integers(2, 5)) + (18 if late else 0)
    series[start : start + 16] += np.sin(2 * np.pi * np.cumsum(pitch) / 16 + rng.uniform(0, 2 * np.pi))
    return series[:, None]


def synthetic(options: DataOptions) -> Task:
    """Four classes of chirps; the best possible accuracy is (nearly) 1."""
    rng = np.random.default_rng(options.split_seed)
    kinds = rng.integers(4, size=options.rows or 2000)
    series = [chirp(rng, bool(kind & 1), bool(kind & 2)) for kind in kinds]
    names = ["falling early", "rising early", "falling late", "rising late"]
    return series_classes("signals", "synthetic", {"train": (series, [names[kind] for kind in kinds])}, options, ceiling=1.0)


def own(options: DataOptions) -> Task:
    """The user's own series with labels."""
    return series_classes("signals", str(options.data), labelled_series(options), options)


RECIPE = Recipe("which class does a series belong to?", {"digits": digits, "synthetic": synthetic}, own, default="digits")
