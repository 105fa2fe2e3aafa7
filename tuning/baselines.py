"""What costs nothing and has to be beaten: majority, bag of words, last value, seasonal, unigram.

Each baseline is fitted on train and returns predictions in the shape a network gives them, so that the same metrics
score both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .codec import Array
from .metrics import joined, metrics_of, rows_at_once, rows_of
from .task import Output, Split

Predict = Callable[[Split], Array]
Baseline = Callable[[Output, Split], Predict]


def scored(
    output: Output, splits: Mapping[str, Split], baselines: Mapping[str, Baseline]
) -> dict[str, dict[str, dict[str, float]]]:
    """Each baseline's metrics on the validation and test split."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    at_once = rows_at_once(output)
    for name, baseline in baselines.items():
        predict = baseline(output, splits["train"])
        found[name] = {}
        for part in ("valid", "test"):
            split = splits[part]
            rows = []
            for start in range(0, len(split), at_once):
                cut = slice(start, start + at_once)
                piece = split.at(cut)
                rows.append(rows_of(output, piece.y, predict(piece), scored_lengths(output, piece)))
            found[name][part] = metrics_of(output, joined(rows))
    return found


def scored_lengths(output: Output, split: Split) -> Array:
    """How many steps of each row's target count: the input's, or for pairs the target's own."""
    return (split.y != 0).sum(axis=1) if output.kind == "pair" else split.lengths


def _shares(y: Array, size: int) -> Array:
    counts: Array = np.bincount(y.ravel(), minlength=size).astype(np.float64)
    return np.asarray(counts / counts.sum())


def majority(output: Output, train: Split) -> Predict:
    """The share of each class in train, whatever the input."""
    if output.kind in ("binary", "bits"):
        shares = train.y.reshape(len(train), -1).mean(axis=0)
        return lambda split: np.broadcast_to(shares, (len(split), len(shares)))
    y = train.y if train.y.ndim == 1 else train.y[np.arange(train.y.shape[1]) < train.lengths[:, None]]
    shares = _shares(y, output.size)
    return lambda split: np.broadcast_to(shares, (*split.y.shape, output.size))


def bag_of_words(size: int) -> Baseline:
    """Logistic regression on TF-IDF of words, their order thrown away."""

    def fitted(output: Output, train: Split) -> Predict:
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        model = make_pipeline(TfidfTransformer(sublinear_tf=True), LogisticRegression(C=4.0, max_iter=1000))
        model.fit(_counts(train.x, size), train.y)

        def predict(split: Split) -> Array:
            p: Array = model.predict_proba(_counts(split.x, size))
            return p[:, 1] if output.kind == "binary" else p

        return predict

    return fitted


def _counts(x: Array, size: int) -> Any:  # a scipy sparse matrix; scipy ships no types
    from scipy.sparse import csr_matrix

    rows, _ = np.nonzero(x)
    return csr_matrix((np.ones(len(rows)), (rows, x[x != 0])), shape=(len(x), size))


def channel_means(output: Output, train: Split) -> Predict:
    """Logistic regression on each channel's mean: the order of the steps thrown away."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(_means(train), train.y)

    def predict(split: Split) -> Array:
        p: Array = model.predict_proba(_means(split))
        return np.asarray(p[:, 1] if output.kind == "binary" else p)

    return predict


def _means(split: Split) -> Array:
    valid = (np.arange(split.x.shape[1]) < split.lengths[:, None])[..., None]
    return np.asarray(np.where(valid, split.x, 0.0).sum(axis=1) / split.lengths[:, None])


def most_common_tags(output: Output, train: Split) -> Predict:
    """Each word's most common tag in train; unknown words take their own (token 1) or the majority."""
    table = np.zeros((int(train.x.max()) + 1, output.size))
    valid = np.arange(train.x.shape[1]) < train.lengths[:, None]
    np.add.at(table, (train.x[valid], train.y[valid]), 1.0)
    table += 0.01 * table.sum(axis=0) / table.sum()
    table[1] += table[table.sum(axis=1) < 2.5].sum(axis=0)  # unknown words look like rare ones
    table /= table.sum(axis=1, keepdims=True)
    return lambda split: table[np.minimum(split.x, len(table) - 1)]


def unigram(output: Output, train: Split) -> Predict:
    """Each token's frequency in train, one added to every count (Laplace)."""
    valid = np.arange(train.y.shape[1]) < train.lengths[:, None]
    counts = np.bincount(train.y[valid], minlength=output.size) + 1.0
    shares = counts / counts.sum()
    return lambda split: np.broadcast_to(shares, (*split.y.shape, output.size))


def bigram(output: Output, train: Split) -> Predict:
    """The next token given the last, interpolated with unigrams by Witten and Bell (1991)."""
    from scipy.sparse import csr_matrix

    valid = np.arange(train.y.shape[1]) < train.lengths[:, None]
    before, after = train.x[valid], train.y[valid]
    counts = csr_matrix((np.ones(len(after)), (before, after)), shape=(output.size, output.size))
    totals = np.asarray(counts.sum(axis=1)).ravel()
    kinds = np.diff(counts.indptr)
    frequent = np.bincount(after, minlength=output.size) + 1.0
    shares = frequent / frequent.sum()
    keep = np.where(totals > 0, totals / np.maximum(totals + kinds, 1), 0.0)

    def predict(split: Split) -> Array:
        flat = split.x.ravel()
        rows = counts[flat].toarray() / np.maximum(totals[flat], 1)[:, None]
        mixed: Array = keep[flat][:, None] * rows + (1 - keep[flat])[:, None] * shares
        return np.asarray(mixed.reshape(*split.x.shape, output.size))

    return predict


def positional(output: Output, train: Split) -> Predict:
    """For pairs: how often each token stands at each place of the target."""
    table = np.full((train.y.shape[1], output.size), 1e-3)
    for step in range(train.y.shape[1]):
        here = train.y[:, step]
        table[step] += np.bincount(here[here != 0], minlength=output.size)
    table /= table.sum(axis=1, keepdims=True)
    return lambda split: np.broadcast_to(table, (len(split), *table.shape))


def last_value(output: Output, train: Split) -> Predict:
    """Tomorrow is like today."""
    return lambda split: np.repeat(split.x[:, -1:, output.channel], output.size, axis=1)


def mean_value(output: Output, train: Split) -> Predict:
    """The training targets' mean."""
    mean = float((train.y[:, -1] if train.y.ndim == 3 else train.y).mean())
    return lambda split: np.full((len(split), output.size), mean)


def seasonal(period: int) -> Baseline:
    """The value one period ago; needs a window of at least the period."""

    def fitted(output: Output, train: Split) -> Predict:
        steps = train.x.shape[1]
        places = [steps - period + (ahead % period) for ahead in range(output.size)]
        return lambda split: split.x[:, places, output.channel]

    return fitted


def last_direction(zero: float) -> Baseline:
    """Up again if the last step went up (momentum) or the reverse, whichever train favours; `zero` is no change, scaled."""

    def fitted(output: Output, train: Split) -> Predict:
        def up(split: Split) -> Array:
            return np.asarray(split.x[:, -1, output.channel] > zero)

        agree = float((up(train) == (train.y > 0.5)).mean())
        return lambda split: np.where(up(split), agree, 1 - agree)

    return fitted
