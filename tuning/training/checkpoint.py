"""A trial's full state in one file: weights, optimizer, random state, its history, and the best epoch's weights.

Plain arrays in an `.npz` with a JSON header, written beside and renamed, so that a file is whole or not there.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..keras_types import Model, Variable

Array = np.ndarray


@dataclass
class State:
    """What a trial has done so far: the logs of each epoch, and its best epoch's weights."""

    history: list[dict[str, Any]]
    best: list[Array]
    best_epoch: int = 0
    best_score: float | None = None


def save(path: Path, model: Model, state: State, final: bool = False) -> None:
    """Write everything needed to go on as if never stopped; with `final` the best epoch's weights alone."""
    arrays = {} if final else {f"model{index:04d}": array for index, array in enumerate(taken(model))}
    arrays |= {f"best{index:04d}": weight for index, weight in enumerate(state.best)}
    header = {"history": state.history, "best_epoch": state.best_epoch, "best_score": state.best_score}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy types the keywords as its own option
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path | None, model: Model | None = None) -> State | None:
    """The state in a checkpoint, put into `model` where one is given; None where there is no usable file."""
    if path is None or not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        return None  # damaged on disk: the trial starts over, which costs time and loses nothing
    header = json.loads(arrays.pop("header").tobytes())
    best = [arrays[name] for name in sorted(arrays) if name.startswith("best")]
    if model is not None:
        saved = [arrays[name] for name in sorted(arrays) if name.startswith("model")]
        variables = _variables(model)
        if [tuple(v.shape) for v in variables] != [array.shape for array in saved]:
            return None
        put(model, saved)
    return State(header["history"], best, header["best_epoch"], header["best_score"])


def taken(model: Model) -> list[Array]:
    """What training has made of a model: weights, random states, the optimizer's slots."""
    return [variable.numpy() for variable in _variables(model)]


def put(model: Model, arrays: list[Array]) -> None:
    """The same back into the model."""
    for variable, value in zip(_variables(model), arrays, strict=True):
        variable.assign(value)


def _variables(model: Model) -> list[Variable]:
    """Weights, random states of dropout, and the optimizer's slots (built first: KerasTuner forgets to)."""
    model.optimizer.build(model.trainable_variables)
    own = [variable for variable in model.variables if "/metric" not in variable.path]
    return [*own, *model.optimizer.variables]
