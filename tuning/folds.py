"""Cross-validation of the runs on fresh seeds: each trains and validates on rows of its own (Kohavi 1995).

The rows are those of train and validation together; test is never among them. Rows in time order are walked through: each fold
validates on a stretch that follows all it trains on (Tashman 2000).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DataError
from .task import Split, TaskSpec

Array = np.ndarray
CLASSES = ("binary", "classes")  # outputs of one label a row: every fold has as large a share of each


@dataclass(frozen=True)
class Fold:
    """The `number`-th of so many, from 0."""

    number: int
    of: int


def folded(spec: TaskSpec, train: Split, valid: Split, fold: Fold) -> tuple[Split, Split]:
    """What to train and to validate on. Raises DataError where there are too few rows for so many folds."""
    whole = train.followed_by(valid)
    try:
        rows = list(_cut(spec, whole.y, fold.of))
    except ValueError:
        left_out = f" with {spec.gap} left out between" if spec.gap else ""
        raise DataError(f"--folds {fold.of}: {len(whole)} rows of train and validation are too few for so many{left_out}") from None
    before, after = rows[fold.number]
    return whole.at(before), whole.at(after)


def _cut(spec: TaskSpec, y: Array, folds: int) -> Iterator[tuple[Array, Array]]:
    """Numbers of the rows to train and to validate on, fold by fold."""
    from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit  # slow to import

    cut: Any = KFold(folds, shuffle=True, random_state=0)
    if spec.ordered:
        cut = TimeSeriesSplit(folds, gap=spec.gap)
    elif spec.output.kind in CLASSES and folds <= np.bincount(y).max():
        cut = StratifiedKFold(folds, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a class with fewer rows than folds: some folds lack it
        yield from cut.split(y, y)
