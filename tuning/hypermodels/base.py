"""What every family shares: parameters declared once, recurrent stacks, heads, compilation."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import keras
import keras_tuner
import numpy as np

from ..codec import PAD
from ..errors import BadValue
from ..keras_types import HyperParameters, Model
from ..ranges import DEFAULTS, Limits, doubling
from ..space import Condition, Config, Grid, Interval, Parameter, Space, Value, printed
from ..task import TaskSpec
from .fast import PLAIN, Kit

LOSSES = {"binary": "binary_crossentropy", "bits": "binary_crossentropy", "values": "mse"}
NARROWEST, MANY = 16, 128  # dimensions of pretrained vectors: the fewest that are tried, and what is many
COUNTS: dict[str, list[str]] = {"binary": ["binary_accuracy"], "bits": ["binary_accuracy"], "values": ["mae"], "tokens": []}


class SequenceHyperModel(keras_tuner.HyperModel):  # type: ignore[misc]  # KerasTuner ships no types
    """A family of recurrent networks for one task.

    `parameters` names what the family declares. `limits` replace the domains of `DEFAULTS`: the recipe's, then the
    user's. A family may also set its own `defaults`.
    """

    parameters: ClassVar[tuple[str, ...]]
    own: ClassVar[Limits] = {}
    kit: Kit = PLAIN
    vectors: np.ndarray | None = None  # pretrained, (ids, dimensions), the principal dimensions first

    def __init__(self, task: TaskSpec, limits: Limits | None = None) -> None:
        super().__init__()
        self.task = task
        self.limits = {**DEFAULTS, **self.own, **widths(task.vectors), **(limits or {})}
        self._check_widths()

    def declare(self, hp: HyperParameters) -> Config:
        """Every parameter of the family, under its conditions; no layer is built."""
        config: Config = {}
        for name in self.parameters:
            if self._is_idle(name):
                continue
            if name == "taper":
                deep = [value for value in self._domain("layers").values if int(value) > 1]
                if deep:
                    with self._only(hp, "layers", deep):
                        value = self._declare(hp, name)
                    config[name] = value if config["layers"] in deep else "constant"
                else:
                    config[name] = "constant"
                continue
            config[name] = self._declare(hp, name)
        return config

    def _is_idle(self, name: str) -> bool:
        """Whether a parameter means nothing for this task."""
        return (name == "embedding" and self.task.input.kind == "series") or (name == "vectors" and not self.task.vectors)

    def _check_widths(self) -> None:
        """Raises BadValue where more dimensions are asked for than pretrained vectors have."""
        most = max(map(int, self._domain("embedding").values))
        if 0 < self.task.vectors < most and self._domain("vectors").values != ("random",):
            raise BadValue(f"embedding is {self.task.vectors} at most, as many dimensions as the vectors have; given: {most}")

    def _domain(self, name: str) -> Grid:
        domain = self.limits[name]
        return domain if isinstance(domain, Grid) else Grid(values=(domain.default,), default=domain.default)

    @contextlib.contextmanager
    def _only(self, hp: HyperParameters, parent: str, values: Sequence[Value]) -> Iterator[None]:
        with hp.conditional_scope(parent, list(values)):
            yield

    def _declare(self, hp: HyperParameters, name: str) -> Value:
        domain = self.limits[name]
        if isinstance(domain, Interval):
            sampling = "log" if domain.log else "linear"
            return hp.Float(name, domain.low, domain.high, sampling=sampling, default=domain.default)
        if len(domain.values) == 1:
            return hp.Fixed(name, domain.values[0])
        if set(domain.values) == {True, False} and isinstance(domain.values[0], bool):
            return hp.Boolean(name, default=bool(domain.default))
        settings = {} if isinstance(domain.values[0], str) else {"ordered": True}
        return hp.Choice(name, list(domain.values), default=domain.default, **settings)

    @abstractmethod
    def network(self, config: Config) -> Model:
        """The layers for one configuration, not compiled."""

    def build(self, hp: HyperParameters) -> Model:
        """A compiled model for the values in `hp`."""
        config = self.declare(hp)
        model = self.network(config)
        if self.vectors is not None and config["vectors"] != "random":
            model.get_layer("embedding").set_weights([self.vectors[:, : int(config["embedding"])]])
        kind = self.task.output.kind
        model.compile(
            optimizer=self.kit.adam(float(config["learning_rate"]), clipnorm=1.0),
            loss=LOSSES.get(kind, "sparse_categorical_crossentropy"),
            metrics=COUNTS.get(kind, ["sparse_categorical_accuracy"]),
        )
        return model

    def fit(self, hp: HyperParameters, model: Model, *args: Any, **settings: Any) -> Any:
        """Train in length buckets with the configuration's batch size, as keras.Model.fit does; its History."""
        from ..training.program import Program

        return Program(model, self.task).fit(*args, batch_size=int(hp.get("batch_size")), **settings)

    # pieces that the families put together

    def entry(self, config: Config, name: str = "inputs") -> tuple[Any, Any]:
        """The input and its features (rows, steps, channels), padding masked."""
        size = self.task.input.size
        if self.task.input.kind == "tokens":
            inputs = keras.Input((None,), dtype="int32", name=name)
            layer = keras.layers.Embedding(
                size, int(config["embedding"]), mask_zero=True, trainable=config.get("vectors") != "frozen", name="embedding"
            )
            return inputs, self.dropped(layer(inputs), config)
        inputs = keras.Input((None, size), name=name)
        return inputs, keras.layers.Masking(PAD, name="masking")(inputs) if self.task.input.ragged else inputs

    def stack(self, features: Any, config: Config, sequences: bool) -> Any:
        """The recurrent layers: (rows, units), or (rows, steps, units) with `sequences`."""
        layers = int(config["layers"])
        for index in range(layers):
            name = f"{config['cell']}_{index + 1}"
            each = self.recurrent(config, units_of(config, index), sequences or index < layers - 1, name)
            if config.get("bidirectional"):
                each = keras.layers.Bidirectional(each, name=f"bidirectional_{index + 1}")
            features = self.dropped(each(features), config)
        return features

    def recurrent(self, config: Config, units: int, sequences: bool, name: str, **settings: Any) -> Any:
        """One LSTM or GRU layer."""
        cells = {"lstm": self.kit.lstm, "gru": keras.layers.GRU}
        return cells[str(config["cell"])](
            units,
            activation=str(config["activation"]),
            recurrent_dropout=float(config["recurrent_dropout"]),
            return_sequences=sequences,
            name=name,
            **settings,
        )

    def dropped(self, features: Any, config: Config) -> Any:
        """Dropout between layers (within them it would lose the fast kernels); no layer where the rate is 0."""
        rate = float(config["dropout"])
        return self.kit.dropout(rate)(features) if rate else features


def network(inputs: Any, outputs: Any, name: str) -> Model:
    """A Keras model from symbolic inputs to outputs."""
    made: Model = keras.Model(inputs, outputs, name=name)
    return made


def widths(dimensions: int) -> Limits:
    """What embeddings may have of pretrained vectors: about twice as many each time, all of them where they are not many.

    >>> widths(100)["embedding"].values, widths(300)["embedding"].default
    ((16, 32, 64, 100), 128)
    """
    if not dimensions:
        return {}
    values = doubling(min(NARROWEST, dimensions), dimensions)
    return {"embedding": Grid(values=values, default=max(value for value in values if value <= max(MANY, values[0])))}


def units_of(config: Config, layer: int) -> int:
    """Units of one layer (the first is 0): the same in each, or half of the one before."""
    units = int(config["units"])
    return max(1, units >> layer) if config.get("taper") == "halving" else units


def family_model(task: TaskSpec, limits: Limits | None = None) -> SequenceHyperModel:
    """The HyperModel of the task's family."""
    from . import Classifier, EncoderDecoder, Forecaster, LanguageModel, Tagger

    families: dict[str, type[SequenceHyperModel]] = {
        "classifier": Classifier,
        "tagger": Tagger,
        "forecaster": Forecaster,
        "language": LanguageModel,
        "seq2seq": EncoderDecoder,
    }
    return families[task.family](task, limits)


def space_of(hp: Any) -> Space:
    """The typed space of what was declared in a keras_tuner.HyperParameters."""
    parameters: dict[str, Parameter] = {}
    for declared in hp.space:
        conditions = tuple(Condition(parent=c.name, values=tuple(c.values)) for c in declared.conditions)
        known = parameters.get(declared.name)
        if known is not None:  # declared again under other conditions: it counts in either case
            if known.conditions != conditions:
                conditions = _either(known.conditions, conditions)
            parameters.pop(declared.name)
        parameters[declared.name] = Parameter(name=declared.name, domain=_domain_of(declared), conditions=conditions)
    return Space(parameters=tuple(parameters.values()))


def _either(a: tuple[Condition, ...], b: tuple[Condition, ...]) -> tuple[Condition, ...]:
    if len(a) == len(b) == 1 and a[0].parent == b[0].parent:
        return (Condition(parent=a[0].parent, values=tuple(dict.fromkeys((*a[0].values, *b[0].values)))),)
    return ()


def _domain_of(declared: Any) -> Grid | Interval:
    kind = type(declared).__name__
    default = printed(declared.default)
    if kind == "Fixed":
        return Grid(values=(printed(declared.value),), default=printed(declared.value))
    if kind == "Boolean":
        return Grid(values=(False, True), default=bool(declared.default))
    if kind == "Float" and declared.step is None and declared.min_value < declared.max_value:
        log = declared.sampling == "log"
        return Interval(low=declared.min_value, high=declared.max_value, log=log, default=declared.default)
    if kind == "Int" and declared.step is not None and declared.sampling == "linear":
        values = tuple(range(declared.min_value, declared.max_value + 1, declared.step))
    else:
        values = tuple(declared.values) if hasattr(declared, "values") else (declared.min_value,)
    return Grid(values=tuple(dict.fromkeys(map(printed, values))), default=default)
