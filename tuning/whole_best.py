"""The whole best.json of a study: what a child told of the final network, put together with the study's own figures."""

from __future__ import annotations

import hashlib
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from .best_schema import Architecture, Best, Choice, Data, OwnModel, Scores, Search, Test, Training, Validation
from .best_schema import Layer as LayerRow
from .objective import Objective
from .settings import Settings
from .study import Study
from .task import Task, TaskSpec
from .trade import front
from .training.jobs import ModelRef

PACKAGES = ("unitwise", "tensorflow", "keras", "keras-tuner", "numpy")


def whole_best(study: Study, found: dict[str, Any], settings: Settings, task: Task, objective: Objective) -> Best:
    """Everything that best.json holds; `found` is what the delivering job told."""
    record, spec, metric = found["best"], task.spec, objective.metric
    mean = found["valid"].get(metric, found["valid"].get(objective.name, found["score"]))
    validation = Validation(metric=metric, mean=mean, std=None, n=int(found["fresh"]), search=record.score)
    return Best(
        architecture=_architecture(found, study.model),
        training=_training(found, study),
        data=_data(spec),
        scores=Scores(validation=validation, test=_test(found["test"], metric), baselines=spec.baselines, ceiling=spec.ceiling),
        answer=None,
        search=_search(study, settings, objective),
    )


def _architecture(found: dict[str, Any], model: ModelRef) -> Architecture:
    keys = ("parameters", "parameters_without_embedding", "latency_ms")
    layers = [LayerRow(kind=layer.pop("class"), **layer) for layer in found["layers"]]
    own = OwnModel(file=Path(model.file).name, name=model.name, sha256=model.sha256) if model.file else None
    config = found["best"].config
    figures = {key: found[key] for key in keys}
    return Architecture(keras=found["architecture"], hyperparameters=config, layers=layers, own=own, **figures)


def _training(found: dict[str, Any], study: Study) -> Training:
    rate, config = found["optimizer"]["config"].get("learning_rate"), found["best"].config
    return Training(
        optimizer=found["optimizer"],
        loss=found["loss"],
        learning_rate=rate if isinstance(rate, float) else None,
        batch_size=int(config["batch_size"]) if "batch_size" in config else None,
        epochs=found["epochs"],
        best_epoch=found["best_epoch"],
        max_epochs=study.max_epochs,
        patience=study.patience,
        seed=found["seed"],
        fresh=found["fresh"],
    )


def _data(spec: TaskSpec) -> Data:
    return Data(
        task=spec.name,
        source=spec.source,
        family=spec.family,
        fingerprint=spec.fingerprint,
        rows=spec.rows,
        input=spec.input,
        output=spec.output,
        preprocessing=spec.codec,
    )


def _search(study: Study, settings: Settings, objective: Objective) -> Search:
    records = list(study.ledger.records.values())
    return Search(
        strategy=settings.strategy,
        objective=f"{objective.name}:{objective.direction}",
        seed=settings.seed,
        seconds=round(study.clock.now(), 2),
        budget=vars(study.budget),
        trials=len(records),
        completed=sum(record.status == "completed" for record in records),
        failed=sum(record.status == "failed" for record in records),
        infeasible=sum(record.status == "infeasible" for record in records),
        epochs=study.ledger.epochs,
        front=_front(study, settings, objective),
        versions=versions(),
        journal_sha256=hashlib.sha256(study.journal.path.read_bytes()).hexdigest(),
    )


def _front(study: Study, settings: Settings, objective: Objective) -> list[Choice] | None:
    cost = settings.cost()
    if cost is None:
        return None
    return [
        Choice(trial=r.id, hyperparameters=r.config, score=r.score or 0.0, parameters=r.parameters, latency_ms=r.latency_ms)
        for r in front(study.ledger.records.values(), objective, cost)
    ]


def _test(found: dict[str, Any] | None, metric: str) -> Test | None:
    if found is None:
        return None
    value = found["metrics"].get(metric, found["metrics"].get("loss"))
    return Test(metric=metric, value=value, low=found.get("low"), high=found.get("high"), n=found["n"], metrics=found["metrics"])


def versions() -> dict[str, str]:
    """Of Python and the packages that decide what a trial gives."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found
