"""A comparison from runs to its two files: compare.json and compare.html."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..journal import strict, write_whole
from ..recorded import Table
from .page import compare_page
from .runs import Run, replayed
from .statistics import by_strategy, friedman, mean_ranks, pairs
from .verdict import could_have_stopped, rung_correlations, sentences, warning

SHARE = 0.25  # of what training all of a table would take on the workers: the replay's budget where none is given


def replay_all(
    tables: dict[str, Table], strategies: Sequence[str], seeds: int, workers: int, budget: float | None
) -> dict[str, list[Run]]:
    """Every strategy and seed on every table."""
    found: dict[str, list[Run]] = {}
    for name, table in tables.items():
        seconds = budget or affordable(table, workers)
        found[name] = [replayed(table, strategy, seed, workers, seconds) for strategy in strategies for seed in range(seeds)]
    return found


def affordable(table: Table, workers: int, share: float = SHARE) -> float:
    """Seconds in which a search can train that share of the table."""
    spent = sum(curve.start + sum(curve.seconds) for row in table.rows for curve in row.curves[:1])
    return share * spent / workers


def compared(tasks: dict[str, list[Run]], objectives: dict[str, str], targets: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Everything in compare.json; a target is a loss with the noise that it allows for."""
    result: dict[str, Any] = {"objective": objectives, "tasks": {}, "verdict": []}
    for name, runs in tasks.items():
        target, noise = targets[name]
        found = pairs(runs, target)
        stops, ranks = could_have_stopped(runs, noise), mean_ranks(runs)
        sign = -1.0 if objectives[name].endswith(":max") else 1.0
        figures = {}
        for strategy, own in by_strategy(runs).items():
            times = [run.reached(target) for run in own]
            median = float(np.median([math.inf if t is None else t for t in times]))
            figures[strategy] = {
                "target_seconds": median if math.isfinite(median) else None,
                "reached": f"{sum(t is not None for t in times)} of {len(own)}",
                "final": float(np.median([sign * run.final for run in own])),
                "rank": ranks[strategy],
                "stop": stops[strategy],
                "trials": float(np.median([run.trials for run in own])),
                "thinking": thinking(own),
            }
        result["tasks"][name] = {
            "target": sign * target,
            "strategies": figures,
            "pairs": [asdict(pair) for pair in found],
            "runs": [asdict(run) for run in runs],
        }
        result["verdict"] += sentences(name, runs, found)
    p = friedman(list(tasks.values()))
    result["friedman"] = p
    if p is not None:
        result["verdict"].append(
            f"Over {len(tasks)} tasks the strategies {'differ' if p < 0.05 else 'do not differ'} (Friedman, p {p:.3f})."
        )
    return result


def thinking(runs: Sequence[Run]) -> float | None:
    """The median of the strategy's own seconds; None where they were not measured."""
    known = [run.thinking for run in runs if run.thinking is not None]
    return float(np.median(known)) if known else None


def target_of(table: Table) -> tuple[float, float]:
    """The table's best loss and one standard error more; the standard error."""
    return float(np.min(table.qualities)) + table.noise, table.noise


def add_rungs(result: dict[str, Any], tables: dict[str, Table]) -> None:
    """How well early scores predict the end, and a warning where they do not."""
    for name, table in tables.items():
        correlations = rung_correlations(table)
        result["tasks"][name]["rungs"] = correlations
        told = warning(name, correlations)
        if told:
            result["verdict"].append(told)


def write(out: Path, result: dict[str, Any], tasks: dict[str, list[Run]]) -> None:
    """Both files."""
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "compare.json", json.dumps(strict(result), indent=1))
    write_whole(out / "compare.html", compare_page(result, tasks))
