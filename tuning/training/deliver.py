"""The final answer's model: trained on a fresh seed, tested once, written as plain Keras with what describes it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..hypermodels import SequenceHyperModel
from ..keras_types import Model
from ..metrics import interval, metrics_of
from ..objective import Objective
from .batches import forward_of, plain, scored_rows, trimmed
from .jobs import Job, Report
from .store import open_split
from .train import Run


def deliver(job: Job, report: Report) -> dict[str, Any]:
    """Take the best from its checkpoint (or train it first, where epochs are given); score, save, describe it."""
    run = Run(job, report)
    if job.epochs > len(run.state.history):
        run.go()
    run.model.set_weights(run.state.best)
    found = {
        "loss": run.loss_name(),
        **run.result(),
        "history": run.state.history,
        "architecture": architecture(run.model),
        "layers": layer_table(run.model),
        "optimizer": _plain_json(keras.optimizers.serialize(run.model.optimizer)),
        "latency_ms": latency_ms(run),
        "valid": _scores(run, "valid")["metrics"],
        "test": _scores(run, "test", job.objective) if job.test else None,
    }
    save_plain(run.model, Path(job.deliver))
    return found


def _scores(run: Run, part: str, objective: str = "") -> dict[str, Any]:
    """Metrics of one split; with an objective, an interval over rows for its metric."""
    split = open_split(Path(run.job.data), part)
    if not isinstance(run.hyper, SequenceHyperModel):
        x, y = plain(run.task, split)
        logs = run.model.evaluate(x, y, verbose=0, return_dict=True)
        return {"metrics": {name: float(value) for name, value in logs.items()}, "n": len(split)}
    rows = scored_rows(forward_of(run.model), run.task, split)
    if not objective:
        return {"metrics": metrics_of(run.task.output, rows), "n": len(split)}
    metric = Objective.parse(objective).metric
    low, high = interval(run.task.output, rows, metric)
    return {"metrics": metrics_of(run.task.output, rows), "n": len(split), "low": low, "high": high}


def save_plain(model: Model, path: Path) -> None:
    """The model as a `.keras` file without optimizer, whole or not at all."""
    bare = model
    if _is_plain(model):
        bare = keras.models.model_from_json(json.dumps(architecture(model)))
        bare.set_weights(model.get_weights())
    part = path.with_name(f"part-{path.name}")
    bare.save(str(part))
    part.replace(path)


def _is_plain(model: Model) -> bool:
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


def latency_ms(run: Run, repeats: int = 20) -> float:
    """Milliseconds for one prediction of one row: the median of several, traced before."""
    split = open_split(Path(run.job.data), "valid")
    forward = forward_of(run.model)
    inputs, _ = trimmed(run.task, split.x, split.y, np.array([0]), np.asarray(split.lengths))
    if not isinstance(run.hyper, SequenceHyperModel):
        whole, _ = plain(run.task, split)
        inputs = tuple(one[:1] for one in whole) if isinstance(whole, list) else whole[:1]
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        forward(inputs)
        seconds.append(time.perf_counter() - start)
    return round(1000 * float(np.median(seconds[1:])), 3)


def _plain_json(config: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(config, default=lambda value: float(value) if hasattr(value, "__float__") else str(value)))  # type: ignore[no-any-return]
