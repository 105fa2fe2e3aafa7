"""One answer a sequence: a probability, one of several classes, or several bits."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..codec import PAD
from ..keras_types import Model
from ..space import Config
from .base import SequenceHyperModel, network


class Classifier(SequenceHyperModel):
    """Embedding (for tokens), recurrent layers in one direction or both, pooling of states, sigmoid or softmax."""

    parameters = (
        *("cell", "units", "layers", "taper", "bidirectional", "dropout", "recurrent_dropout", "activation"),
        *("embedding", "vectors", "pooling", "learning_rate", "batch_size"),
    )

    def network(self, config: Config) -> Model:
        """Layers from the sequence to its class."""
        inputs, features = self.entry(config)
        pooling = str(config["pooling"])
        states = self.stack(features, config, sequences=pooling != "last")
        pooled = states if pooling == "last" else self._pooled(inputs, states, pooling)
        output = self.task.output
        if output.kind == "classes":
            answer = keras.layers.Dense(output.size, activation="softmax", name="classes")(pooled)
        else:
            size = 1 if output.kind == "binary" else output.size
            answer = keras.layers.Dense(size, activation="sigmoid", name="probability")(pooled)
        return network(inputs, answer, name="classifier")

    def _pooled(self, inputs: Any, states: Any, pooling: str) -> Any:
        """The mean or maximum of the states over the valid steps; Keras's own maximum would see the padding."""
        if pooling == "mean":
            return keras.layers.GlobalAveragePooling1D(name="mean")(states)
        if self.task.input.kind == "tokens":
            valid = ops.cast(ops.not_equal(inputs, 0), "float32")  # (rows, steps)
        elif self.task.input.ragged:
            valid = ops.cast(ops.not_equal(inputs[:, :, 0], PAD), "float32")
        else:
            return keras.layers.GlobalMaxPooling1D(name="max")(states)
        return keras.layers.GlobalMaxPooling1D(name="max")(states + (ops.expand_dims(valid, -1) - 1.0) * 1e9)
