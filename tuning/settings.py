"""Everything a search is told, as one frozen model: validation, `--help` and settings.json all come from here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .budget import Budget, parse_seconds
from .errors import BadValue
from .objective import Cost, objectives
from .race import MOST, Prefer
from .ranges import Limits, parse_assignment, parse_range, parse_value
from .space import Config
from .task import DataOptions, TaskSpec

DEFAULT_BUDGET = 300.0
MAX_PASSES, PATIENCE = 12, 3  # over the training rows


class Settings(BaseModel):
    """What a search is asked to do; `data` says on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    task: str = Field(default="sentiment", description="a recipe's name, or the path of your own (see --list tasks)")
    data: DataOptions = DataOptions()
    strategy: str = Field(default="auto", description="what to try next (see --list strategies)")
    budget: float | None = Field(default=None, description="wall time: 90s, 10m, 2h (default 5m, unless --trials or --epochs)")
    trials: int | None = Field(default=None, ge=1, description="most configurations")
    epochs: int | None = Field(default=None, ge=1, description="most epochs over all trials")
    max_epochs: int | None = Field(
        default=None, ge=1, description="most epochs of one trial (default: 12 passes over the training rows)"
    )
    patience: int | None = Field(default=None, ge=1, description="epochs without gain before a trial stops (default: 3 passes)")
    first: tuple[str, ...] = Field(default=(), description="run this configuration first: units=64,layers=2 (repeatable)")
    space: dict[str, str] = Field(default={}, description="narrow or open a parameter: NAME=LOW:HIGH or NAME=A,B")
    hypermodel: str | None = Field(default=None, description="your own keras_tuner.HyperModel: FILE.py:CLASS")
    objective: str | None = Field(
        default=None,
        description="validation metric (see --list objectives); NAME:max for your own; NAME,parameters (or latency_ms): both",
    )
    max_params: int | None = Field(default=None, ge=1, description="most parameters of a network; larger ones are not trained")
    max_latency_ms: float | None = Field(default=None, gt=0, description="most milliseconds a prediction of one row may take")
    confirm: float = Field(
        default=0.4,
        ge=0,
        le=0.8,
        description="share of the budget for fresh seeds, on which the answer rests; 0: none, and no answer",
    )
    prefer: Prefer = Field(
        default="smallest", description="what is delivered: smallest (close to the best and not told from it), one-se, best"
    )
    refit: bool = Field(default=False, description="train the answer once more, on train plus validation")
    folds: int | None = Field(
        default=None,
        ge=2,
        le=MOST,
        description="cross-validate the runs on fresh seeds: each on the next of so many folds of train and validation"
        " (in time order a walk forward); the answer is then refitted",
    )
    class_weight: Literal["balanced"] | None = Field(default=None, description="balanced: weigh classes by their rarity")
    workers: int | None = Field(
        default=None, ge=0, description="trials at a time (default: what this machine can use); 0: in this process"
    )
    cluster: str | None = Field(
        default=None, description="a Dask scheduler, tcp://HOST:PORT: trials run on its workers, which see the study's folder"
    )
    seed: int = Field(default=0, ge=0, description="seed of the search")
    record: bool = Field(default=False, description="train every configuration to its full epochs, to be replayed by compare")
    deterministic: bool = Field(default=False, description="same trials and scores for any number of workers; one thread each")

    @field_validator("budget", mode="before")
    @classmethod
    def _seconds(cls, value: Any) -> Any:
        if isinstance(value, str):
            return parse_seconds(value)
        if isinstance(value, (int, float)) and not value > 0:
            return parse_seconds(str(value))
        return value

    @model_validator(mode="after")
    def _together(self) -> Settings:
        if self.cluster and self.workers == 0:
            raise ValueError("--workers 0 is this process; with --cluster it is a number of trials at a time, from 1")
        if self.hypermodel and self.data.embeddings:
            raise ValueError("--embeddings goes into the networks here; a HyperModel of your own loads vectors itself")
        if self.folds and (self.record or not self.confirm):
            raise ValueError("--folds is of the runs on fresh seeds, and there are none with --record or --confirm 0")
        return self

    def limits(self) -> Limits:
        """The parameters' domains as the user wrote them; a HyperModel of the user's own has domains of its own."""
        return {} if self.hypermodel else {name: parse_range(name, text) for name, text in self.space.items()}

    def first_configs(self) -> list[Config]:
        """The configurations of `--try`."""
        configs = []
        for text in self.first:
            pairs = [parse_assignment(part) for part in text.split(",")]
            configs.append({name: parse_value("" if self.hypermodel else name, value) for name, value in pairs})
        return configs

    def cost(self) -> Cost | None:
        """The second objective."""
        return objectives(self.objective)[1] if self.objective else None

    def per_pass(self, spec: TaskSpec) -> int:
        """Epochs of a pass over the training rows; a HyperModel of the user's own trains whole passes."""
        return 1 if self.hypermodel else spec.epochs_per_pass

    def lengths(self, spec: TaskSpec) -> tuple[int, int]:
        """Most epochs of a trial, and epochs without gain before it stops."""
        return self.max_epochs or MAX_PASSES * self.per_pass(spec), self.patience or PATIENCE * self.per_pass(spec)

    def notes(self, spec: TaskSpec) -> tuple[str, ...]:
        """What the user should know of the data, and of what an epoch is."""
        shares = self.per_pass(spec)
        return (*spec.notes, f"an epoch is 1/{shares} of a pass over the training rows") if shares > 1 else spec.notes

    def limit(self) -> Budget:
        """The budget; five minutes where nothing else ends the search."""
        bounded = self.trials is not None or self.epochs is not None
        seconds = self.budget if self.budget is not None or bounded else DEFAULT_BUDGET
        return Budget(seconds, self.trials, self.epochs)


def settings_of(values: dict[str, Any]) -> Settings:
    """Settings from plain values; what does not fit is a BadValue of one line."""
    try:
        return Settings.model_validate(values)
    except ValidationError as wrong:
        raise BadValue(one_line(wrong)) from None


def one_line(wrong: ValidationError) -> str:
    """The first thing pydantic found wrong, as one line."""
    first = wrong.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "settings"
    cause = first.get("ctx", {}).get("error")
    told = str(cause) if cause else f"{first['msg']}, not {first['input']!r}"
    return told if cause else f"{where}: {told}"
