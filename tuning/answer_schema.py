"""The answer as best.json holds it: every claim with its interval, and the sentence that says it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .space import Config


class Part(BaseModel):
    """A section of best.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Raced(Part):
    """A configuration on fresh seeds. Costs are score lost against the chosen one (negative: gained), paired by seed."""

    units: int | None
    hyperparameters: Config
    best_of: list[str] = Field(description="what it was raced for: search, smallest within the margin, units=32, default, ...")
    chosen: bool
    apart: bool = Field(description="worse than the best beyond chance, or left the race")
    parameters: int
    parameters_without_embedding: int
    seeds: int
    mean: float | None
    low: float | None = Field(description="95 % interval of the mean over seeds")
    high: float | None
    cost: float | None
    cost_low: float | None
    cost_high: float | None
    seconds: float | None = Field(description="an epoch")
    latency_ms: float | None
    failed: str = ""


class Claim(Part):
    """One question and what the data say; `gain` in the objective's unit, positive where the change helps."""

    question: Literal["default", "layers", "bidirectional", "taper", "cell", "depth", "match", "naive"]
    text: str
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = Field(default=None, description="two-sided, after Holm's correction over all claims from fresh seeds")
    seeds: int = Field(default=0, description="fresh seeds it rests on; 0: on the search's trials, by regression")


class Importance(Part):
    """A parameter's share of what made trials differ (fANOVA): noise alone reaches `floor`."""

    name: str
    share: float
    low: float
    high: float
    floor: float
    mattered: bool


class Fit(Part):
    """Training against validation at one size: the mean of both losses at the best epoch of the search's trials."""

    units: int
    trials: int
    train_loss: float
    valid_loss: float


class Answer(Part):
    """How many units, with an error bar."""

    sentence: str
    units: int | None
    interval: tuple[int, int] | None = Field(description="smallest and largest units that cannot be told from the best")
    prefer: Literal["smallest", "one-se", "best"]
    metric: str
    seeds: int = Field(description="fresh seeds of the chosen configuration")
    margin: float = Field(description="half-width of a difference at which no more seeds are added")
    half_width: float | None = Field(description="the widest half-width reached; null with fewer than three seeds")
    settled: bool = Field(description="whether that is within the margin; if not, the budget ended first")
    optimism: float | None = Field(description="the best search score less that configuration's fresh mean; positive: too good")
    learned: bool | None = Field(description="better than every constant guess on test beyond chance; null where not tested")
    raced: list[Raced]
    claims: list[Claim]
    importance: list[Importance]
    fit: list[Fit]
