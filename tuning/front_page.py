"""Score against cost, every completed trial and the front: a chart, and front.html."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .ledger import Record
from .objective import Cost, Objective
from .page import COLOURS, GREY, chart, figure, page, table
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
    scores = {"title": objective.name, **_around([r.score or 0.0 for r in best])}
    drawn = front_chart(completed, best, cost, scores, words, True)
    parts = [drawn, table(("configuration", objective.name, title, "trial"), rows)]
    return page(f"{objective.name} and {title}", parts)


def front_chart(
    completed: Sequence[Record], best: Sequence[Record], cost: Cost, scores: dict[str, Any], words: str, first: bool
) -> str:
    """The front (`best`) among the trials near it: giants and failures would squeeze it into a dot. `scores`: their axis."""
    drawn = figure()
    for name, some, style in (
        ("trials", completed, {"mode": "markers", "marker": {"color": GREY, "size": 7}}),
        ("front", best, {"mode": "lines+markers", "line": {"color": COLOURS[0], "shape": "hv"}, "marker": {"size": 10}}),
    ):
        x, y = [cost_of(r, cost) for r in some], [r.score for r in some]
        drawn.add_scatter(x=x, y=y, name=name, text=[f"trial {r.id}: {short(r.config)}" for r in some], **style)
    costs, every = ([math.log10(max(cost_of(r, cost) or 0.0, 1e-9)) for r in some] for some in (best, completed))
    around = _around(costs)
    low, high = around.get("range", (min(every, default=0.0), max(every, default=0.0)))
    ticks = {"dtick": "D2"} if high - low > 1 else {"nticks": 6}  # over decades at 1, 2 and 5: more of them run into each other
    xaxis = {"title": TITLES[cost], "type": "log", "tickformat": ",~r", **ticks, **around}
    words += " A double click shows all trials, also those far from it."
    return chart(drawn, words, first, xaxis=xaxis, yaxis=scores)


def _around(values: Sequence[float]) -> dict[str, Any]:
    """The part of an axis that shows these; all of it where they do not differ."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    room = ROOM * (high - low)
    return {"range": [low - room, high + room]} if room else {}
