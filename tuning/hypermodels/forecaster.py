"""The next values of a series, at each step or after the last."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from ..keras_types import Model
from ..ranges import Limits
from ..space import Config, Grid
from .base import SequenceHyperModel, network


class Forecaster(SequenceHyperModel):
    """Stacked recurrent layers, tapering by default, with a dense head of `horizon` values.

    `predict`: the change from the last value (default: a plain LSTM often loses to repeating it), the level itself, or
    the level of the window scaled to mean 0 and deviation 1 (Kim et al. 2022, without its learned affine part).
    `every_step`: train on the values that follow each step, not the last alone; the last is scored in either case. A scaled
    window knows its own end, so its earlier steps are not trained on.
    """

    parameters = (
        *("cell", "units", "layers", "taper", "dropout", "recurrent_dropout", "activation"),
        *("predict", "every_step", "learning_rate", "batch_size"),
    )
    own: ClassVar[Limits] = {
        "layers": Grid(values=(1, 2, 3), default=2),
        "taper": Grid(values=("constant", "halving"), default="halving"),
        "dropout": Grid(values=(0.0, 0.1, 0.2, 0.3), default=0.0),
    }

    def network(self, config: Config) -> Model:
        """Layers from a window to the values after it."""
        inputs, features = self.entry(config)
        output = self.task.output
        every = bool(config["every_step"]) and config["predict"] != "window"
        target = inputs[:, :, output.channel : output.channel + 1]  # (rows, steps, 1)
        last = target if every else target[:, -1]
        spread: Any = None
        if config["predict"] == "window":
            mean, spread = ops.mean(inputs, axis=1, keepdims=True), ops.std(inputs, axis=1, keepdims=True) + 0.05
            features = (inputs - mean) / spread
            last, spread = (item[:, 0, output.channel : output.channel + 1] for item in (mean, spread))
        states = self.stack(features, config, sequences=every)
        # starts near zero, so that a forecast of change starts as the last value
        start = keras.initializers.VarianceScaling(0.01)
        values = keras.layers.Dense(output.size, kernel_initializer=start, name="values")(states)
        if spread is not None:
            values = values * spread
        if config["predict"] != "level":
            values = values + last
        return network(inputs, values, name="forecaster")
