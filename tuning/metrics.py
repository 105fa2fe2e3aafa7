"""Metrics of a whole split, summed over its valid elements, so that batches never change them.

Each row (an example) leaves a few sums behind: loss, count, hits, or the errors' size. A metric is a function of these
columns, so the same function scores a split, a batch of rows, and a bootstrap's resample. Keras's own masked mean is
the mean over batches of means over tokens and moves with the batch composition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import BadValue
from .inference import estimate

if TYPE_CHECKING:
    from .task import Output

Array = np.ndarray
Rows = dict[str, Array]
METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("accuracy", "f1", "auc", "loss"),
    "classes": ("accuracy", "f1", "loss"),
    "bits": ("accuracy", "loss"),
    "tags": ("accuracy", "f1", "loss"),
    "tokens": ("perplexity", "accuracy", "loss"),
    "pair": ("accuracy", "exact", "loss"),
    "values": ("mae", "rmse", "mse", "loss"),
}
BOUNDED = ("accuracy", "f1", "auc", "exact")  # between 0 and 1
TINY = 1e-7
ELEMENTS = 8_000_000  # most output numbers that are scored at a time
MANY = 200  # classes beyond which counting each one a row costs more than an F1 is worth


def rows_at_once(output: Output) -> int:
    """Rows whose outputs are held in memory together."""
    width = output.size * (output.steps if output.kind in ("tags", "tokens", "pair") else 1)
    return int(np.clip(ELEMENTS // max(width, 1), 16, 512))


def rows_of(output: Output, y: Array, predicted: Array, lengths: Array) -> Rows:
    """The columns of each row. `y` (rows[, steps]), `predicted` as the model gives it, `lengths` valid steps a row."""
    if output.kind == "values":
        return _value_rows(output, y, predicted)
    if output.kind in ("binary", "bits"):
        return _binary_rows(output, y.reshape(len(y), -1), predicted.reshape(len(y), -1))
    return _class_rows(output, y, predicted, lengths)


def _value_rows(output: Output, y: Array, predicted: Array) -> Rows:
    last = y[:, -1] if y.ndim == 3 else y  # (rows, horizon): only the last step's forecast is scored
    guess = predicted[:, -1] if predicted.ndim == 3 else predicted
    error = (guess.astype(np.float64) - last) * output.scale
    count = np.full(len(y), error.shape[1], np.float64)
    scaled = ((guess.astype(np.float64) - last) ** 2).sum(axis=1)
    return {"abs": np.abs(error).sum(1), "square": (error**2).sum(1), "count": count, "loss": scaled}


def _binary_rows(output: Output, y: Array, predicted: Array) -> Rows:
    p = np.clip(predicted.astype(np.float64), TINY, 1 - TINY)
    chosen = p > 0.5
    rows = {
        "loss": -(np.where(y > 0.5, np.log(p), np.log(1 - p))).sum(1),
        "correct": (chosen == (y > 0.5)).sum(1).astype(np.float64),
        "count": np.full(len(y), y.shape[1], np.float64),
    }
    if output.kind == "binary":
        truth = y > 0.5
        rows |= {"truth": truth[:, 0].astype(np.float64), "p": p[:, 0]}
        rows |= {"tp": chosen & truth, "fp": chosen & ~truth, "fn": ~chosen & truth}
    return rows


def _class_rows(output: Output, y: Array, predicted: Array, lengths: Array) -> Rows:
    if y.ndim == 1:
        y, predicted, lengths = y[:, None], predicted[:, None], np.ones(len(y), int)
    valid = np.arange(y.shape[1])[None, :] < lengths[:, None]
    target = np.take_along_axis(predicted, y[..., None].astype(np.int64), axis=-1)[..., 0]
    chosen = predicted.argmax(axis=-1)
    rows = {
        "loss": (-np.log(np.maximum(target.astype(np.float64), TINY)) * valid).sum(1),
        "correct": ((chosen == y) & valid).sum(1).astype(np.float64),
        "count": valid.sum(1).astype(np.float64),
    }
    if output.size <= MANY:
        classes = np.arange(output.size)
        is_y, is_chosen = y[..., None] == classes, chosen[..., None] == classes  # (rows, steps, classes)
        v = valid[..., None]
        rows |= {"tp": (is_y & is_chosen & v).sum(1), "fp": (~is_y & is_chosen & v).sum(1)}
        rows |= {"fn": (is_y & ~is_chosen & v).sum(1)}
    return rows


def joined(parts: list[Rows]) -> Rows:
    """Batches of rows as one."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def metrics_of(output: Output, rows: Rows) -> dict[str, float]:
    """Every metric this kind of output has, over all rows."""
    count = float(rows["count"].sum())
    if count == 0:
        raise BadValue("a split needs at least one valid element to be scored; it has none")
    found = {"loss": float(rows["loss"].sum()) / count}
    if output.kind == "values":
        square = float(rows["square"].sum()) / count
        return found | {"mae": float(rows["abs"].sum()) / count, "mse": square, "rmse": square**0.5}
    found["accuracy"] = float(rows["correct"].sum()) / count
    if output.kind == "tokens":
        found["perplexity"] = float(np.exp(min(found["loss"], 50.0)))
    if output.kind == "pair":
        found["exact"] = float((rows["correct"] == rows["count"]).mean())
    if "tp" in rows:
        found["f1"] = _f1(rows)
    if "p" in rows:
        found["auc"] = _auc(rows["truth"], rows["p"])
    return found


def _f1(rows: Mapping[str, Array]) -> float:
    tp, fp, fn = (rows[name].sum(axis=0, dtype=np.float64) for name in ("tp", "fp", "fn"))
    present = np.atleast_1d(tp + fn + fp) > 0
    each = np.atleast_1d(2 * tp) / np.maximum(np.atleast_1d(2 * tp + fp + fn), 1)
    return float(each[present].mean()) if present.any() else 0.0


def _auc(truth: Array, p: Array) -> float:
    """Area under the ROC curve by ranks (Mann and Whitney 1947); 0.5 where only one class is present."""
    from scipy.stats import rankdata  # slow to import, and --help needs it not

    positive = truth > 0.5
    n1, n0 = int(positive.sum()), int((~positive).sum())
    if not n1 or not n0:
        return 0.5
    return float((rankdata(p)[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0))


def rows_interval(output: Output, networks: Sequence[Rows], metric: str, ordered: bool = False) -> tuple[float, float]:
    """A 95 % percentile bootstrap interval (Efron 1979) over rows of the metric's mean over networks, all on the same rows.

    Of `ordered` rows blocks are drawn, as long as the root of their number, or twice the horizon (Politis and Romano 1992, "A
    circular block-resampling procedure for stationary data"): what is hard comes in stretches, and rows drawn one by one would
    promise too much.
    """
    rng = np.random.default_rng(0)
    n = len(networks[0]["count"])
    needless = {"tp", "fp", "fn"} if metric != "f1" else set()
    needless |= {"p", "truth"} if metric != "auc" else set()
    slim = [{name: column for name, column in rows.items() if name not in needless} for rows in networks]
    resamples = 1000 if n <= 20_000 else 200
    shared = 2 * output.size if output.kind == "values" else 1  # windows that follow each other forecast the same values
    length = min(max(math.ceil(math.sqrt(n)), shared), max(1, n // 4)) if ordered else 1
    draws = []
    for _ in range(max(100, resamples // len(slim)) if metric in ("f1", "auc") else resamples):
        starts = rng.integers(n, size=math.ceil(n / length))
        drawn = ((starts[:, None] + np.arange(length)) % n).ravel()[:n]
        draws.append(np.mean([metrics_of(output, {k: c[drawn] for k, c in rows.items()})[metric] for rows in slim]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def seeds_interval(values: Sequence[float], rows: tuple[float, float], bounded: bool) -> tuple[float, float]:
    """The interval over rows and seeds: Student's half-width of networks that differ in their seed alone is added to that over rows
    as independent errors add. One network tells nothing of seeds. `bounded`: the metric is between 0 and 1.
    """
    middle, (low, high) = float(np.mean(values)), rows
    over_seeds = estimate(values, (0.0, 0.0)).half_width() if len(values) > 1 else 0.0
    low, high = middle - math.hypot(middle - low, over_seeds), middle + math.hypot(high - middle, over_seeds)
    return (max(0.0, low), min(1.0, high)) if bounded else (max(0.0, low), high)
