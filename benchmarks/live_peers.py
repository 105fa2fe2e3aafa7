"""KerasTuner and Optuna on a task of this package, as their documentation shows; started by live.py in a process each.

    python benchmarks/live_peers.py SYSTEM TASK OPTIONS_JSON SEED FOLDER

Appends a JSON line at every epoch's end to FOLDER/epochs-PID.jsonl: when (seconds since 1970, the time of scoring on test taken
out), score, and for a new best of this process its test score and parameters. Runs until it is killed.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import optuna
from optuna.storages.journal import JournalFileBackend

from tuning import DataOptions, load_task
from tuning.hypermodels import family_model
from tuning.metrics import metrics_of
from tuning.objective import Objective
from tuning.task import Task
from tuning.training.batches import forward_of, plain, scored_rows
from tuning.training.train import sizes

MAX_EPOCHS, PATIENCE, MANY = 12, 3, 100_000


class Told(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Scores validation at each epoch's end with the metric that both sides are judged by, and writes it down."""

    best: float | None = None
    paused = 0.0  # seconds spent on scoring test

    def __init__(self, task: Task, folder: Path, report: Any = None) -> None:
        super().__init__()
        self.task, self.folder, self.report = task, folder, report
        self.objective = Objective.parse(task.spec.objective)
        self.forward: Any = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "Told":
        """KerasTuner copies callbacks; the copy has a network of its own."""
        return Told(self.task, self.folder, self.report)

    def on_train_begin(self, logs: Any = None) -> None:
        """The first of these is where the clock starts."""
        self._write({"begun": True})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Score, put it where the tuner looks for it, write."""
        self.forward = self.forward or forward_of(self.model)
        score = self._score("valid")
        logs[self.objective.name] = score
        body: dict[str, Any] = {"score": score}
        if Told.best is None or self.objective.better(score, Told.best):
            Told.best, start = score, time.monotonic()
            body |= {"test": self._score("test"), **sizes(self.model)}
            Told.paused += time.monotonic() - start
        self._write(body)
        if self.report is not None:
            self.report(epoch, score)

    def _score(self, part: str) -> float:
        rows = scored_rows(self.forward, self.task.spec, self.task.splits[part])
        return float(metrics_of(self.task.spec.output, rows)[self.objective.metric])

    def _write(self, body: dict[str, Any]) -> None:
        with (self.folder / f"epochs-{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": time.time() - Told.paused, **body}) + "\n")


class Family(keras_tuner.HyperModel):  # type: ignore[misc]  # KerasTuner ships no types
    """The same networks and space, trained by keras.Model.fit."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.family = family_model(task.spec, task.limits)

    def build(self, hp: Any) -> Any:
        """A compiled plain Keras model."""
        return self.family.build(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **settings: Any) -> Any:
        """With the configuration's batch size."""
        return model.fit(*args, batch_size=int(hp.get("batch_size")), **settings)


def with_kerastuner(kind: str, task: Task, seed: int, folder: Path) -> None:
    """Hyperband or BayesianOptimization."""
    objective = Objective.parse(task.spec.objective)
    named = keras_tuner.Objective(objective.name, objective.direction)
    shared = {"objective": named, "seed": seed + 1, "directory": str(folder), "project_name": "kt"}  # seed 0 is none there
    if kind == "hyperband":
        tuner = keras_tuner.Hyperband(Family(task), max_epochs=MAX_EPOCHS, hyperband_iterations=MANY, **shared)
    else:
        tuner = keras_tuner.BayesianOptimization(Family(task), max_trials=MANY, **shared)
    x, y = plain(task.spec, task.splits["train"])
    stop = keras.callbacks.EarlyStopping(objective.name, mode=objective.direction, patience=PATIENCE)
    tuner.search(x, y, epochs=MAX_EPOCHS, callbacks=[Told(task, folder), stop], verbose=0)


def with_optuna(task: Task, seed: int, folder: Path) -> None:
    """TPE with the median pruner; both processes share the journal file."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    objective = Objective.parse(task.spec.objective)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "study.log")))
    study = optuna.create_study(
        storage=storage,
        study_name="live",
        load_if_exists=True,
        direction="maximize" if objective.direction == "max" else "minimize",
        sampler=optuna.samplers.TPESampler(seed=seed * 2 + int(os.environ.get("LIVE_PROCESS", "0"))),
        pruner=optuna.pruners.MedianPruner(),
    )
    family = Family(task)
    declared = keras_tuner.HyperParameters()
    family.family.declare(declared)
    x, y = plain(task.spec, task.splits["train"])

    def run(trial: Any) -> float:
        hp = keras_tuner.HyperParameters()
        for one in declared.space:
            if type(one).__name__ == "Fixed":
                hp.values[one.name] = one.value
            elif type(one).__name__ == "Float":
                hp.values[one.name] = trial.suggest_float(one.name, one.min_value, one.max_value, log=one.sampling == "log")
            else:
                values = [False, True] if type(one).__name__ == "Boolean" else list(one.values)
                hp.values[one.name] = trial.suggest_categorical(one.name, values)
        seen: list[float] = []

        def report(epoch: int, score: float) -> None:
            seen.append(score)
            trial.report(score, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        stop = keras.callbacks.EarlyStopping(objective.name, mode=objective.direction, patience=PATIENCE)
        keras.backend.clear_session()
        family.fit(hp, family.build(hp), x, y, epochs=MAX_EPOCHS, callbacks=[Told(task, folder, report), stop], verbose=0)
        return max(seen) if objective.direction == "max" else min(seen)

    study.optimize(run, n_trials=MANY)


def main() -> None:
    """Search until killed."""
    system, name, options, seed, folder = sys.argv[1:]
    task = load_task(name, DataOptions.model_validate_json(options))
    if system == "optuna":
        with_optuna(task, int(seed), Path(folder))
    else:
        with_kerastuner(system, task, int(seed), Path(folder))


if __name__ == "__main__":
    main()
