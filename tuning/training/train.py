"""One trial: build, go on from where it was, train epoch by epoch, report each, keep the best epoch's weights."""

from __future__ import annotations

import io
import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..errors import BadValue, Diverged
from ..folds import folded
from ..hypermodels import SequenceHyperModel
from ..hypermodels.fast import fastest_kit
from ..journal import write_bytes_whole
from ..keras_types import Hyper, HyperParameters, Model
from ..objective import Objective
from ..task import Split, TaskSpec
from ..trial import Decision, next_epoch
from . import checkpoint
from .batches import forward_of, plain, scored_rows
from .checkpoint import State
from .describe import hyper_of, hyperparameters
from .jobs import Job, Report
from .latency import latency_ms
from .program import Program, Programs
from .store import open_spec, open_split

PROGRAMS = Programs()
SAVE_EVERY = 5.0  # seconds: a crash costs a trial no more than this and the epoch under way


def train(job: Job, report: Report) -> dict[str, Any]:
    """Train up to `job.epochs` in all; its score, best epoch, size and history's length."""
    run = Run(job, report)
    run.go()
    return run.result()


class Ended(Exception):
    """A loop of the user's own went on after `model.stop_training`: what it trained since is undone."""


class Run:
    """A trial under training in this process."""

    def __init__(self, job: Job, report: Report) -> None:
        self.job, self.report = job, report
        self.started = time.monotonic()
        self.objective = Objective.parse(job.objective)
        keras.backend.clear_session(free_memory=False)
        keras.utils.set_random_seed(job.seed)
        self.task: TaskSpec = open_spec(Path(job.data))
        self.hyper: Hyper = hyper_of(job.model, Path(job.data))
        self.hp = hyperparameters(job.config)
        self.program: Program | None = None
        if isinstance(self.hyper, SequenceHyperModel) and not job.model.file:
            self.hyper.kit = fastest_kit()
            self.program = PROGRAMS.program(job.structure, self.hyper.build(self.hp), self.task)
        self.model: Model = self.program.model if self.program else built(self.hyper, self.hp, job)
        self.parameters = sizes(self.model)
        self.latency: dict[str, float] = {}
        if not job.restore:  # what goes on was checked when it began
            self._check()
        self.state = checkpoint.load(Path(job.restore) if job.restore else None, self.model) or State([], [])
        self.saved = time.monotonic()
        self.cut = False  # whether the deadline ended it
        self.ended = False  # whether no further epoch counts
        self.kept: list[np.ndarray] = []  # a network of the user's own as it was then

    def _check(self) -> None:
        """Raises Infeasible where the network is above a limit; latency is that of the plain network, as it is exported."""
        limits = self.job.constraints
        limits.check(self.parameters["parameters"], None)
        if limits.need_latency:
            ours = self.program is not None
            network = hyper_of(self.job.model, Path(self.job.data)).build(self.hp) if ours else self.model
            self.latency["latency_ms"] = latency_ms(forward_of(network), self.task, Path(self.job.data), ours)
            limits.check(0, self.latency["latency_ms"])

    def go(self) -> None:
        """Train what is left, unless patience has already run out."""
        if len(self.state.history) >= self.job.epochs or self.out_of_patience():
            return
        train_split, valid = self._splits()
        begun = time.monotonic()
        settings: dict[str, Any] = {
            "epochs": self.job.epochs,
            "initial_epoch": len(self.state.history),
            "callbacks": [EpochEnd(self)],
            "verbose": 0,
        }
        if self.job.class_weight:
            settings["class_weight"] = class_weights(train_split.y)
        if self.program is not None:
            settings |= {"validation_data": (valid.x, valid.y), "seed": self.job.seed, "epochs_per_pass": self.task.epochs_per_pass}
            batch_size = int(self.hp.get("batch_size"))
            returned = self.program.fit(train_split.x, train_split.y, batch_size=batch_size, **settings)
        else:
            x, y = plain(self.task, train_split)
            try:
                returned = self.hyper.fit(self.hp, self.model, x, y, validation_data=plain(self.task, valid), **settings)
            except Ended:
                checkpoint.put(self.model, self.kept)
                returned = None
        self._take(returned, time.monotonic() - begun)
        if self.job.refit:
            self.state.best, self.state.best_epoch = self.model.get_weights(), len(self.state.history)
        if self.job.rows and self.program is not None:
            self._keep_rows(self.program, valid)
        if self.job.checkpoint:
            checkpoint.save(Path(self.job.checkpoint), self.model, self.state, self.job.final)

    def _splits(self) -> tuple[Split, Split]:
        """What to train and to validate on."""
        train_split, valid = (open_split(Path(self.job.data), part) for part in ("train", "valid"))
        if self.job.fold is not None:
            return folded(self.task, train_split, valid, self.job.fold)
        return (train_split.followed_by(valid) if self.job.refit else train_split), valid

    def _keep_rows(self, program: Program, valid: Split) -> None:
        """Each validation row's sums under the best epoch's weights."""
        self.model.set_weights(self.state.best)
        rows = scored_rows(program.forward, self.task, valid)
        path, whole = Path(self.job.rows), io.BytesIO()
        path.parent.mkdir(parents=True, exist_ok=True)
        slim = {name: column.astype(np.float32) for name, column in rows.items() if column.ndim == 1}
        np.savez_compressed(whole, **slim)  # type: ignore[arg-type]  # numpy types the keywords as its own option
        write_bytes_whole(path, whole.getvalue())

    def _take(self, returned: Any, seconds: float) -> None:
        """A user's own fit may return its metrics instead of calling back."""
        if self.state.history:
            return
        if isinstance(returned, dict):
            self.epoch_end({name: float(value) for name, value in returned.items()}, seconds)
        elif isinstance(returned, (int, float, np.floating)):
            self.epoch_end({self.objective.name: float(returned)}, seconds)
        else:
            raise BadValue("fit must call its callbacks, or return a dictionary of metrics or one number")

    def epoch_end(self, logs: dict[str, float], seconds: float) -> None:
        """Keep what the epoch gave, report it, and do what the study decides; raises Ended where it has decided."""
        if self.ended:
            raise Ended
        metrics = {name: float(value) for name, value in logs.items()}
        score = self._score(metrics)
        history = self.state.history
        history.append({"epoch": len(history) + 1, "metrics": metrics, "seconds": round(seconds, 4)})
        if self.state.best_score is None or self.objective.better(score, self.state.best_score):
            self.state.best, self.state.best_epoch, self.state.best_score = self.model.get_weights(), len(history), score
        cold = self.program is None or self.program.cold
        decision = Decision(self.report({**history[-1], "score": score, "cold": cold, **self.parameters, **self.latency}))
        if (
            self.job.checkpoint and not self.job.final and time.monotonic() - self.saved > SAVE_EVERY
        ):  # after the journal has the epoch
            checkpoint.save(Path(self.job.checkpoint), self.model, self.state)
            self.saved = time.monotonic()
        self.cut = len(history) < self.job.epochs and self._late()
        self.ended = decision is not Decision.CONTINUE or self.out_of_patience() or self.cut or len(history) >= self.job.epochs
        if self.ended:
            self.model.stop_training = True
            self.kept = [] if self.program else checkpoint.taken(self.model)

    def _score(self, metrics: dict[str, float]) -> float:
        loss = metrics.get("loss", 0.0)
        if not math.isfinite(loss):
            raise Diverged(f"the training loss became {loss} in epoch {len(self.state.history) + 1}")
        if self.objective.name not in metrics:
            raise BadValue(f"objective {self.objective.name} is not among the metrics: {', '.join(sorted(metrics))}")
        score = metrics[self.objective.name]
        if not math.isfinite(score):
            raise Diverged(f"{self.objective.name} became {score} in epoch {len(self.state.history) + 1}")
        return score

    def _late(self) -> bool:
        """Whether the next epoch would end after the deadline."""
        seconds = next_epoch([float(epoch["seconds"]) for epoch in self.state.history])
        end = math.inf if self.job.deadline is None else self.job.deadline
        return time.monotonic() - self.started + 1.1 * seconds > end

    def out_of_patience(self) -> bool:
        """Whether as many epochs as patience allows have passed without gain."""
        return (
            not self.job.refit and bool(self.state.history) and len(self.state.history) - self.state.best_epoch >= self.job.patience
        )

    def result(self) -> dict[str, Any]:
        """What the journal keeps of the trial."""
        return {
            "score": self.state.best_score,
            "best_epoch": self.state.best_epoch,
            "epochs": len(self.state.history),
            "cut": self.cut,
            "stopped_early": len(self.state.history) < self.job.epochs,
            "seconds": round(sum(float(epoch["seconds"]) for epoch in self.state.history), 4),
            "overhead": round(time.monotonic() - self.started, 4),
            **self.parameters,
            **self.latency,
        }


def built(hyper: Hyper, hp: HyperParameters, job: Job) -> Model:
    """The HyperModel's network, with its weights."""
    model = hyper.build(hp)
    if not model.built:  # a Sequential without an Input: KerasTuner's users write such
        inputs, _ = plain(open_spec(Path(job.data)), open_split(Path(job.data), "valid"))
        symbols = [keras.Input(one.shape[1:], dtype=one.dtype) for one in (inputs if isinstance(inputs, list) else [inputs])]
        model(symbols if isinstance(inputs, list) else symbols[0])
    return model


class EpochEnd(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Tells the run of each epoch and how long it took."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run, self.began = run, time.monotonic()

    def __deepcopy__(self, memo: dict[int, Any]) -> EpochEnd:
        """Itself: KerasTuner's own loop copies callbacks, and a user's fit may do so too."""
        return self

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report."""
        self.run.epoch_end(dict(logs or {}), time.monotonic() - self.began)
        self.began = time.monotonic()


def sizes(model: Model) -> dict[str, int]:
    """All parameters, and those outside embeddings (which do not grow with units)."""
    total = int(model.count_params())
    embedded = sum(int(layer.count_params()) for layer in model.layers if isinstance(layer, keras.layers.Embedding))
    return {"parameters": total, "parameters_without_embedding": total - embedded}


def class_weights(y: np.ndarray) -> dict[int, float]:
    """Weights inverse to each class's share, 1 on average (as scikit-learn's "balanced")."""
    counts = np.bincount(np.asarray(y).ravel())
    return {label: len(y) / (int((counts > 0).sum()) * int(count)) for label, count in enumerate(counts) if count}
