"""Which rows train, which validate, which are left for the final answer; never a row in two parts."""

from __future__ import annotations

import numpy as np

from .errors import DataError

Array = np.ndarray
Parts = dict[str, Array]
VALID, TEST = 0.15, 0.15


def random_parts(n: int, seed: int, labels: Array | None = None, have_test: bool = False) -> Parts:
    """Row numbers of a 70/15/15 split at random (85/15 where the test part is given); by label where labels are.

    Stratified without ever failing on a tiny class: each class's shuffled rows are spread evenly over the unit
    interval, whose first stretch validates; a class of one or two rows goes to train.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    if labels is not None:
        place = np.ones(n)
        for label in np.unique(labels):
            rows = order[labels[order] == label]
            if len(rows) > 2:
                place[rows] = (np.arange(len(rows)) + rng.random()) / len(rows)
        order = np.argsort(place, kind="stable")
    test = 0 if have_test else round(n * TEST)
    valid = round(n * VALID)
    if n - valid - test < 1 or valid < 1:
        raise DataError(f"a split into train, validation and test needs at least 7 rows; given: {n}")
    parts = {"valid": order[:valid], "test": order[valid : valid + test], "train": order[valid + test :]}
    return {name: np.sort(rows) for name, rows in parts.items() if len(rows) or name == "train"}


def ordered_bounds(n: int, embargo: int = 0) -> tuple[slice, slice, slice]:
    """Time order: the first 70 % train, then 15 % validate, then 15 % test, with `embargo` rows left out between."""
    first, second = round(n * (1 - VALID - TEST)), round(n * (1 - TEST))
    train, valid, test = slice(0, first), slice(first + embargo, second), slice(second + embargo, n)
    if min(first, second - first - embargo, n - second - embargo) < 1:
        raise DataError(f"{n} time steps are too few for three parts in time order with {embargo} left out between")
    return train, valid, test
