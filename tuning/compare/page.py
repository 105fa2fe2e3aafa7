"""compare.html: one offline file with the verdict, the curves and the tables."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .runs import Point, Run
from .statistics import by_strategy

GRID = 200  # places at which curves are drawn
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#393b79")
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.verdict { font-size: 1.1rem; border-left: .3rem solid #1f77b4; padding-left: 1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; } td, th { padding: .25rem .75rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr + tr { border-top: 1px solid #8884; }
@media print { .scroll { overflow: visible; } }
"""


def page(result: dict[str, Any], tasks: Mapping[str, Sequence[Run]]) -> str:
    """The whole page."""
    parts = [
        "<h1>Which strategy?</h1>",
        '<div class="verdict">',
        *(f"<p>{_text(line)}</p>" for line in result["verdict"]),
        "</div>",
    ]
    script = True
    for name, runs in tasks.items():
        parts.append(f"<h2>{_text(name)}: what was found, and when</h2>")
        axes: list[tuple[str, Callable[[Point], float]]] = [("seconds", lambda p: p.at), ("epochs", lambda p: p.epochs)]
        for axis, place in axes:
            parts.append(_chart(runs, axis, place, result["objective"][name], script))
            script = False
        parts.append(_table(result["tasks"][name]["strategies"]))
        parts.append(_pairs(result["tasks"][name]["pairs"]))
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<title>Which strategy?</title></head><body>\n{body}\n</body></html>\n'


def _text(value: Any) -> str:
    return html.escape(str(value))


def steps(run: Run, grid: np.ndarray, place: Callable[[Point], float]) -> np.ndarray:
    """The incumbent's loss at each place of the grid; NaN before the first."""
    found = np.full(len(grid), np.nan)
    for point in run.points:
        found[grid >= place(point)] = point.loss
    return found


def _chart(runs: Sequence[Run], axis: str, place: Callable[[Point], float], objective: str, script: bool) -> str:
    """Medians with the middle half of the seeds as a band, and the same in words."""
    import plotly.graph_objects as go

    name, direction = objective.split(":")
    sign = -1.0 if direction == "max" else 1.0
    most = max((place(run.points[-1]) for run in runs if run.points), default=1.0)
    grid = np.linspace(0, max(run.budget for run in runs) if axis == "seconds" else most, GRID)
    figure, words = go.Figure(), []
    for (strategy, own), colour in zip(by_strategy(runs).items(), COLOURS * 9, strict=False):
        values = sign * np.array([steps(run, grid, place) for run in own])
        seen = np.isfinite(values).sum(axis=0) * 2 > len(own)
        low, middle, high = (np.nanquantile(values[:, seen], q, axis=0) for q in (0.25, 0.5, 0.75))
        x = grid[seen]
        if not len(x):
            continue
        band = {"x": [*x, *x[::-1]], "y": [*high, *low[::-1]], "fill": "toself", "fillcolor": colour, "opacity": 0.15}
        figure.add_scatter(**band, line={"width": 0}, hoverinfo="skip", showlegend=False, mode="lines")
        figure.add_scatter(x=x, y=middle, name=strategy, line={"color": colour, "shape": "hv"}, mode="lines")
        words.append(f"{strategy} {middle[0]:.4f} at first, {middle[-1]:.4f} at the end")
    figure.update_layout(
        xaxis_title=axis, yaxis_title=f"{name} of the incumbent", template="none", margin={"t": 20, "r": 10}, height=420,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"color": "#888"}, legend={"orientation": "h"},
    )  # fmt: skip
    drawn = figure.to_html(full_html=False, include_plotlyjs=script, config={"displaylogo": False, "responsive": True})
    return f"{drawn}\n<p><small>{_text(name)} over {axis}, median over seeds: {_text('; '.join(words))}.</small></p>"


def _table(strategies: dict[str, dict[str, Any]]) -> str:
    columns = {"target_seconds": "median s to target", "reached": "reached", "final": "median at end", "rank": "mean rank"}
    columns |= {"stop": "could have stopped at s", "trials": "median trials", "thinking": "own seconds"}
    head = "".join(f"<th>{title}</th>" for title in ("strategy", *columns.values()))
    rows = [
        f"<tr><td>{_text(name)}</td>" + "".join(f"<td>{_number(figures[key])}</td>" for key in columns) + "</tr>"
        for name, figures in strategies.items()
    ]
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _pairs(pairs: Sequence[dict[str, Any]]) -> str:
    rows = [
        f"<tr><td>{_text(p['first'])} and {_text(p['second'])}</td><td>{p['times']:.2f} ({p['low']:.2f} to {p['high']:.2f})</td>"
        f"<td>{p['better']:+.4f}</td><td>{p['p']:.3f}</td></tr>"
        for p in pairs
    ]
    titles = ("pair", "times sooner to target (95 %)", "better at the end by", "p (Wilcoxon, Holm)")
    head = "".join(f"<th>{title}</th>" for title in titles)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
