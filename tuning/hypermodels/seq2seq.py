"""A sequence in, a sequence out."""

from __future__ import annotations

from typing import Any

import keras

from ..keras_types import Model
from ..space import Config
from .base import SequenceHyperModel, network, units_of


class EncoderDecoder(SequenceHyperModel):
    """Encoder and decoder of the same depth (Sutskever et al. 2014); the encoder's states start the decoder.

    Inputs are the source tokens and the target shifted by one behind a start token. With `bidirectional` the encoder
    reads both ways and the states of both directions, put together, start a decoder of twice the units.
    """

    parameters = (
        *("cell", "units", "layers", "taper", "bidirectional", "dropout", "recurrent_dropout", "activation"),
        *("embedding", "vectors", "learning_rate", "batch_size"),
    )

    def network(self, config: Config) -> Model:
        """Layers from source tokens and shifted target tokens to the next target token at each step."""
        output = self.task.output
        source, features = self.entry(config, name="source")
        shifted = keras.Input((None,), dtype="int32", name="shifted_target")
        embedded = keras.layers.Embedding(output.size, int(config["embedding"]), mask_zero=True, name="target_embedding")
        decoded = self.dropped(embedded(shifted), config)
        for layer in range(int(config["layers"])):
            features, states = self._encoder(features, config, layer)
            units = units_of(config, layer) * (2 if config.get("bidirectional") else 1)
            decoder = self.recurrent(config, units, True, f"decoder_{layer + 1}")
            decoded = self.dropped(decoder(decoded, initial_state=states), config)
        tokens = keras.layers.Dense(output.size, activation="softmax", name="next_token")(decoded)
        return network([source, shifted], tokens, name="encoder_decoder")

    def _encoder(self, features: Any, config: Config, layer: int) -> tuple[Any, list[Any]]:
        each = self.recurrent(config, units_of(config, layer), True, f"encoder_{layer + 1}", return_state=True)
        if not config.get("bidirectional"):
            sequence, *states = each(features)
            return self.dropped(sequence, config), states
        sequence, *both = keras.layers.Bidirectional(each, name=f"encoder_both_{layer + 1}")(features)
        half = len(both) // 2
        joined = [keras.layers.Concatenate()([both[index], both[index + half]]) for index in range(half)]
        return self.dropped(sequence, config), joined
