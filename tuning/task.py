"""A Task: arrays in three splits, what goes in and out, the objective, and what a naive baseline scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from .codec import Codec
from .errors import DataError
from .ranges import Limits

Array = np.ndarray
EPOCH_STEPS = 250_000  # of training rows, about which an epoch is: of 64 units on one core, some 2 s (docs/decisions/0022)
SCORED_STEPS = 2.0  # times as many as scoring the validation rows takes, that an epoch trains on at least
Family = Literal["classifier", "tagger", "forecaster", "language", "seq2seq"]


class DataOptions(BaseModel):
    """What the user says about the data; every field is one command-line option."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str | None = Field(default=None, description="what the recipe offers; synthetic needs no network")
    data: str | None = Field(default=None, description="your own file or folder")
    valid: str | None = Field(default=None, description="what to validate on, beside --data (default: a part of it)")
    test: str | None = Field(default=None, description="what to test on, beside --data (default: a part of it)")
    text: str | None = Field(default=None, description="column that holds the text")
    label: str | None = Field(default=None, description="column that holds the label")
    target: str | None = Field(default=None, description="column to forecast")
    time: str | None = Field(default=None, description="column that holds the time")
    columns: str | None = Field(default=None, description="columns by number, for files without a header: 0,1 (CoNLL-U needs none)")
    separator: str | None = Field(default=None, description="what separates columns (default: found by itself)")
    horizon: int = Field(default=1, ge=1, description="steps to forecast")
    window: int | None = Field(
        default=None, ge=2, description="steps that go in (default: forecast up to 48, finance 16, next_word 32)"
    )
    level: Literal["words", "characters"] | None = Field(
        default=None, description="unit of text: words, characters (default: the recipe's)"
    )
    goal: Literal["direction", "returns"] = Field(default="direction", description="finance: what to predict, direction or returns")
    bits: int = Field(default=4, ge=1, le=64, description="memory: independent bits to be remembered")
    max_length: int | None = Field(
        default=None,
        ge=1,
        description="longest sequence; the rest is cut (default: nearly all of train fit, up to 400 tokens of a text)",
    )
    embeddings: str | None = Field(
        default=None, description="pretrained word vectors in text format: GloVe's, word2vec's, fastText's (.gz too)"
    )
    vocabulary: int | None = Field(default=None, ge=10, description="most words kept (default: 10000; next_word: 4000)")
    rows: int | None = Field(
        default=None, ge=30, description="rows of a synthetic source (next_word: windows), or the first N of a table"
    )
    split_seed: int = Field(default=0, ge=0, description="seed of the random split and of synthetic data")


class Input(BaseModel):
    """What goes in: tokens (rows, steps) of int32, 0 is padding; or series (rows, steps, channels) of float32."""

    model_config = ConfigDict(frozen=True)
    kind: Literal["tokens", "series"]
    size: int  # vocabulary, or channels
    steps: int  # longest sequence
    ragged: bool = False  # series of different lengths, padded with PAD


class Output(BaseModel):
    """What comes out.

    binary: a probability. classes: one of `size`. bits: `size` probabilities. tags: one of `size` at each step.
    tokens: the next token at each step. pair: a target sequence. values: `size` future values of one column.
    """

    model_config = ConfigDict(frozen=True)
    kind: Literal["binary", "classes", "bits", "tags", "tokens", "pair", "values"]
    size: int
    steps: int = 1
    scale: float = 1.0  # values: multiplies scaled errors back into the data's own unit
    channel: int = 0  # values: the input channel that is forecast
    labels: tuple[str, ...] = ()


class TaskSpec(BaseModel):
    """All of a task but its arrays: plain data, so that it travels to child processes and into best.json."""

    model_config = ConfigDict(frozen=True)
    name: str
    source: str
    family: Family
    input: Input
    output: Output
    objective: str
    codec: Codec
    ordered: bool = False  # rows of a split follow each other in time, so that neighbours are alike
    gap: int = 0  # rows that are left out between parts that follow each other, so that none sees another's
    vectors: int = 0  # dimensions of pretrained word vectors; 0: there are none
    epochs_per_pass: int = 1  # over the training rows: an epoch is an equal share of a long one
    baselines: dict[str, dict[str, dict[str, float]]] = {}  # name -> split -> metric -> value
    ceiling: float | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    rows: dict[str, int] = {}


@dataclass(frozen=True)
class Split:
    """Rows of one part of the data: inputs, targets, and how many steps of each input are real."""

    x: Array
    y: Array
    lengths: Array

    def __len__(self) -> int:
        return len(self.x)

    def at(self, rows: Array | slice) -> Split:
        """Some of the rows."""
        return Split(self.x[rows], self.y[rows], self.lengths[rows])

    def followed_by(self, other: Split) -> Split:
        """These rows and the other's."""
        pairs = ((self.x, other.x), (self.y, other.y), (self.lengths, other.lengths))
        return Split(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class Task:
    """A spec with its three splits; test is touched once, by the final answer.

    `limits` are the recipe's own ideas about the space (defaults and ranges); the user's come before them.
    `vectors` are pretrained, a row for each id that goes in.
    """

    spec: TaskSpec
    splits: Mapping[str, Split]
    limits: Limits = field(default_factory=dict)
    vectors: Array | None = None  # (ids, dimensions) of float32, 0 where a word has none

    def __post_init__(self) -> None:
        """Refuse a split no network could be trained or judged on."""
        for name in ("train", "valid", "test"):
            if not len(self.splits[name]):
                raise DataError(f"each split needs at least one row; {name} of {self.spec.name} has none: give more data")

    @classmethod
    def of(cls, spec: TaskSpec, splits: Mapping[str, Split], limits: Limits | None = None, vectors: Array | None = None) -> Task:
        """A task with its row counts, epochs a pass, and fingerprint filled in."""
        rows = {name: len(split) for name, split in splits.items()}
        filled = {"rows": rows, "epochs_per_pass": epochs_per_pass(splits), "fingerprint": fingerprint(spec, splits, vectors)}
        filled["vectors"] = 0 if vectors is None else vectors.shape[1]
        return cls(spec.model_copy(update=filled), splits, limits or {}, vectors)


def epochs_per_pass(splits: Mapping[str, Split]) -> int:
    """Into how many epochs a pass over the training rows is divided: scores come sooner, and cost little beside training."""
    steps, scored = (int(splits[name].lengths.sum()) for name in ("train", "valid"))
    return max(1, min(round(steps / EPOCH_STEPS), round(steps / (SCORED_STEPS * max(1, scored)))))


def fingerprint(spec: TaskSpec, splits: Mapping[str, Split], vectors: Array | None = None) -> str:
    """SHA-256 of everything a trial can see."""
    untold = {"ordered", "gap", "vectors", "epochs_per_pass", "baselines", "notes", "fingerprint", "rows"}
    digest = hashlib.sha256(spec.model_dump_json(exclude=untold).encode())
    pieces = [(name, array) for name in sorted(splits) for array in (splits[name].x, splits[name].y, splits[name].lengths)]
    for name, array in [*pieces, *([] if vectors is None else [("vectors", vectors)])]:
        digest.update(f"{name}{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]
