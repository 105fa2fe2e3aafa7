"""The next token at each step."""

from __future__ import annotations

import keras

from ..keras_types import Model
from ..space import Config
from .base import SequenceHyperModel, network


class LanguageModel(SequenceHyperModel):
    """Embedding, recurrent layers in one direction (the other would see the answer), softmax over the vocabulary."""

    parameters = (
        *("cell", "units", "layers", "taper", "dropout", "recurrent_dropout", "activation"),
        *("embedding", "vectors", "learning_rate", "batch_size"),
    )

    def network(self, config: Config) -> Model:
        """Layers from tokens to the next of each."""
        inputs, features = self.entry(config)
        states = self.stack(features, config, sequences=True)
        tokens = keras.layers.Dense(self.task.output.size, activation="softmax", name="next_token")(states)
        return network(inputs, tokens, name="language_model")
