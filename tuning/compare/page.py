"""compare.html: one offline file with the verdict, the curves and the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..page import COLOURS, chart, figure, page, table, text, verdict
from .runs import Point, Run
from .statistics import by_strategy

GRID = 200  # places at which curves are drawn


def compare_page(result: dict[str, Any], tasks: Mapping[str, Sequence[Run]]) -> str:
    """The whole page."""
    parts = [verdict(result["verdict"])]
    first = True
    for name, runs in tasks.items():
        parts.append(f"<h2>{text(name)}: what was found, and when</h2>")
        axes: list[tuple[str, Callable[[Point], float]]] = [("seconds", lambda p: p.at), ("epochs", lambda p: p.epochs)]
        for axis, place in axes:
            parts.append(_chart(runs, axis, place, result["objective"][name], first))
            first = False
        parts += [_strategies(result["tasks"][name]["strategies"]), _pairs(result["tasks"][name]["pairs"])]
    return page("Which strategy?", parts)


def steps(run: Run, grid: np.ndarray, place: Callable[[Point], float]) -> np.ndarray:
    """The incumbent's loss at each place of the grid; NaN before the first."""
    found = np.full(len(grid), np.nan)
    for point in run.points:
        found[grid >= place(point)] = point.loss
    return found


def _chart(runs: Sequence[Run], axis: str, place: Callable[[Point], float], objective: str, first: bool) -> str:
    """Medians with the middle half of the seeds as a band, and the same in words."""
    name, direction = objective.split(":")
    sign = -1.0 if direction == "max" else 1.0
    most = max((place(run.points[-1]) for run in runs if run.points), default=1.0)
    grid = np.linspace(0, max(run.budget for run in runs) if axis == "seconds" else most, GRID)
    drawn, words = figure(), []
    for (strategy, own), colour in zip(by_strategy(runs).items(), COLOURS * 9, strict=False):
        begun = [run for run in own if run.points]
        if not begun:
            continue
        values = sign * np.array([steps(run, grid, place) for run in begun])
        seen = np.isfinite(values).all(axis=0)  # or the median would fall when another run begins
        x = grid[seen]
        low, middle, high = (np.quantile(values[:, seen], q, axis=0) for q in (0.25, 0.5, 0.75))
        band = {"x": [*x, *x[::-1]], "y": [*high, *low[::-1]], "fill": "toself", "fillcolor": colour, "opacity": 0.15}
        drawn.add_scatter(**band, line={"width": 0}, hoverinfo="skip", showlegend=False, mode="lines")
        drawn.add_scatter(x=x, y=middle, name=strategy, line={"color": colour, "shape": "hv"}, mode="lines")
        words.append(f"{strategy} {middle[0]:.4f} at first, {middle[-1]:.4f} at the end")
    told = f"{name} over {axis}, median over seeds: {'; '.join(words)}."
    return chart(drawn, told, first, xaxis_title=axis, yaxis_title=f"{name} of the incumbent")


def _strategies(strategies: dict[str, dict[str, Any]]) -> str:
    columns = {"target_seconds": "median s to target", "reached": "reached", "final": "median at end", "rank": "mean rank"}
    columns |= {"stop": "could have stopped at s", "trials": "median trials", "thinking": "own seconds"}
    rows = [(name, *(_number(figures[key]) for key in columns)) for name, figures in strategies.items()]
    return table(("strategy", *columns.values()), rows)


def _pairs(pairs: Sequence[dict[str, Any]]) -> str:
    rows = [
        (
            f"{p['first']} and {p['second']}",
            f"{p['times']:.2f} ({p['low']:.2f} to {p['high']:.2f})",
            f"{p['better']:+.4f}",
            f"{p['p']:.3f}",
        )
        for p in pairs
    ]
    return table(("pair", "times sooner to target (95 %)", "better at the end by", "p (Wilcoxon, Holm)"), rows)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
