"""A network with its traced training step: many batches a call, and trial after trial of one structure without tracing again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..hypermodels.fast import VariableDropout
from ..keras_types import Model
from ..metrics import metrics_of
from ..task import Split, TaskSpec
from .batches import forward_of, lengths_of, pass_order, scored_rows, trimmed
from .jobs import KEPT

Array = np.ndarray
STEPS = 16  # most batches in one call of the traced step
NUMBERS = 4_000_000  # most input numbers in one call
LABELS = ("binary", "classes")  # kinds of output that class weights go with


class Program:
    """A compiled network's training on one task. Weights, optimizer state, rates and seeds are data to its traced step."""

    def __init__(self, model: Model, task: TaskSpec) -> None:
        self.model, self.task = model, task
        self.metric = _metric(task.output.kind)
        self._steps: Callable[..., Any] | None = None
        self._forward: Callable[[Any], Array] | None = None
        self.cold = True  # whether this trial has to trace the step

    def restart(self, fresh: Model) -> None:
        """Begin another trial of this structure: everything but the trace comes from a network just built."""
        for mine, new in zip(self.model.variables, fresh.variables, strict=True):
            mine.assign(new)
        for variable in self.model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        self.model.optimizer.learning_rate.assign(fresh.optimizer.learning_rate)
        for mine_layer, new_layer in zip(self.model.layers, fresh.layers, strict=True):
            if isinstance(mine_layer, VariableDropout) and isinstance(new_layer, VariableDropout):
                mine_layer.current.assign(new_layer.current)

    @property
    def forward(self) -> Callable[[Any], Array]:
        """Predictions for one batch of any size and length."""
        self._forward = self._forward or forward_of(self.model)
        return self._forward

    def fit(
        self,
        x: Array,
        y: Array,
        *,
        batch_size: int,
        validation_data: tuple[Array, Array] | None = None,
        initial_epoch: int = 0,
        epochs: int = 1,
        callbacks: Sequence[Any] = (),
        class_weight: dict[int, float] | None = None,
        seed: int = 0,
        epochs_per_pass: int = 1,
        verbose: int = 0,
    ) -> Any:
        """As keras.Model.fit over bucketed batches; its History.

        Validation metrics are those of the whole split, whatever the batches. Each pass of so many epochs has every row once, in
        an order of `seed` and the pass's number.
        """
        valid = Split(*validation_data, lengths_of(self.task, validation_data[0])) if validation_data else None
        batches = Batches(self.task, x, self._targets(y), batch_size, seed, epochs_per_pass)
        calls = keras.callbacks.CallbackList(
            list(callbacks), add_history=True, add_progbar=verbose != 0, model=self.model, verbose=verbose, epochs=epochs
        )
        self.model.stop_training = False
        self.cold = self._steps is None
        weights, logs = _weights(self.task, class_weight), dict[str, float]()
        calls.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            calls.on_epoch_begin(epoch)
            logs = self._epoch(batches, epoch, weights, calls)
            if valid is not None:
                found = metrics_of(self.task.output, scored_rows(self.forward, self.task, valid))
                logs |= {f"val_{name}": value for name, value in found.items()}
            calls.on_epoch_end(epoch, logs)
            if self.model.stop_training:
                break
        calls.on_train_end(logs)
        return self.model.history

    def _targets(self, y: Array) -> Array:
        every_step = self.task.output.kind != "values" or len(self.model.output_shape) == 3
        return y if every_step else y[:, -1]

    def _epoch(self, batches: Batches, epoch: int, weights: Array, calls: Any) -> dict[str, float]:
        """Train on an epoch's rows; the training loss and metric, each a mean over batches as Keras takes it."""
        total, done = 0.0, 0
        if self.metric is not None:
            self.metric[1].reset_state()
        for inputs, y, widths in batches.groups(epoch):
            self._steps = self._steps or self._traced(inputs, y)
            calls.on_train_batch_begin(done)
            total += float(self._steps(inputs, y, widths, weights))
            done += y.shape[0] * y.shape[1]
            calls.on_train_batch_end(done, {"loss": total / done})
        logs = {"loss": total / done}
        if self.metric is not None:
            logs[self.metric[0]] = float(self.metric[1].result())
        return logs

    def _traced(self, inputs: tuple[Array, ...], y: Array) -> Callable[..., Any]:
        """The function that trains on a group of batches and returns the sum of their losses over rows."""
        model = self.model
        model.optimizer.build(model.trainable_variables)
        specs = tuple(_spec(one, channels=one.ndim == 4) for one in inputs)
        widths, weights = tf.TensorSpec([None, 2], tf.int32), tf.TensorSpec([None], tf.float32)

        @tf.function(input_signature=[specs, _spec(y), widths, weights], autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow's
        def steps(inputs: Any, y: Any, widths: Any, weights: Any) -> Any:
            def body(index: Any, total: Any) -> Any:
                batch = self._cut([one[index] for one in inputs], y[index], widths[index])
                loss = self._step(*batch, weights)
                return index + 1, total + loss * tf.cast(tf.shape(y)[1], tf.float32)

            count = tf.shape(y)[0]
            return tf.while_loop(lambda index, _: index < count, body, [0, 0.0], parallel_iterations=1)[1]

        return steps  # type: ignore[no-any-return]  # TensorFlow ships no types

    def _cut(self, inputs: list[Any], y: Any, widths: Any) -> tuple[Any, Any]:
        """One batch without the steps that are padding in all of its rows."""
        kind = self.task.output.kind
        inputs = [one[:, : widths[side]] for side, one in enumerate(inputs)]
        if kind in ("tags", "tokens", "pair"):
            y = y[:, : widths[1]]
        return (inputs if len(inputs) > 1 else inputs[0]), y

    def _step(self, inputs: Any, y: Any, weights: Any) -> Any:
        """One batch: loss, gradients, update. What keras.Model.train_step does, on the same compiled loss and optimizer."""
        model = self.model
        weighted = tf.gather(weights, y) if self.task.output.kind in LABELS else None
        with tf.GradientTape() as tape:
            predicted = model(inputs, training=True)
            loss = model.compute_loss(x=inputs, y=y, y_pred=predicted, sample_weight=weighted)
        variables: Any = list(model.trainable_variables)
        model.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        if self.metric is not None:
            self.metric[1].update_state(y, predicted)
        return loss


class Batches:
    """The batches of each epoch in groups of one size, padding trimmed to the group's longest."""

    def __init__(self, task: TaskSpec, x: Array, y: Array, batch_size: int, seed: int, epochs_per_pass: int = 1) -> None:
        self.task, self.x, self.y, self.batch_size, self.seed = task, x, y, batch_size, seed
        self.lengths = lengths_of(task, x)
        self.epochs_per_pass = min(epochs_per_pass, -(-len(x) // batch_size))  # a batch each, at least
        self.targets = (y != 0).sum(axis=1) if task.output.kind == "pair" else self.lengths
        width = int(np.prod(x.shape[1:]))
        self.most = int(np.clip(NUMBERS // (batch_size * width), 1, STEPS))

    def groups(self, epoch: int) -> Iterator[tuple[tuple[Array, ...], Array, Array]]:
        """Inputs (batches, rows, steps, ...), targets, and each batch's own steps of source and target (batches, 2)."""
        number, share = divmod(epoch, self.epochs_per_pass)
        order = pass_order(self.lengths, self.batch_size, self.seed, number)
        first, end = (len(order) * edge // self.epochs_per_pass for edge in (share, share + 1))
        for _, same in groupby(order[first:end], key=len):
            batches = list(same)
            for start in range(0, len(batches), self.most):
                yield self._group(np.stack(batches[start : start + self.most]))

    def _group(self, rows: Array) -> tuple[tuple[Array, ...], Array, Array]:
        inputs, y = trimmed(self.task, self.x, self.y, rows.ravel(), self.lengths)
        many = inputs if isinstance(inputs, tuple) else (inputs,)
        widths = np.stack([self.lengths[rows].max(axis=1), self.targets[rows].max(axis=1)], axis=1)
        shaped = tuple(one.reshape(*rows.shape, *one.shape[1:]) for one in many)
        return shaped, y.reshape(*rows.shape, *y.shape[1:]), widths.astype(np.int32)


class Programs:
    """The programs of the structures that were trained last in this process."""

    def __init__(self, most: int = KEPT) -> None:
        self._kept: OrderedDict[str, Program] = OrderedDict()
        self._most = most

    def program(self, structure: str, fresh: Model, task: TaskSpec) -> Program:
        """The program of that structure, set to begin as `fresh` (a network just built) would."""
        if structure in self._kept:
            self._kept[structure].restart(fresh)
        else:
            self._kept[structure] = Program(fresh, task)
        self._kept.move_to_end(structure)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return self._kept[structure]


def _spec(array: Array, channels: bool = False) -> Any:
    """The tensor spec of a group: everything but the channels may differ from group to group."""
    shape = [None] * array.ndim
    if channels:
        shape[-1] = array.shape[-1]
    return tf.TensorSpec(shape, array.dtype)


def _metric(kind: str) -> tuple[str, Any] | None:
    """What training prints beside its loss: a name and a Keras metric."""
    if kind == "tokens":
        return None
    if kind == "values":
        return "mae", keras.metrics.MeanAbsoluteError()
    return "accuracy", keras.metrics.BinaryAccuracy() if kind in ("binary", "bits") else keras.metrics.SparseCategoricalAccuracy()


def _weights(task: TaskSpec, class_weight: dict[int, float] | None) -> Array:
    """A weight for each class; 1 where none are given."""
    weights = np.ones(max(2, task.output.size), np.float32)
    for label, weight in (class_weight or {}).items():
        weights[label] = weight
    return weights
