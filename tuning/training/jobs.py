"""What a child process can be asked to do: describe a space, train a trial, deliver a model. Plain data both ways."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..constraints import Constraints
from ..errors import BadValue
from ..folds import Fold
from ..ranges import Limits
from ..space import Config

KEPT = 6  # structures whose traced training step a child keeps
Report: TypeAlias = Callable[[dict[str, Any]], str]  # an epoch's message to the study; its Decision comes back


@dataclass(frozen=True)
class ModelRef:
    """Which HyperModel: the task's family (`file` empty) or a class in the user's own file."""

    file: str = ""
    name: str = ""
    limits: Limits = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None, limits: Limits) -> ModelRef:
        """FILE.py:CLASS, or the family's own where nothing is given."""
        if text is None:
            return cls(limits=limits)
        file, _, name = text.rpartition(":")
        if not file.endswith(".py") or not name.isidentifier():
            raise BadValue(f"--hypermodel takes FILE.py:CLASS, not {text!r}")
        if not Path(file).is_file():
            raise BadValue(f"--hypermodel needs a file; there is no {file}")
        return cls(str(Path(file).resolve()), name, limits)

    @property
    def sha256(self) -> str:
        """The user's file as a hash ('' for our own families)."""
        return hashlib.sha256(Path(self.file).read_bytes()).hexdigest() if self.file else ""


@dataclass(frozen=True)
class Job:
    """One piece of work for one child."""

    id: int
    kind: Literal["describe", "train", "deliver"]
    data: str  # the folder with the task's arrays
    model: ModelRef
    objective: str = ""
    trial: int = 0
    config: Config = field(default_factory=dict)
    seed: int = 0
    epochs: int = 0
    patience: int = 0
    checkpoint: str = ""  # where the trial's state is kept
    restore: str = ""  # the state to go on from
    final: bool = False  # nothing goes on from here: the best epoch's weights alone are kept
    rows: str = ""  # where each validation row's losses and hits are written
    deliver: str = ""  # where best.keras goes
    others: tuple[str, ...] = ()  # deliver: states of the same configuration on other seeds, tested too
    fold: Fold | None = None  # which rows of train and validation to train and validate on; None: as they are split
    refit: bool = False  # deliver: train on train plus validation, to the last epoch
    class_weight: bool = False
    deterministic: bool = False
    test: bool = True  # deliver: whether the test split is read
    deadline: float | None = None  # seconds from its start until which an epoch may begin
    constraints: Constraints = field(default_factory=Constraints)
    silence: float = 600.0  # seconds without a message after which the child counts as hung

    @property
    def structure(self) -> str:
        """What its training step is traced from: all but the rates, the batch size and the seed. '' for a user's own model."""
        if self.model.file:
            return ""
        config = {name: value for name, value in self.config.items() if name not in ("learning_rate", "batch_size")}
        config["dropout"] = bool(config.get("dropout"))
        return json.dumps([self.data, config], sort_keys=True)


def import_file(path: str) -> Any:
    """The module in a file."""
    spec = importlib.util.spec_from_file_location(f"unitwise_user_{Path(path).stem}", path)
    if spec is None or spec.loader is None:
        raise BadValue(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def perform(job: Job, report: Report) -> dict[str, Any]:
    """Do one job in this process; TensorFlow is loaded here and not before."""
    from . import deliver, describe, train

    doers: dict[str, Callable[[Job, Report], dict[str, Any]]] = {
        "describe": describe.describe,
        "train": train.train,
        "deliver": deliver.deliver,
    }
    return doers[job.kind](job, report)
