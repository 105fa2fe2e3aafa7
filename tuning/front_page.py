"""Score against cost, every completed trial and the front: a chart, and front.html."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .ledger import Record
from .objective import Cost, Objective
from .page import COLOURS, chart, page, table
from .progress import short
from .trade import cost_of, front

TITLES = {"parameters": "parameters, embeddings included", "latency_ms": "milliseconds a prediction"}
ROOM = 0.5  # of the front's extent that is shown on each side of it


def front_page(records: Sequence[Record], objective: Objective, cost: Cost) -> str:
    """The whole page."""
    completed = [r for r in records if r.completed and r.score is not None and cost_of(r, cost) is not None]
    best = front(completed, objective, cost)
    title, rows = TITLES[cost], [(short(r.config), f"{r.score:.4f}", f"{cost_of(r, cost):,g}", r.id) for r in best]
    words = f"{objective.name} of {len(completed)} trials against {title}; {len(best)} of them on the front, in the table below."
    scores = _around([r.score or 0.0 for r in best])
    parts = [
        front_chart(completed, objective, cost, words, True, scores),
        table(("configuration", objective.name, title, "trial"), rows),
    ]
    return page(f"{objective.name} and {title}", parts)


def front_chart(
    completed: Sequence[Record], objective: Objective, cost: Cost, words: str, first: bool, scores: dict[str, Any]
) -> str:
    """The front among the trials near it: failures and giants would squeeze it into a dot. `scores`: what their axis shows."""
    import plotly.graph_objects as go

    figure, best = go.Figure(), front(completed, objective, cost)
    for name, some, style in (
        ("trials", completed, {"mode": "markers", "marker": {"color": "rgba(136,136,136,0.55)", "size": 7}}),
        ("front", best, {"mode": "lines+markers", "line": {"color": COLOURS[0], "shape": "hv"}, "marker": {"size": 10}}),
    ):
        x, y = [cost_of(r, cost) for r in some], [r.score for r in some]
        figure.add_scatter(x=x, y=y, name=name, text=[f"trial {r.id}: {short(r.config)}" for r in some], **style)
    costs = [math.log10(max(cost_of(r, cost) or 0.0, 1e-9)) for r in best]
    xaxis = {"title": TITLES[cost], "type": "log", "tickformat": ",~r", **_around(costs)}
    words += " A double click shows all trials, also those far from it."
    return chart(figure, words, first, xaxis=xaxis, yaxis={"title": objective.name, **scores})


def _around(values: Sequence[float]) -> dict[str, Any]:
    """The part of an axis that shows these; all of it where they do not differ."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    room = ROOM * (high - low)
    return {"range": [low - room, high + room]} if room else {}
