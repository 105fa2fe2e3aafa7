"""Seconds a training step against the arithmetic floor: Keras's LSTM, the fused layer, and a loop compiled by XLA.

    python benchmarks/layers.py [--steps 40]

A classifier of tokens (vocabulary 10,000, embedding 64, batch 64, one direction, mean of states), one thread. The floor is
the step's multiplications at the rate of a matrix product of the layer's own size, measured here. `first` is what a
structure costs before its first step is done (build, trace, compile). `pays after`: steps until the compiled loop, with its
input projection hoisted out, has earned its compile time against the fused layer; at most four padded lengths compile each.
"""

import argparse
import os
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from records import History

from tuning.hypermodels.fast import FusedAdam, FusedLSTM

VOCABULARY, EMBEDDING, BATCH, AT_ONCE = 10_000, 64, 64, 10
LENGTHS = 4  # padded lengths that a compiled loop would be compiled for


class HoistedLSTM(keras.layers.LSTM):  # type: ignore[misc]  # Keras ships no types
    """keras.layers.LSTM with the projection of all inputs in one product, for XLA; every step is valid."""

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Last output, outputs, states."""
        kernel, recurrent, bias = (tf.convert_to_tensor(w) for w in (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias))
        projected = tf.transpose(tf.tensordot(sequences, kernel, 1) + bias, [1, 0, 2])
        steps = sequences.shape[1]
        outputs = tf.TensorArray(tf.float32, size=steps, element_shape=[BATCH, self.units])

        def body(step: Any, hidden: Any, cell: Any, outputs: Any) -> Any:
            i, f, c, o = tf.split(projected[step] + tf.matmul(hidden, recurrent), 4, axis=-1)
            cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(c)
            hidden = tf.sigmoid(o) * tf.tanh(cell)
            return step + 1, hidden, cell, outputs.write(step, hidden)

        _, hidden, cell, outputs = tf.while_loop(
            lambda step, *_: step < steps, body, (0, *initial_state, outputs), maximum_iterations=steps
        )
        return hidden, tf.transpose(outputs.stack(), [1, 0, 2]), [hidden, cell]


def measured(layer: Any, units: int, length: int, steps: int, compiled: bool, adam: Any) -> tuple[float, float]:
    """Seconds before the first ten steps are done, and a step."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.integers(1, VOCABULARY, (AT_ONCE, BATCH, length)).astype(np.int32)
    y = rng.integers(0, 2, (AT_ONCE, BATCH, 1)).astype(np.float32)
    begun = time.perf_counter()
    inputs = keras.Input((length,), batch_size=BATCH, dtype="int32")
    states = layer(units, return_sequences=True)(keras.layers.Embedding(VOCABULARY, EMBEDDING)(inputs))
    outputs = keras.layers.Dense(1, activation="sigmoid")(keras.layers.GlobalAveragePooling1D()(states))
    model = keras.Model(inputs, outputs)
    model.compile(adam(1e-3, clipnorm=1.0), "binary_crossentropy")
    model.optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=compiled, autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow's
    def gradients(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=True))
        found = tape.gradient(loss, list(model.trainable_variables))
        return [(g.values, g.indices) if isinstance(g, tf.IndexedSlices) else g for g in found]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow's
    def many(x: Any, y: Any) -> Any:
        def body(index: Any) -> Any:
            found = gradients(x[index], y[index])
            found = [tf.IndexedSlices(*g, dense_shape=[VOCABULARY, EMBEDDING]) if isinstance(g, tuple) else g for g in found]
            model.optimizer.apply_gradients(zip(found, model.trainable_variables, strict=True))
            return index + 1

        return tf.while_loop(lambda index: index < AT_ONCE, body, [0], parallel_iterations=1)

    many(x, y)
    first = time.perf_counter() - begun
    each = []
    for _ in range(max(3, steps // AT_ONCE)):
        start = time.perf_counter()
        many(x, y)
        each.append((time.perf_counter() - start) / AT_ONCE)
    return first, float(np.median(each))


def rate(units: int) -> float:
    """Multiplications and additions a second of the layer's own matrix product."""
    a = tf.random.normal([BATCH, EMBEDDING + units])
    b = tf.random.normal([EMBEDDING + units, 4 * units])

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow's
    def many() -> Any:
        return tf.while_loop(
            lambda i, t: i < 200, lambda i, t: (i + 1, t + tf.matmul(a + t * 0.0, b)[:, :1]), [0, tf.zeros([BATCH, 1])]
        )

    many()
    start = time.perf_counter()
    many()
    return 200 * 2 * BATCH * (EMBEDDING + units) * 4 * units / (time.perf_counter() - start)


def main() -> None:
    """A row for each size and length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    history = History("layers")
    kinds = {
        "keras": (keras.layers.LSTM, False, keras.optimizers.Adam),
        "fused": (FusedLSTM, False, FusedAdam),
        "xla": (HoistedLSTM, True, FusedAdam),
    }
    print(
        f"{'units':>5}{'length':>8}{'floor':>8}"
        + "".join(f"{kind + ' ms':>10}{'first s':>9}" for kind in kinds)
        + f"{'xla pays after':>16}"
    )
    for length in (25, 50):
        for units in (16, 64, 128, 256):
            line = history.find(units=units, length=length)
            if line is None:
                found = {kind: measured(layer, units, length, args.steps, jit, adam) for kind, (layer, jit, adam) in kinds.items()}
                floor = 3 * 2 * BATCH * length * (EMBEDDING + units) * 4 * units / rate(units)
                (first, step), (compiled, faster) = found["fused"], found["xla"]
                pays = LENGTHS * (compiled - first) / (step - faster) if faster < step else None
                figures = {kind: {"first": round(a, 2), "ms": round(1000 * b, 2)} for kind, (a, b) in found.items()}
                line = history.add(units=units, length=length, floor_ms=round(1000 * floor, 2), pays_after=pays, **figures)
            cells = "".join(f"{line[kind]['ms']:>10.2f}{line[kind]['first']:>9.2f}" for kind in kinds)
            told = f"{line['pays_after']:.0f} steps" if line["pays_after"] else "never"
            print(f"{units:>5}{length:>8}{line['floor_ms']:>8.2f}{cells}{told:>16}", flush=True)


if __name__ == "__main__":
    main()
