"""What an answer is drawn from: the race on fresh seeds, the search's trials, baselines, and what the test split said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .advice import Observed
from .ledger import Confirmed, Record, alive
from .objective import Objective
from .race import Candidate, Prefer

CONSTANT = ("majority", "mean", "mean return", "unigram")  # baselines that do not look at the input
Baselines = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Evidence:
    """All that an answer is drawn from. `test`: metrics, low and high of the chosen configuration; None where not tested."""

    objective: Objective
    candidates: Sequence[Candidate]
    chosen: Candidate
    prefer: Prefer
    records: Sequence[Record]
    confirmed: Mapping[str, Confirmed]
    baselines: Baselines
    test: Mapping[str, Any] | None = None
    seconds: float = math.inf  # that importance may take
    folds: int = 0  # that seeds trained and validated on; 0: all on the rows of the search


def observed(records: Sequence[Record], objective: Objective) -> list[Observed]:
    """The search's trials as rows of a table: those trained to their end, with which alone others can be compared (decision 24)."""
    found, most = [], max((record.epochs for record in records), default=0)
    for record in records:
        if not (record.completed and alive(record)) or record.score is None or record.paused or record.epochs < most:
            continue
        logs: dict[str, float] = next((e["metrics"] for e in record.curve if e["epoch"] == record.best_epoch), {})
        seconds = [float(epoch["seconds"]) for epoch in record.curve]
        usual = float(np.median(seconds[1:])) if len(seconds) > 1 else None
        loss, size = objective.key(record.score), record.parameters_without_embedding
        alike = not record.config.get("every_step")  # else the training loss is of all steps, validation's of the last alone
        pair = map(logs.get, ("loss", "val_loss")) if alike else (None, None)
        fit = [value if value is not None and math.isfinite(value) else None for value in pair]
        found.append(Observed(record.config, loss, size, usual, *fit))
    return found


def learned_of(found: Evidence) -> bool | None:
    """Whether the network is better on test than every constant guess; None where that is not certain.

    Yes: beyond rows and seeds. No: not even beyond the chance of rows, with all its seeds taken together.
    """
    test, metric = found.test, found.objective.metric
    constants = [parts["test"][metric] for name, parts in found.baselines.items() if name in CONSTANT and metric in parts["test"]]
    if test is None or test.get("low") is None or not constants:
        return None
    end = "low" if found.objective.direction == "max" else "high"
    surely, barely = (all(found.objective.better(test[key], guess) for guess in constants) for key in (end, f"rows_{end}"))
    return True if surely else None if barely else False
