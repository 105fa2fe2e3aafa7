"""front.html: score against cost, every completed trial, and the front."""

from __future__ import annotations

from collections.abc import Sequence

from .ledger import Record
from .objective import Cost, Objective
from .page import chart, page, table
from .progress import short
from .trade import cost_of, front

TITLES = {"parameters": "parameters", "latency_ms": "milliseconds a prediction"}


def front_page(records: Sequence[Record], objective: Objective, cost: Cost) -> str:
    """The whole page."""
    import plotly.graph_objects as go

    completed = [r for r in records if r.completed and r.score is not None and cost_of(r, cost) is not None]
    best = front(completed, objective, cost)
    figure = go.Figure()
    for name, some, style in (
        ("trials", completed, {"mode": "markers", "marker": {"color": "#8888", "size": 7}}),
        ("front", best, {"mode": "lines+markers", "line": {"color": "#1f77b4", "shape": "hv"}, "marker": {"size": 10}}),
    ):
        x, y = [cost_of(r, cost) for r in some], [r.score for r in some]
        figure.add_scatter(x=x, y=y, name=name, text=[f"trial {r.id}: {short(r.config)}" for r in some], **style)
    title, rows = TITLES[cost], [(short(r.config), f"{r.score:.4f}", f"{cost_of(r, cost):,g}", r.id) for r in best]
    words = f"{objective.name} against {title} of {len(completed)} trials; {len(best)} of them on the front, in the table below."
    axes = {"xaxis": {"title": title, "type": "log"}, "yaxis": {"title": objective.name}}
    parts = [chart(figure, words, True, **axes), table(("configuration", objective.name, title, "trial"), rows)]
    return page(f"{objective.name} and {title}", parts)
