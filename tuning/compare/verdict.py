"""What a comparison shows, in words, and no more than it shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ..inference import LEVEL
from ..recorded import Table
from ..strategies.asha import levels
from .runs import Run
from .statistics import ENOUGH, Pair, by_strategy

MISLEADS = 0.5  # rank correlation of a rung with the end below which early stopping is warned of


def sentences(task: str, runs: Sequence[Run], found: Sequence[Pair]) -> list[str]:
    """The verdict on one task."""
    known = by_strategy(runs)
    seeds = len(next(iter(known.values())))
    if seeds < ENOUGH:
        least = 2 / 2**seeds
        spans = "; ".join(f"{p.first} against {p.second}: {_times(p)}" for p in found)
        few = f"{seeds} seeds are too few to tell (the smallest p they can give is {least:.2g})"
        return [f"{few}. How many times sooner at the target, {spans}."]
    clear = [p if p.sooner else _turned(p) for p in found if p.sooner or p.later]
    alike = [p for p in found if not (p.sooner or p.later)]
    told = []
    for winner in dict.fromkeys(p.first for p in clear):
        beaten = [p for p in clear if p.first == winner]
        told.append(f"on {task} {winner} reaches the target sooner than " + ", ".join(f"{p.second} by {_times(p)}" for p in beaten))
    if alike:
        told.append(
            f"on {task} these cannot be told apart by time to the target: " + ", ".join(f"{p.first} and {p.second}" for p in alike)
        )
    ended = [f"{p.first if p.better > 0 else p.second} than {p.second if p.better > 0 else p.first}" for p in found if p.differ]
    least = len(found) * 2 / 2**seeds  # Holm's correction of the smallest p that so many seeds can give
    if ended:
        told.append(f"on {task} ends better: {', '.join(ended)}")
    elif least >= LEVEL:
        few = f"{seeds} seeds are too few to tell of {len(found)} pairs"
        told.append(f"on {task} {few} which ends better (the smallest p they can give is {least:.2g})")
    else:
        told.append(f"on {task} no two end at different scores")
    return [f"{sentence}." for sentence in told]


def _turned(p: Pair) -> Pair:
    """The same pair from the other's side."""
    return Pair(p.second, p.first, -p.better, p.p, 1 / p.times, 1 / p.high, 1 / p.low, p.p_times)


def _times(p: Pair) -> str:
    return f"{p.times:.2g} times ({p.low:.2g} to {p.high:.2g})"


def could_have_stopped(runs: Sequence[Run], noise: float) -> dict[str, float]:
    """Of each strategy, the median second after which no incumbent was better by more than the noise."""
    return {name: float(np.median([_last_gain(run, noise) for run in one])) for name, one in by_strategy(runs).items()}


def _last_gain(run: Run, noise: float) -> float:
    good = [point.at for point in run.points if point.loss <= run.final + noise]
    return good[0] if good else run.budget


def rung_correlations(table: Table) -> dict[int, float]:
    """Of each rung below the last, the rank correlation (Spearman) of scores there with scores at the end."""
    curves = [c.scores for row in table.rows for c in row.curves if None not in c.scores and len(c.scores) == table.max_epochs]
    ends = [scores[-1] for scores in curves]
    return {rung: float(stats.spearmanr([s[rung - 1] for s in curves], ends).statistic) for rung in levels(table.max_epochs)[:-1]}


def warning(task: str, correlations: dict[int, float]) -> str | None:
    """Where early rungs mislead."""
    poor = {rung: value for rung, value in correlations.items() if value < MISLEADS}
    if not poor:
        return None
    told = ", ".join(f"after {rung} epoch{'s' if rung > 1 else ''} {value:.2f}" for rung, value in poor.items())
    return f"on {task} early scores say little of the end (rank correlation {told}): methods that stop early may mislead."
