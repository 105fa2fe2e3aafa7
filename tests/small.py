"""Tasks small enough to train on in a second, and commands run in this process."""

import importlib.util
import subprocess
from collections.abc import Callable

import pytest

from tuning import cli
from tuning.recipe import load_task
from tuning.strategies import STRATEGIES
from tuning.task import DataOptions, Task

WITHOUT = set() if importlib.util.find_spec("torch") else {"gp"}  # strategies whose optional dependency is not here
STRATEGY_NAMES = sorted(STRATEGIES.keys() - WITHOUT)
SMALL: dict[str, dict[str, object]] = {
    "sentiment": {"rows": 120},
    "topics": {"rows": 150},
    "signals": {"source": "synthetic", "rows": 80},
    "tagging": {"rows": 80},
    "next_word": {"rows": 40, "window": 8},
    "forecast": {"rows": 160, "window": 12, "horizon": 3},
    "finance": {"rows": 200, "window": 6},
    "seq2seq": {"rows": 120},
    "memory": {"rows": 90, "bits": 2},
}
LOOP = """
import keras, keras_tuner
class Loop(keras_tuner.HyperModel):
    def build(self, hp):
        units = hp.Int("units", 2, 8)
        model = keras.Sequential([keras.Input((None, 1)), keras.layers.LSTM(units), keras.layers.Dense(4, activation="softmax")])
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model
    def fit(self, hp, model, x, y, validation_data=None, callbacks=None, **kwargs):
        for callback in callbacks:
            callback.set_model(model)
        for epoch in range(10):  # as in KerasTuner's guide: neither `epochs` nor `stop_training` is looked at
            model.train_on_batch(x, y)
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs={"val_accuracy": 0.1 * epoch})
        return 0.0
"""


def small_task(name: str) -> Task:
    """A task small enough to train on in a second."""
    return load_task(name, DataOptions.model_validate(SMALL[name]))


def small_flags(name: str) -> list[str]:
    """The same as command-line options, with one layer in one direction: tracing is what costs time here."""
    flags = [part for key, value in SMALL[name].items() for part in (f"--{key.replace('_', '-')}", str(value))]
    one_way = [] if name in ("next_word", "forecast") else ["--bidirectional", "no"]
    return [*flags, "--layers", "1", *one_way]


Run = Callable[..., subprocess.CompletedProcess[str]]


class Here:
    """A command in this process: its status, standard output and standard error."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, name: str, *args: str) -> tuple[int, str, str]:
        """Run it."""
        self._capfd.readouterr()
        try:
            status = cli.guarded(cli.command(name), list(args), f"{name}.py")
        except SystemExit as left:
            status = int(left.code or 0)
        out, err = self._capfd.readouterr()
        return status, out, err
