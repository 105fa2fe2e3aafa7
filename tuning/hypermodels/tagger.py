"""One class at each step of a sequence."""

from __future__ import annotations

from typing import ClassVar

import keras

from ..keras_types import Model
from ..ranges import Limits
from ..space import Config, Grid
from .base import SequenceHyperModel, network


class Tagger(SequenceHyperModel):
    """Embedding, recurrent layers that return sequences, a dense softmax over the last axis at each step.

    Dense over (rows, steps, units) is the same function as TimeDistributed(Dense), which in Keras 3.15 takes the batch
    size for the number of steps where the time axis is dynamic.
    """

    parameters = (
        *("cell", "units", "layers", "taper", "bidirectional", "dropout", "recurrent_dropout", "activation"),
        *("embedding", "vectors", "learning_rate", "batch_size"),
    )
    own: ClassVar[Limits] = {"bidirectional": Grid(values=(False, True), default=True)}

    def network(self, config: Config) -> Model:
        """Layers from tokens to a class each."""
        inputs, features = self.entry(config)
        states = self.stack(features, config, sequences=True)
        tags = keras.layers.Dense(self.task.output.size, activation="softmax", name="tags")(states)
        return network(inputs, tags, name="tagger")
