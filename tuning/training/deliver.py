"""The final answer's model: trained on a fresh seed, tested once, written as plain Keras with what describes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import BadFile
from ..hypermodels import SequenceHyperModel
from ..keras_types import Model
from ..metrics import BOUNDED, metrics_of, rows_interval, seeds_interval
from ..objective import Objective
from . import checkpoint
from .batches import forward_of, plain, scored_rows
from .checkpoint import State
from .describe import hyper_of, hyperparameters
from .jobs import Job, Report
from .latency import latency_ms
from .store import open_spec, open_split
from .train import Run, built, sizes


def deliver(job: Job, report: Report) -> dict[str, Any]:
    """Take the best from its checkpoint (or train it first, where epochs are given); score, save, describe it."""
    state = _state(job, report)
    final = Final(job, state.best)
    found = {
        "loss": final.loss_name(),
        "score": state.best_score,
        "best_epoch": state.best_epoch,
        "epochs": len(state.history),
        **sizes(final.model),
        "history": state.history,
        "architecture": architecture(final.model),
        "layers": layer_table(final.model),
        "optimizer": _plain_json(keras.optimizers.serialize(final.model.optimizer)),
        "latency_ms": latency_ms(final.forward, final.task, final.data, final.ours),
        "valid": final.scores("valid")["metrics"],
        "test": final.tested(job) if job.test else None,
    }
    save_plain(final.model, Path(job.deliver))
    return found


def _state(job: Job, report: Report) -> State:
    """The best's state: from its checkpoint, or trained here."""
    if job.epochs:
        run = Run(job, report)
        run.go()
        return run.state
    state = checkpoint.load(Path(job.restore))
    if state is None:
        raise BadFile(f"the state of the best trial is missing or damaged: {job.restore}")
    return state


class Final:
    """The network as it is exported: plain Keras layers with the best weights."""

    def __init__(self, job: Job, weights: list[np.ndarray]) -> None:
        self.data = Path(job.data)
        self.task = open_spec(self.data)
        self.hyper = hyper_of(job.model, self.data)
        keras.backend.clear_session(free_memory=False)
        keras.utils.set_random_seed(job.seed)
        self.model = built(self.hyper, hyperparameters(job.config), job)
        self.model.set_weights(weights)
        self.forward = forward_of(self.model)
        self.ours = isinstance(self.hyper, SequenceHyperModel)

    def scores(self, part: str) -> dict[str, Any]:
        """Metrics of one split."""
        split = open_split(self.data, part)
        if not self.ours:
            x, y = plain(self.task, split)
            logs = self.model.evaluate(x, y, verbose=0, return_dict=True)
            return {"metrics": {name: float(value) for name, value in logs.items()}, "n": len(split)}
        return {"metrics": metrics_of(self.task.output, scored_rows(self.forward, self.task, split)), "n": len(split)}

    def tested(self, job: Job) -> dict[str, Any]:
        """Metrics on the test split, each the mean over the networks that there are; an interval over rows and seeds."""
        states = [state for path in job.others if (state := checkpoint.load(Path(path))) is not None]
        own = self.model.get_weights()
        networks = [self._one_test()]
        for state in states:
            self.model.set_weights(state.best)
            networks.append(self._one_test())
        self.model.set_weights(own)
        metrics = [found["metrics"] for found in networks]
        every = {name: float(np.mean([one[name] for one in metrics])) for name in metrics[0]}
        metric = Objective.parse(job.objective).metric
        told = {"metrics": every, "n": networks[0]["n"], "seeds": len(networks), "delivered": metrics[0].get(metric)}
        if not self.ours:
            return told
        rows = rows_interval(self.task.output, [found["rows"] for found in networks], metric, self.task.ordered)
        low, high = seeds_interval([one[metric] for one in metrics], rows, metric in BOUNDED)
        return {**told, "low": low, "high": high, "rows_low": rows[0], "rows_high": rows[1]}

    def _one_test(self) -> dict[str, Any]:
        if not self.ours:
            return self.scores("test")
        rows = scored_rows(self.forward, self.task, open_split(self.data, "test"))
        return {"metrics": metrics_of(self.task.output, rows), "n": len(rows["count"]), "rows": rows}

    def loss_name(self) -> str | None:
        """The loss as Keras names it, where it has a name."""
        loss = getattr(self.model, "loss", None)
        return loss if loss is None or isinstance(loss, str) else str(getattr(loss, "name", loss))


def save_plain(model: Model, path: Path) -> None:
    """The model as a `.keras` file without optimizer, whole or not at all."""
    bare = model
    if is_plain(model):
        bare = keras.models.model_from_json(json.dumps(architecture(model)))
        bare.set_weights(model.get_weights())
    part = path.with_name(f"part-{path.name}")
    bare.save(str(part))
    part.replace(path)


def is_plain(model: Model) -> bool:
    """Whether all layers are Keras's own."""
    return all(type(layer).__module__.startswith("keras.") for layer in model.layers)


def architecture(model: Model) -> dict[str, Any]:
    """Keras's own configuration of the layers; how it was compiled is told elsewhere, and would bring the optimizer along."""
    config: dict[str, Any] = json.loads(model.to_json())
    return {name: value for name, value in config.items() if name not in ("compile_config", "build_config")}


def layer_table(model: Model) -> list[dict[str, Any]]:
    """Name, class, output shape and parameters of each layer."""
    table = []
    for layer in model.layers:
        shape = getattr(getattr(layer, "output", None), "shape", None)
        kind, size = type(layer).__name__, int(layer.count_params())
        table.append({"name": layer.name, "class": kind, "shape": list(shape) if shape else None, "parameters": size})
    return table


def _plain_json(config: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(config, default=lambda value: float(value) if hasattr(value, "__float__") else str(value)))  # type: ignore[no-any-return]  # json returns Any
