"""The same layers and optimizer as Keras's, computed in fewer steps: for training alone, never exported.

A kit says which classes a network is built from. Weights, their names and their order are those of the plain Keras layers,
so that a state trained with one kit goes into a network built from the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True)
class Kit:
    """The classes that a network and its training are made from."""

    lstm: Callable[..., Any]
    dropout: Callable[..., Any]
    adam: Callable[..., Any]


@keras.saving.register_keras_serializable("unitwise")
class FusedLSTM(keras.layers.LSTM):  # type: ignore[misc]  # Keras ships no types
    """keras.layers.LSTM whose loop over the steps is one operation (BlockLSTM; Zaremba et al. 2014 is its LSTM).

    Steps that are padding must come last in each row. What it returns for them is undefined (Keras repeats the last valid
    output): whatever follows must honour the mask, as Keras's layers and losses do. Where the operation does not cover the
    layer (an activation but tanh, recurrent dropout), Keras's own loop runs.
    """

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Last output (rows, units), outputs (rows, steps, units), the two last states."""
        if not self._covered():
            return super().inner_loop(sequences, initial_state, mask=mask, training=training)
        lengths = None if mask is None else tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        hidden, cell = initial_state
        x = tf.transpose(sequences, [1, 0, 2])
        x = flipped(x, lengths) if self.go_backwards else x
        weights = tf.concat([tf.convert_to_tensor(self.cell.kernel), tf.convert_to_tensor(self.cell.recurrent_kernel)], 0)
        nothing = tf.zeros([self.units], x.dtype)  # peepholes, which are not used
        found = tf.raw_ops.BlockLSTM(  # not V2: TensorFlow registers this one's gradient for it, with other gates
            seq_len_max=tf.cast(tf.shape(x)[0], tf.int64),
            x=x,
            cs_prev=cell,
            h_prev=hidden,
            w=gates(weights),
            wci=nothing,
            wcf=nothing,
            wco=nothing,
            b=gates(tf.convert_to_tensor(self.cell.bias)),
            forget_bias=0.0,
            cell_clip=-1.0,
            use_peephole=False,
        )
        last = [last_valid(found.h, lengths, hidden), last_valid(found.cs, lengths, cell)]
        output = last[0] if lengths is None else tf.where((lengths > 0)[:, None], last[0], 0.0)  # Keras: none yet is 0
        if not self.return_sequences:
            return output, output[:, None], last
        outputs = tf.reverse(flipped(found.h, lengths), [0]) if self.go_backwards else found.h
        return output, tf.transpose(outputs, [1, 0, 2]), last

    def _covered(self) -> bool:
        plain = self.activation is keras.activations.tanh and self.recurrent_activation is keras.activations.sigmoid
        return plain and self.use_bias and not self.recurrent_dropout and not self.dropout and self.compute_dtype == "float32"


def gates(weights: Any) -> Any:
    """Keras's gates (input, forget, cell, output) in BlockLSTM's order (input, cell, forget, output)."""
    i, f, c, o = tf.split(weights, 4, axis=-1)
    return tf.concat([i, c, f, o], axis=-1)


def flipped(x: Any, lengths: Any) -> Any:
    """The valid steps of (steps, rows, channels) in reverse, padding still last."""
    return tf.reverse(x, [0]) if lengths is None else tf.reverse_sequence(x, lengths, seq_axis=0, batch_axis=1)


def last_valid(x: Any, lengths: Any, before: Any) -> Any:
    """The last valid step of each row of (steps, rows, units); `before` where a row has none."""
    if lengths is None:
        return x[-1]
    at = tf.stack([tf.maximum(lengths - 1, 0), tf.range(tf.shape(lengths)[0])], axis=1)
    return tf.where((lengths > 0)[:, None], tf.gather_nd(x, at), before)


@keras.saving.register_keras_serializable("unitwise")
class VariableDropout(keras.layers.Dropout):  # type: ignore[misc]  # Keras ships no types
    """keras.layers.Dropout whose rate (above 0) is a variable: a traced step goes on with another rate."""

    def __init__(self, rate: float, **settings: Any) -> None:
        super().__init__(rate, **settings)
        self.current = tf.Variable(tf.constant(rate, tf.float32), trainable=False)  # TensorFlow's own: not among the weights

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The same numbers as Keras's from the same seed."""
        if not training:
            return inputs
        return tf.nn.experimental.stateless_dropout(inputs, self.current, tf.cast(self.seed_generator.next(), tf.int32))


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras ships no types
    """keras.optimizers.Adam in one pass over each variable, with the same numbers (Kingma and Ba 2015)."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable and its two moments."""
        index = self._get_variable_index(variable)
        m, v, target = (tensor_variable(one) for one in (self._momentums[index], self._velocities[index], variable))
        step = tf.cast(self.iterations + 1, target.dtype)
        powers = (tf.pow(self.beta_1, step), tf.pow(self.beta_2, step))
        if isinstance(gradient, tf.IndexedSlices):
            rate = learning_rate * tf.sqrt(1 - powers[1]) / (1 - powers[0])
            self._embedding_step(gradient, target, m, v, rate)
            return
        tf.raw_ops.ResourceApplyAdam(
            var=target.handle,
            m=m.handle,
            v=v.handle,
            beta1_power=powers[0],
            beta2_power=powers[1],
            lr=tf.cast(learning_rate, target.dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )

    def _embedding_step(self, gradient: Any, target: Any, m: Any, v: Any, rate: Any) -> None:
        """Rows seen twice in a batch: Keras adds their squares, not the square of their sum. XLA makes it one pass."""
        rows = target.shape[0]
        mean = tf.math.unsorted_segment_sum(gradient.values, gradient.indices, rows)
        square = tf.math.unsorted_segment_sum(tf.square(gradient.values), gradient.indices, rows)

        def moved(target: Any, m: Any, v: Any, mean: Any, square: Any, rate: Any) -> Any:
            m = m + (mean - m) * (1 - self.beta_1)
            v = v + (square - v) * (1 - self.beta_2)
            return target - m * rate / (tf.sqrt(v) + self.epsilon), m, v

        compiled = tf.function(moved, jit_compile=True, autograph=False)
        for variable, value in zip((target, m, v), compiled(target, m, v, mean, square, rate), strict=True):
            variable.assign(value)


def tensor_variable(variable: Any) -> Any:
    """TensorFlow's variable inside Keras's."""
    return getattr(variable, "value", variable) if isinstance(variable, keras.Variable) else variable


PLAIN = Kit(keras.layers.LSTM, keras.layers.Dropout, keras.optimizers.Adam)
FUSED = Kit(FusedLSTM, VariableDropout, FusedAdam)
CUDNN = Kit(keras.layers.LSTM, VariableDropout, keras.optimizers.Adam)


def fastest_kit() -> Kit:
    """The fused kit on a processor; on a GPU Keras's own layer, which cuDNN computes. Rates are variables in both."""
    return CUDNN if tf.config.list_physical_devices("GPU") else FUSED
