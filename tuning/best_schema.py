"""best.json: the best architecture and everything needed to rebuild, feed and judge it, as one published schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from .answer_schema import Answer, Part
from .codec import Codec
from .errors import BadFile
from .settings import one_line
from .space import Config
from .task import Input, Output

SCHEMA_VERSION = 1
SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


class Layer(Part):
    """One row of the layer table."""

    name: str
    kind: str = Field(description="Keras class")
    shape: list[int | None] | list[list[int | None]] | None = Field(description="output shape; null is any size")
    parameters: int


class OwnModel(Part):
    """A user's own HyperModel: its code is never in the file, only its name and hash."""

    file: str
    name: str
    sha256: str


class Architecture(Part):
    """The network."""

    keras: dict[str, Any] = Field(description="Keras's own configuration of the model; null values are defaults")
    hyperparameters: Config
    layers: list[Layer]
    parameters: int
    parameters_without_embedding: int
    latency_ms: float = Field(description="milliseconds for one prediction of one row, on the machine of the search")
    own: OwnModel | None = None


class Training(Part):
    """How it was trained."""

    optimizer: dict[str, Any]
    loss: str | None
    learning_rate: float | None
    batch_size: int | None
    epochs: int = Field(description="epochs trained")
    best_epoch: int = Field(description="epoch whose weights are delivered")
    epochs_per_pass: int = Field(default=1, description="an epoch is such a share of the training rows (Keras: steps_per_epoch)")
    max_epochs: int
    patience: int
    seed: int
    class_weight: str | None = Field(default=None, description="balanced: classes were weighed by their rarity")
    fresh: bool = Field(
        description="on a seed the search never used; false (unless refit) with --confirm 0, after Ctrl-C, in too short a budget"
    )
    refit: bool = Field(default=False, description="trained on train plus validation")


class Data(Part):
    """What it was trained on, and how raw input becomes arrays."""

    task: str
    recipe: str | None = Field(
        default=None, description="the file of a task of your own, as it was given; null for those that are shipped"
    )
    source: str
    family: str
    options: dict[str, Any] = Field(default={}, description="what the data were asked for with, but for defaults: rows, bits, ...")
    fingerprint: str
    rows: dict[str, int]
    input: Input
    output: Output
    preprocessing: Codec


class Validation(Part):
    """The objective on the validation split over fresh seeds."""

    metric: str
    mean: float
    std: float | None = Field(description="between seeds; null with one")
    n: int = Field(description="fresh seeds; 0: the search's own score")
    folds: int | None = Field(default=None, description="each seed trained and validated on the next of so many folds")
    search: float | None = Field(description="the score of the same configuration in the search")


class Test(Part):
    """The objective on the test split, read once."""

    metric: str
    value: float
    low: float | None = Field(description="95 % interval over rows and seeds")
    high: float | None
    rows_low: float | None = Field(default=None, description="95 % interval over rows alone")
    rows_high: float | None = None
    n: int = Field(description="rows")
    seeds: int = Field(default=1, description="networks of the same configuration that `value` and `metrics` are the means of")
    delivered: float | None = Field(default=None, description="of the network in best.keras alone")
    metrics: dict[str, float]


class Scores(Part):
    """What it scores, and what costs nothing."""

    validation: Validation
    test: Test | None = Field(description="null where the search was interrupted before its final answer")
    baselines: dict[str, dict[str, dict[str, float]]] = Field(description="name, split, metric")
    ceiling: float | None = Field(description="best possible score, where known")


class Choice(Part):
    """One point of the Pareto front."""

    trial: int
    hyperparameters: Config
    score: float
    parameters: int
    latency_ms: float | None


class Search(Part):
    """How it was found."""

    strategy: str
    objective: str
    seed: int
    seconds: float
    budget: dict[str, float | int | None]
    trials: int
    completed: int
    failed: int
    infeasible: int = Field(default=0, description="not trained, as above --max-params or --max-latency-ms")
    epochs: int
    confirm: float = Field(default=0.0, description="share of the budget for fresh seeds")
    front: list[Choice] | None = Field(
        default=None, description="two objectives: the trials that none beats in both, cheapest first"
    )
    versions: dict[str, str]
    journal_sha256: str = Field(description="of trials.jsonl up to its `tested` event")


class Best(Part):
    """The whole file."""

    schema_version: int = Field(default=SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION)
    architecture: Architecture
    training: Training
    data: Data
    scores: Scores
    answer: Answer | None = Field(default=None, description="units with an interval; null where nothing ran on a fresh seed")
    search: Search


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of best.json."""
    return {"$schema": SCHEMA_ID, "title": "unitwise best model", **Best.model_json_schema()}


def read_best(path: Path | str) -> Best:
    """A best.json that fits its schema; BadFile says what does not."""
    path = Path(path)
    path = path / "best.json" if path.is_dir() else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadFile(f"{path} cannot be read; a best.json is needed, or the folder of a search") from None
    try:
        return Best.model_validate_json(text)
    except ValidationError as wrong:
        raise BadFile(f"{path} is no whole best.json ({one_line(wrong)[:160]}): it was truncated or edited") from None
