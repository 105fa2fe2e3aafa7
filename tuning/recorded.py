"""A table of recorded trials: learning curves and seconds of many configurations, which any strategy can be replayed on.

Made from the journals of searches with `--record`, where every configuration is trained to its full epochs. The same
configuration recorded with other seeds is one row with several curves.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from .best_schema import Best, read_best
from .cost import CostModel
from .errors import BadFile
from .journal import read, write_bytes_whole
from .objective import Objective
from .space import Config, Space, same
from .strategies.cube import to_point
from .task import Input, Output

ALIKE: dict[str, Callable[[Best], object]] = {
    "objective": lambda best: best.search.objective,
    "most epochs": lambda best: best.training.max_epochs,
    "epochs a pass": lambda best: best.training.epochs_per_pass,
}


class Curve(BaseModel):
    """One seed's training: the score and the seconds of each epoch, the first without what building and tracing took."""

    model_config = ConfigDict(frozen=True)
    scores: tuple[float | None, ...]
    seconds: tuple[float, ...]
    start: float


class Row(BaseModel):
    """One configuration with a curve for each seed."""

    model_config = ConfigDict(frozen=True)
    config: Config
    curves: tuple[Curve, ...]
    parameters: int
    parameters_without_embedding: int


class Table(BaseModel):
    """Recorded trials of one task."""

    model_config = ConfigDict(frozen=True)
    task: str
    objective: str
    max_epochs: int
    space: Space
    input: Input
    output: Output
    rows_to_train: int
    epochs_per_pass: int = 1
    rows: tuple[Row, ...]

    @classmethod
    def load(cls, path: Path) -> Table:
        """The table in a `.json.gz`."""
        try:
            return cls.model_validate_json(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError, zlib.error, ValidationError) as wrong:
            raise BadFile(f"{path} is no table of recorded trials: {' '.join(str(wrong).split())[:160]}") from None

    @classmethod
    def of(cls, folders: Sequence[Path]) -> Table:
        """The table of several recorded studies of one task and space; BadFile where they are none, or differ."""
        stored = [json.loads((folder / "settings.json").read_text(encoding="utf-8")) for folder in folders]
        for one, folder in zip(stored, folders, strict=True):
            if (one["space"], one["fingerprint"]) != (stored[0]["space"], stored[0]["fingerprint"]):
                raise BadFile(f"recorded studies must share data and space; {folder} differs from {folders[0]}")
            if not one["settings"].get("record"):
                raise BadFile(f"only a search with --record trains every configuration to its end; {folder} was made without")
        settings, bests = stored[0]["settings"], [read_best(folder) for folder in folders]
        best, *others = bests
        for name, of in ALIKE.items():
            for other, folder in zip(others, folders[1:], strict=True):
                if of(other) != of(best):
                    told = f"{folders[0]} has {of(best)}, {folder} {of(other)}"
                    raise BadFile(f"recorded studies must share the {name}; {told}")
        rows: dict[str, Row] = {}
        for folder in folders:
            for key, row in _rows(folder, best.training.max_epochs).items():
                known = rows[key].curves if key in rows else ()
                rows[key] = row.model_copy(update={"curves": (*known, *row.curves)})
        if not rows:
            raise BadFile(f"no trial of {folders[0]} was trained to its end; --resume and a larger limit go on with it")
        return cls(
            task=settings["task"],
            objective=best.search.objective,
            max_epochs=best.training.max_epochs,
            space=Space.model_validate(stored[0]["space"]),
            input=best.data.input,
            output=best.data.output,
            rows_to_train=best.data.rows["train"],
            epochs_per_pass=best.training.epochs_per_pass,
            rows=tuple(rows.values()),
        )

    def save(self, path: Path) -> None:
        """Write it, compressed, the same bytes for the same table."""
        write_bytes_whole(path, gzip.compress(self.model_dump_json().encode(), mtime=0))

    def nearest(self, config: Config) -> int:
        """The number of the row that lies closest: the same configuration where it was recorded."""
        known = self._numbers.get(same(config))
        return known if known is not None else int(np.argmin(self._apart(config)))

    def untried(self, config: Config, tried: Collection[str]) -> Config:
        """Of the recorded configurations that are not among `tried`, the one that lies closest."""
        if same(config) in self._numbers and same(config) not in tried:
            return config
        apart = self._apart(config)
        apart[[self._numbers[key] for key in tried]] = np.inf
        return self.rows[int(np.argmin(apart))].config

    def _apart(self, config: Config) -> np.ndarray:
        return np.asarray(np.abs(self._points - to_point(self.space, config)).sum(axis=1))

    def costs(self) -> CostModel:
        """What trials cost, before any is played; every step counts, as the table knows the longest sequence alone."""
        return CostModel(self.input, self.output, self.rows_to_train / self.epochs_per_pass, self.input.steps)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {same(row.config): number for number, row in enumerate(self.rows)}

    @cached_property
    def _points(self) -> np.ndarray:
        return np.array([to_point(self.space, row.config) for row in self.rows])

    @cached_property
    def qualities(self) -> np.ndarray:
        """Of each row, the mean over seeds of the best score within the epochs, as a loss (less is better)."""
        return np.array([float(np.mean(values)) for values in self._best])

    @cached_property
    def noise(self) -> float:
        """One standard error of a row's mean over seeds, pooled over the better quarter of rows (0 with one seed)."""
        order = np.argsort(self.qualities, kind="stable")[: max(1, len(self.rows) // 4)]
        better = [self._best[number] for number in order]
        spread = [np.var(each, ddof=1) / len(each) for each in better if len(each) > 1 and np.isfinite(each).all()]
        return float(np.sqrt(np.mean(spread))) if spread else 0.0

    @cached_property
    def _best(self) -> list[list[float]]:
        """Of each row and seed the best loss; infinite where no epoch has a score."""
        key = Objective.parse(self.objective).key
        return [[min((key(s) for s in c.scores if s is not None), default=np.inf) for c in row.curves] for row in self.rows]


def _rows(folder: Path, max_epochs: int) -> dict[str, Row]:
    """The trials of one recorded study that were trained to their end: not those that --epochs left no more for."""
    asked: dict[int, Config] = {}
    epochs: dict[int, dict[int, dict[str, Any]]] = {}
    finished: set[int] = set()
    ended: dict[int, int] = {}  # trial -> epoch after which it was told to stop
    for event in read(folder / "trials.jsonl"):
        if event["event"] == "asked":
            asked[event["trial"]] = event["config"]
        elif event["event"] == "epoch":
            epochs.setdefault(event["trial"], {})[event["epoch"]] = event
        elif event["event"] == "decided" and event["decision"] != "promote":
            ended[event["trial"]] = event["epoch"]
        elif event["event"] == "finished":
            finished.add(event["trial"])
    found = {}
    for trial in sorted(finished & epochs.keys()):
        curve = [epochs[trial][number] for number in sorted(epochs[trial])]
        if ended.get(trial) == len(curve) < max_epochs:
            continue
        found[same(asked[trial])] = Row(
            config=asked[trial],
            curves=(_curve(curve),),
            parameters=curve[-1]["parameters"],
            parameters_without_embedding=curve[-1]["parameters_without_embedding"],
        )
    return found


def _curve(epochs: list[dict[str, Any]]) -> Curve:
    seconds = [float(epoch["seconds"]) for epoch in epochs]
    usual = float(np.median(seconds[1:])) if len(seconds) > 1 else seconds[0]
    start = max(0.0, seconds[0] - usual)
    scores = tuple(None if epoch["score"] is None else float(epoch["score"]) for epoch in epochs)
    return Curve(scores=scores, seconds=(seconds[0] - start, *seconds[1:]), start=start)
