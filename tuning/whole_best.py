"""The whole best.json of a study: what a child told of the final network, put together with the study's own figures."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from .answer import answered
from .answer_schema import Answer
from .best_schema import Architecture, Best, Choice, Data, OwnModel, Scores, Search, Test, Training, Validation
from .best_schema import Layer as LayerRow
from .delivery import Delivered
from .evidence import Evidence
from .objective import Objective
from .settings import Settings
from .study import Study
from .task import Task, TaskSpec
from .trade import front
from .training.jobs import ModelRef
from .versions import versions


def whole_best(study: Study, found: Delivered, settings: Settings, task: Task, objective: Objective) -> Best:
    """Everything that best.json holds."""
    spec, metric = task.spec, objective.metric
    return Best(
        architecture=_architecture(found, study.model),
        training=_training(found, study, settings),
        data=_data(spec, settings),
        scores=Scores(
            validation=_validation(found, objective, settings.folds),
            test=_test(found.body["test"], metric),
            baselines=spec.baselines,
            ceiling=spec.ceiling,
        ),
        answer=_answer(study, found, settings, task, objective),
        search=_search(study, settings, objective),
    )


def _answer(study: Study, found: Delivered, settings: Settings, task: Task, objective: Objective) -> Answer | None:
    """What fresh seeds say; None where nothing ran on one."""
    if found.chosen is None:
        return None
    records, confirmed = list(study.ledger.records.values()), study.ledger.confirmed
    evidence = Evidence(
        objective=objective,
        candidates=found.candidates,
        chosen=found.chosen,
        prefer=settings.prefer,
        records=records,
        confirmed=confirmed,
        baselines=task.spec.baselines,
        test=found.body["test"],
        seconds=study.budget.thinking,
        folds=settings.folds or 0,
    )
    return answered(evidence)


def _validation(found: Delivered, objective: Objective, folds: int | None) -> Validation:
    """Over the fresh seeds; of the search's own weights where there are none, or of the trial where it was refitted."""
    sign = -1.0 if objective.direction == "max" else 1.0
    losses = list(found.chosen.losses.values()) if found.chosen else []
    valid = found.body["valid"]
    own = valid.get(objective.metric, valid.get(objective.name, found.body["score"]))
    if found.refit and found.search is not None:
        own = found.search  # what was trained on these rows too says nothing of them
    mean = sign * float(np.mean(losses)) if losses else own
    std = float(np.std(losses, ddof=1)) if len(losses) > 1 else None
    return Validation(
        metric=objective.metric, mean=mean, std=std, n=len(losses), folds=folds if losses else None, search=found.search
    )


def _architecture(found: Delivered, model: ModelRef) -> Architecture:
    keys = ("parameters", "parameters_without_embedding", "latency_ms")
    layers = [LayerRow(kind=layer.pop("class"), **layer) for layer in found.body["layers"]]
    own = OwnModel(file=Path(model.file).name, name=model.name, sha256=model.sha256) if model.file else None
    figures = {key: found.body[key] for key in keys}
    return Architecture(keras=found.body["architecture"], hyperparameters=found.config, layers=layers, own=own, **figures)


def _training(found: Delivered, study: Study, settings: Settings) -> Training:
    body, config = found.body, found.config
    rate = body["optimizer"]["config"].get("learning_rate")
    return Training(
        optimizer=body["optimizer"],
        loss=body["loss"],
        learning_rate=rate if isinstance(rate, float) else None,
        batch_size=int(config["batch_size"]) if "batch_size" in config else None,
        epochs=body["epochs"],
        best_epoch=body["best_epoch"],
        epochs_per_pass=study.timing.epochs_per_pass,
        max_epochs=study.max_epochs,
        patience=study.patience,
        seed=found.seed,
        class_weight=settings.class_weight,
        fresh=found.fresh,
        refit=found.refit,
    )


def _data(spec: TaskSpec, settings: Settings) -> Data:
    return Data(
        task=spec.name,
        recipe=settings.task if settings.task.endswith(".py") else None,
        source=spec.source,
        family=spec.family,
        options=settings.data.model_dump(mode="json", exclude_defaults=True),
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
        confirm=0.0 if settings.record else settings.confirm,
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
    known = {name: value for name, value in found["metrics"].items() if math.isfinite(value)}
    metric = metric if metric in known else "loss"  # a user's own fit may return what its model does not evaluate
    if metric not in known:
        return None
    value = known[metric]
    figures = {name: found.get(name) for name in ("low", "high", "rows_low", "rows_high", "delivered")}
    return Test(metric=metric, value=value, n=found["n"], seeds=found.get("seeds", 1), metrics=known, **figures)
