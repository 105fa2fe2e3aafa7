"""Batches of similar lengths with the padding trimmed, in an order that depends on seed and pass alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ..codec import PAD, START
from ..keras_types import Model
from ..metrics import Rows, joined, rows_at_once, rows_of
from ..task import Split, TaskSpec

Array = np.ndarray
POOL = 50  # batches that are shuffled together before they are sorted by length


def lengths_of(task: TaskSpec, x: Array) -> Array:
    """Valid steps of each row, read off the padding."""
    if task.input.kind == "tokens":
        return np.asarray(np.maximum((x != 0).sum(axis=1), 1))
    if task.input.ragged:
        return np.asarray((x[:, :, 0] != PAD).sum(axis=1))
    return np.full(len(x), x.shape[1])


def arranged(task: TaskSpec, x: Array, y: Array) -> tuple[Any, Array]:
    """Inputs and targets as the network takes them; a decoder also gets the target behind a start token."""
    if task.output.kind != "pair":
        return x, y
    shifted = np.concatenate([np.full((len(y), 1), START, y.dtype), y[:, :-1]], axis=1)
    return (x, np.where(y == 0, 0, shifted)), y


def plain(task: TaskSpec, split: Split) -> tuple[Any, Array]:
    """A split as a user's own HyperModel takes it: whole padded arrays."""
    y = split.y[:, -1] if task.output.kind == "values" else split.y
    inputs, targets = arranged(task, split.x, y)
    return ([*inputs] if isinstance(inputs, tuple) else np.asarray(inputs)), np.asarray(targets)


def trimmed(task: TaskSpec, x: Array, y: Array, rows: Array, lengths: Array) -> tuple[Any, Array]:
    """The chosen rows without the steps that are padding in all of them."""
    steps = int(lengths[rows].max())
    cut_x, cut_y = x[rows, :steps], y[rows]
    if task.output.kind in ("tags", "tokens"):
        cut_y = cut_y[:, :steps]
    elif task.output.kind == "pair":
        cut_y = cut_y[:, : int((cut_y != 0).sum(axis=1).max())]
    return arranged(task, cut_x, cut_y)


def pass_order(lengths: Array, batch: int, seed: int, number: int) -> list[Array]:
    """Row numbers of each batch of one pass: every row once, neighbours in length together, all else shuffled."""
    rng = np.random.default_rng([seed, number])
    order = rng.permutation(len(lengths))
    if lengths.min() != lengths.max():
        pools = [order[start : start + POOL * batch] for start in range(0, len(order), POOL * batch)]
        order = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]
    return [batches[index] for index in rng.permutation(len(batches))]


def forward_of(model: Model) -> Callable[[Any], Array]:
    """Predictions for one batch, traced once for batches of any size and length."""
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in model.inputs]

    @tf.function(input_signature=[specs[0] if len(specs) == 1 else tuple(specs)])  # type: ignore[untyped-decorator]  # TensorFlow's
    def predict(inputs: Any) -> Any:
        return model(list(inputs) if len(specs) > 1 else inputs, training=False)

    return lambda inputs: np.asarray(predict(inputs).numpy())


def scored_rows(forward: Callable[[Any], Array], task: TaskSpec, split: Split, batch: int | None = None) -> Rows:
    """The columns of every row of a split, in the split's order; the batch size never changes them."""
    batch = batch or rows_at_once(task.output)
    lengths = lengths_of(task, split.x)
    order = np.argsort(lengths, kind="stable")
    parts = []
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        inputs, y = trimmed(task, split.x, split.y, rows, lengths)
        valid = (y != 0).sum(axis=1) if task.output.kind == "pair" else lengths[rows]
        parts.append(rows_of(task.output, y, forward(inputs), valid))
    back = np.argsort(order, kind="stable")
    return {name: column[back] for name, column in joined(parts).items()}
