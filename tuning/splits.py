"""Which rows train, which validate, which are left for the final answer; never a row in two parts. And their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .errors import DataError
from .task import DataOptions

Array = np.ndarray
Texts = Sequence[str] | Sequence[Sequence[str]]
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


def require_train(given: Mapping[str, object]) -> None:
    """Refuse parts without one to train on."""
    if "train" not in given:
        raise DataError(f"a part named train is needed; given: {', '.join(sorted(given))}")


def parts_of(
    given: Mapping[str, tuple[Texts, Sequence[str]]], options: DataOptions, stratify: bool = True
) -> dict[str, tuple[list[Sequence[str] | str], list[str]]]:
    """Train, valid and test as given; what is missing is split off at random from train (stratified by label)."""
    require_train(given)
    texts, labels = list(given["train"][0]), list(given["train"][1])
    missing = [name for name in ("valid", "test") if name not in given]
    found: dict[str, tuple[list[Sequence[str] | str], list[str]]] = {}
    for name in ("valid", "test"):
        if name in given:
            found[name] = (list(given[name][0]), list(given[name][1]))
    rows = {"train": np.arange(len(texts))}
    if missing:
        codes = np.unique(np.array(labels), return_inverse=True)[1] if stratify else None
        rows = random_parts(len(texts), options.split_seed, codes, have_test="test" in given)
        if "valid" in given:
            rows["train"] = np.sort(np.concatenate([rows["train"], rows.pop("valid")]))
    for name, chosen in rows.items():
        found[name] = ([texts[row] for row in chosen], [labels[row] for row in chosen])
    return found


def classes_of(labels: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The labels seen in training, sorted; refuses one class alone and labels that only other parts have."""
    known = sorted(set(labels["train"]), key=natural)
    if len(known) < 2:
        raise DataError(f"a classifier needs at least two classes; the data has one: {known[0]!r}")
    for part in ("valid", "test"):
        strange = sorted(set(labels[part]) - set(known))
        if strange:
            raise DataError(
                f"every label must occur in train; only in {part}: {', '.join(strange[:5])} (train has: {', '.join(known[:8])})"
            )
    return tuple(known)


def natural(label: str) -> tuple[int, float, str]:
    """A sort key: numbers in their order, then words."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)
