"""The exported best model: rebuild it from best.json alone, load its weights, feed it raw input.

Nothing in the file is ever run as code: only Keras's own layers are rebuilt from it. A network with layers of the user's own
needs that HyperModel's file, named by the user (`trust=FILE`) and equal to the one whose hash the file holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .best_schema import Best, read_best
from .codec import END, PADDING, START, PairCodec, TextCodec, WindowCodec, padded
from .errors import BadFile, BadValue, DataError
from .hypermodels.base import COUNTS, LOSSES
from .keras_types import Hyper, Model
from .metrics import rows_at_once
from .training.batches import forward_of
from .training.describe import hyper_of, hyperparameters
from .training.jobs import ModelRef


def load_best(path: Path | str, trust: Path | str | None = None) -> BestModel:
    """The best model in a best.json, or in a search's folder. Raises BadFile where the file is not whole."""
    path = Path(path)
    path = path / "best.json" if path.is_dir() else path
    return BestModel(read_best(path), path.parent, Path(trust) if trust else None)


class BestModel:
    """A best.json with its weights beside it."""

    def __init__(self, best: Best, folder: Path, trust: Path | None = None) -> None:
        self.best, self.folder, self.trust = best, folder, trust

    def build(self) -> Model:
        """A compiled keras.Model with fresh weights; word vectors that were pretrained are taken from best.keras."""
        model = self._network()
        known = self.best.architecture
        if known.own is None and known.hyperparameters.get("vectors", "random") != "random":
            model.get_layer("embedding").set_weights(self._trained().get_layer("embedding").get_weights())
        return self._compiled(model)

    def load(self) -> Model:
        """The same with the trained weights of best.keras."""
        return self._compiled(self._trained())

    def _trained(self) -> Model:
        """The layers with the trained weights, not compiled."""
        weights = self.folder / "best.keras"
        if not weights.is_file():
            raise BadFile(f"the trained weights belong beside best.json; there is no {weights}")
        model = self._network()
        try:
            model.load_weights(str(weights))
        except Exception as wrong:
            raise BadFile(f"{weights} does not hold this model's weights: {' '.join(str(wrong).split())[:160]}") from None
        return model

    def _network(self) -> Model:
        """The layers, with fresh weights, not compiled."""
        if not self._is_plain():
            model = self._own().build(hyperparameters(self.best.architecture.hyperparameters))
            model.optimizer = None  # weights are loaded beside it
            return model
        try:
            network: Model = keras.models.model_from_json(json.dumps(self.best.architecture.keras))
        except Exception as wrong:
            raise BadFile(f"the architecture in best.json cannot be rebuilt: {' '.join(str(wrong).split())[:200]}") from None
        return network

    def _compiled(self, model: Model) -> Model:
        kind = self.best.data.output.kind
        loss = self.best.training.loss or LOSSES.get(kind, "sparse_categorical_crossentropy")
        try:
            optimizer = keras.optimizers.deserialize(dict(self.best.training.optimizer))
        except Exception as wrong:
            raise BadFile(f"the optimizer in best.json cannot be rebuilt: {' '.join(str(wrong).split())[:200]}") from None
        model.compile(optimizer=optimizer, loss=loss, metrics=COUNTS.get(kind, ["sparse_categorical_accuracy"]))
        return model

    def _is_plain(self) -> bool:
        """Whether Keras's own layers suffice; where they do not, the user's file must have been named."""
        try:
            self._check(self.best.architecture.keras)
        except BadFile:
            if self.best.architecture.own is None or self.trust is None:
                raise
            return False
        return True

    def _check(self, config: Any) -> None:
        """Refuse whatever is not Keras's own, before Keras sees it."""
        if isinstance(config, Mapping):
            module = config.get("module")
            if "class_name" in config and module and str(module).split(".")[0] != "keras":
                raise BadFile(
                    f"best.json names {module}.{config['class_name']}: only layers of Keras itself are rebuilt (trust=FILE)"
                )
            if config.get("class_name") in ("Lambda", "function") or config.get("registered_name", "") == "Lambda":
                raise BadFile(f"best.json holds code ({config['class_name']}): it is never run (trust=FILE)")
            for value in config.values():
                self._check(value)
        elif isinstance(config, (list, tuple)):
            for value in config:
                self._check(value)

    def _own(self) -> Hyper:
        own = self.best.architecture.own
        if own is None or self.trust is None:  # pragma: no cover - _is_plain has seen to it
            raise BadFile("this network has layers of your own: give its file as trust=FILE")
        digest = hashlib.sha256(self.trust.read_bytes()).hexdigest()
        if digest != own.sha256:
            raise BadFile(f"{self.trust} is not the file this model was made from ({own.file}): its hash differs")
        return hyper_of(ModelRef(str(self.trust), own.name), self.folder)

    # raw input in, predictions out

    def predict(self, raw: Any) -> list[Any]:
        """One prediction for each text, token list, series, or table of columns in `raw`.

        binary and classes: label and probability. bits: 0 or 1 each. tags: a label a token. tokens: the likeliest next
        five. pair: the text that comes out. values: the next values in the data's own unit.
        """
        codec = self.best.data.preprocessing
        rows: Sequence[Any] = [raw] if isinstance(raw, (str, Mapping)) else raw
        if not len(rows):
            raise DataError("nothing to predict: the input is empty")
        x, lengths = self._encoded(rows)
        model = self.load()
        if isinstance(codec, PairCodec):
            return self._written(model, codec, x)
        forward, at_once = forward_of(model), rows_at_once(self.best.data.output)
        told: list[Any] = []
        for start in range(0, len(x), at_once):  # what is predicted may be far larger than what is told of it
            predicted = forward(x[start : start + at_once])
            told += [self._told(one, int(length)) for one, length in zip(predicted, lengths[start : start + at_once], strict=True)]
        return told

    def _encoded(self, rows: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Raw rows as arrays; tokens to be tagged come apart at blanks, and of a text to be continued its end counts."""
        codec, kind = self.best.data.preprocessing, self.best.data.output.kind
        if isinstance(codec, TextCodec) and kind == "tags":
            ids = [codec.ids_of(row.split() if isinstance(row, str) else row) for row in rows]
            return padded(ids, max(codec.steps, *map(len, ids)))  # every token gets its tag, however long training rows were
        if isinstance(codec, TextCodec) and kind == "tokens":
            return padded([codec.ids_of(row)[-codec.steps :] for row in rows], codec.steps)
        encoded: tuple[np.ndarray, np.ndarray] = codec.encode(rows)
        return encoded

    def _told(self, predicted: np.ndarray, length: int) -> Any:
        output, codec = self.best.data.output, self.best.data.preprocessing
        if output.kind == "binary" and len(predicted) == 1:
            p = float(predicted[0])
            label = output.labels[int(p > 0.5)] if output.labels else int(p > 0.5)
            return {"label": label, "probability": round(max(p, 1 - p), 6)}
        if output.kind in ("binary", "classes"):
            best = int(predicted.argmax())
            label = output.labels[best] if output.labels else best
            return {"label": label, "probability": round(float(predicted[best]), 6)}
        if output.kind == "bits":
            return [int(p > 0.5) for p in predicted]
        if output.kind == "tags":
            return [output.labels[index] for index in predicted[:length].argmax(axis=-1)]
        if output.kind == "values" and isinstance(codec, WindowCodec):
            last = predicted[-1] if predicted.ndim == 2 else predicted
            return [float(value) * codec.std[codec.target] + codec.mean[codec.target] for value in last]
        return self._next(predicted[length - 1])

    def _next(self, shares: np.ndarray) -> list[dict[str, Any]]:
        codec = self.best.data.preprocessing
        if not isinstance(codec, TextCodec):
            raise BadValue(f"predictions of {self.best.data.output.kind} cannot be told from {codec.kind} input")
        order = shares.argsort()[::-1][:5]
        return [{"token": codec.decode([int(i)]) or "<end>", "probability": round(float(shares[i]), 6)} for i in order]

    def _written(self, model: Model, codec: PairCodec, x: np.ndarray) -> list[str]:
        """Decode step by step, each time the likeliest token."""
        forward = forward_of(model)
        written = np.full((len(x), 1), START, np.int32)
        for step in range(codec.target.steps):
            chosen = forward((x, written))[:, step].argmax(axis=-1).astype(np.int32)
            chosen[np.isin(written[:, -1], (END, PADDING))] = PADDING
            written = np.concatenate([written, chosen[:, None]], axis=1)
            if (np.isin(written[:, -1], (END, PADDING))).all():
                break
        return [codec.target.decode([int(index) for index in row[1:]]) for row in written]
