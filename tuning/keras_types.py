"""What this package uses of Keras and KerasTuner, as Protocols: neither ships types, and both enter here alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from .space import Value


class Variable(Protocol):
    """A keras.Variable."""

    path: str
    shape: tuple[int, ...]

    def numpy(self) -> np.ndarray:
        """The value."""
        ...

    def assign(self, value: Any) -> Any:
        """Set the value."""
        ...


class Layer(Protocol):
    """A keras.layers.Layer."""

    name: str
    output: Any

    def get_weights(self) -> list[np.ndarray]:
        """The weights' values."""
        ...

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Set the weights' values."""
        ...

    def count_params(self) -> int:
        """How many weights there are."""
        ...

    def get_config(self) -> dict[str, Any]:
        """The settings."""
        ...


class Model(Protocol):
    """A keras.Model."""

    optimizer: Any  # a keras.optimizers.Optimizer, or None before compile
    variables: Sequence[Variable]
    weights: Sequence[Variable]
    trainable_variables: Sequence[Variable]
    layers: Sequence[Layer]
    inputs: Sequence[Any]
    output_shape: tuple[int | None, ...]
    stop_training: bool
    built: bool
    history: Any  # a keras.callbacks.History, once trained

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Predictions, as a tensor."""
        ...

    def compile(self, **settings: Any) -> None:
        """Set loss, optimizer and metrics."""
        ...

    def fit(self, *args: Any, **settings: Any) -> Any:
        """Train."""
        ...

    def train_on_batch(self, x: Any, y: Any, **settings: Any) -> Any:
        """Loss and metrics of a step."""
        ...

    def compute_loss(self, **arrays: Any) -> Any:
        """The compiled loss of one batch, as a tensor."""
        ...

    def evaluate(self, *args: Any, **settings: Any) -> Any:
        """Loss and metrics."""
        ...

    def predict(self, x: Any, **settings: Any) -> np.ndarray:
        """Predictions."""
        ...

    def get_weights(self) -> list[np.ndarray]:
        """All weights."""
        ...

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Set all weights."""
        ...

    def get_layer(self, name: str) -> Layer:
        """The layer of that name."""
        ...

    def count_params(self) -> int:
        """How many weights there are."""
        ...

    def save(self, path: str, **settings: Any) -> None:
        """Write a .keras file."""
        ...

    def load_weights(self, path: str) -> None:
        """Read weights."""
        ...

    def export(self, path: str, **settings: Any) -> None:
        """Write a SavedModel."""
        ...

    def to_json(self) -> str:
        """The architecture."""
        ...


class HyperParameters(Protocol):
    """A keras_tuner.HyperParameters."""

    values: dict[str, Value]
    space: Sequence[Any]

    def Choice(self, name: str, values: Sequence[Value], **settings: Any) -> Value:  # noqa: N802
        """One of a list."""
        ...

    def Float(self, name: str, min_value: float, max_value: float, **settings: Any) -> float:  # noqa: N802
        """A number in an interval."""
        ...

    def Boolean(self, name: str, **settings: Any) -> bool:  # noqa: N802
        """Yes or no."""
        ...

    def Fixed(self, name: str, value: Value) -> Value:  # noqa: N802
        """One value."""
        ...

    def conditional_scope(self, parent_name: str, parent_values: Sequence[Value]) -> Any:
        """What is declared inside counts only for these values of the parent."""
        ...

    def get(self, name: str) -> Any:
        """A value."""
        ...


class Hyper(Protocol):
    """A keras_tuner.HyperModel, ours or the user's."""

    def build(self, hp: HyperParameters) -> Model:
        """A compiled model."""
        ...

    def fit(self, hp: HyperParameters, model: Model, *args: Any, **settings: Any) -> Any:
        """Train; a History, a float or a dictionary of metrics."""
        ...
