"""The report's pictures, each with the same said in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..answer_schema import Answer, Raced
from ..effects import number
from ..front_page import front_chart
from ..ledger import Record
from ..page import COLOURS, GREY, chart, figure
from ..progress import short
from ..trade import front
from .source import Source, plain

CURVES = 40  # learning curves that are drawn
BLUE, RED = COLOURS[:2]


def sizes(found: Source, answer: Answer | None, first: bool) -> str:
    """Score against units: the search's trials, and the fresh seeds' means with their intervals."""
    drawn, name = figure(), found.objective.name
    some = [record for record in found.trials if number(record.config.get("units"))]
    if not some:
        return ""
    x, y = [record.config["units"] for record in some], [record.score for record in some]
    told = [f"trial {record.id}: {short(record.config)}" for record in some]
    drawn.add_scatter(x=x, y=y, text=told, name="trials of the search", mode="markers", marker={"color": GREY, "size": 6})
    raced = _by_size(answer) if answer else []
    words = [
        f"{one.units} units {one.mean:.4f} ({one.low:.4f} to {one.high:.4f}, {one.seeds} seeds)" for one in raced if _known(one)
    ]
    spans = [one for one in raced if _known(one)]
    if spans:
        units, low, high = ([getattr(one, key) for one in spans] for key in ("units", "low", "high"))
        band = {"x": [*units, *units[::-1]], "y": [*high, *low[::-1]], "fill": "toself", "fillcolor": BLUE, "opacity": 0.15}
        drawn.add_scatter(**band, line={"width": 0}, mode="lines", hoverinfo="skip", showlegend=False)
    if raced:
        error = {
            "type": "data",
            "symmetric": False,
            "array": [(one.high or one.mean or 0) - (one.mean or 0) for one in raced],
            "arrayminus": [(one.mean or 0) - (one.low or one.mean or 0) for one in raced],
        }
        told = [f"{short(one.hyperparameters)}<br>{one.seeds} seeds" for one in raced]
        means = [one.mean for one in raced]
        line = {"x": [one.units for one in raced], "y": means, "text": told, "error_y": error, "mode": "lines+markers"}
        drawn.add_scatter(**line, name="fresh seeds: mean and 95 %", line={"color": BLUE}, marker={"size": 9})
    for one in raced:
        if one.chosen:
            star = {"symbol": "star", "size": 18, "color": RED}
            drawn.add_scatter(x=[one.units], y=[one.mean], name="chosen", mode="markers", marker=star)
    axes = {"xaxis": {"title": "units", "type": "log", "tickvals": sorted(set(x))}, "yaxis": {"title": name, **_window(found)}}
    said = "On fresh seeds: " + "; ".join(words) + "." if words else f"{name} of {len(some)} trials by units."
    return chart(drawn, said, first, **axes)


def _known(one: Raced) -> bool:
    return None not in (one.mean, one.low, one.high) and one.seeds > 1


def _by_size(answer: Answer) -> list[Raced]:
    """One configuration a size: the size's own best."""
    found: dict[int, Raced] = {}
    for one in answer.raced:
        if one.units is not None and one.mean is not None and (one.chosen or any(r.startswith("units=") for r in one.best_of)):
            found[one.units] = one if one.chosen or one.units not in found else found[one.units]
    return [found[units] for units in sorted(found)]


def _window(found: Source) -> dict[str, Any]:
    """The part of the scale in which scores differ: a few failures would squeeze all else into a line."""
    keys = np.array([found.objective.key(record.score or 0.0) for record in found.trials])
    if len(keys) < 8:
        return {}
    raced = found.best.answer.raced if found.best.answer else []
    fresh = [found.objective.key(one.mean) for one in raced if one.mean is not None]
    spans = [found.objective.key(end) for one in raced if _known(one) for end in (one.low, one.high) if end is not None]
    best, worst = min([float(keys.min()), *fresh]), max([float(np.quantile(keys, 0.6)), *fresh])
    width = worst - best or abs(best) * 0.1  # intervals are shown whole, unless that would squeeze all else
    best, worst = max(min([best, *spans]), best - width), min(max([worst, *spans]), worst + width)
    room = 0.1 * (worst - best) or abs(best) * 0.01
    ends = sorted(end if found.objective.direction == "min" else -end for end in (best - room, worst + room))
    return {"range": ends}


def costs(found: Source, first: bool) -> str:
    """Score against parameters, with the front."""
    done = [record for record in found.trials if record.completed]
    best = front(done, found.objective, "parameters")
    words = f"Nothing gives more for less than: {'; '.join(f'{r.parameters:,} parameters {r.score:.4f}' for r in best)}."
    return front_chart(done, best, "parameters", {"title": found.objective.name, **_window(found)}, words, first)


def curves(found: Source, first: bool) -> str:
    """Score after each epoch: the best trials, and some of the others."""
    drawn, name = figure(), found.objective.name
    ranked = sorted(found.trials, key=lambda record: found.objective.key(record.score or 0.0))
    others = ranked[5:]
    shown = others[:: max(1, len(others) // (CURVES - 5))][: CURVES - 5]
    for record in shown:
        _curve(drawn, record, {"color": "rgba(136,136,136,0.25)", "width": 1}, False)
    for record, colour in zip(ranked[:5], COLOURS, strict=False):
        _curve(drawn, record, {"color": colour, "width": 2}, True)
    ends = "; ".join(f"trial {r.id} {r.score:.4f} at epoch {r.best_epoch} of {len(r.curve)}" for r in ranked[:5])
    axes = {"xaxis": {"title": "epoch"}, "yaxis": {"title": name, **_window(found)}}
    return chart(drawn, f"The best five: {ends}. {len(shown)} others in grey.", first, **axes)


def _curve(drawn: Any, record: Record, line: dict[str, Any], named: bool) -> None:
    x, y = [epoch["epoch"] for epoch in record.curve], [epoch["score"] for epoch in record.curve]
    drawn.add_scatter(
        x=x, y=y, name=f"trial {record.id}", line=line, mode="lines", showlegend=named, hoverinfo=None if named else "skip"
    )


def importance(answer: Answer | None, first: bool) -> str:
    """Shares with their intervals, and what noise alone would reach."""
    if answer is None or not answer.importance:
        return "<p>Too few trials, or too little time, to tell which hyperparameter mattered; report.py takes the time.</p>"
    drawn, shares = figure(), answer.importance[::-1]
    names, values = [one.name for one in shares], [one.share for one in shares]
    up, down = [one.high - one.share for one in shares], [one.share - one.low for one in shares]
    error = {"type": "data", "symmetric": False, "array": up, "arrayminus": down}
    drawn.add_bar(x=values, y=names, orientation="h", error_x=error, marker={"color": BLUE}, name="share (95 %)")
    floor = {"symbol": "line-ns-open", "size": 16, "color": RED, "line": {"width": 3}}
    drawn.add_scatter(x=[one.floor for one in shares], y=names, mode="markers", marker=floor, name="noise reaches")
    told = "; ".join(
        f"{o.name} {o.share:.0%} ({100 * o.low:.0f} to {100 * o.high:.0f}, noise {o.floor:.0%})" for o in answer.importance
    )
    return chart(drawn, f"Share of what differed between trials (fANOVA): {told}.", first, xaxis={"tickformat": ".0%"})


def parallel(found: Source, first: bool) -> str:
    """Every trial as a line through its settings; drag along an axis to keep a part."""
    drawn = figure()
    some = found.trials
    names = [name for name in dict.fromkeys(n for r in some for n in r.config) if len({str(r.config.get(name)) for r in some}) > 1]
    if not names:
        return ""
    scores = [float(record.score or 0.0) for record in some]
    dimensions = [_dimension(name, [record.config.get(name) for record in some]) for name in names]
    dimensions.append({"label": found.objective.name, "values": scores})
    scale = {"color": scores, "colorscale": "Viridis", "reversescale": found.objective.direction == "min", "showscale": False}
    drawn.add_parcoords(dimensions=dimensions, line=scale, labelangle=-30)
    said = f"{len(some)} trials by {', '.join(names)} and {found.objective.name}; the table below has the same figures."
    return chart(drawn, said, first, margin={"t": 90, "l": 50, "r": 50})


def _dimension(name: str, values: Sequence[Any]) -> dict[str, Any]:
    if all(map(number, values)):
        numbers = np.array(values, float)
        if numbers.min() > 0 and numbers.max() / numbers.min() >= 4:
            ticks = sorted({float(f"{value:.2g}") for value in np.geomspace(numbers.min(), numbers.max(), 5)})
            log = [float(value) for value in np.log10(numbers)]
            return {
                "label": name,
                "values": log,
                "tickvals": [float(np.log10(t)) for t in ticks],
                "ticktext": [f"{t:g}" for t in ticks],
            }
        return {"label": name, "values": [float(value) for value in numbers]}
    levels = sorted({plain(value) if value is not None else "-" for value in values})
    places = [levels.index(plain(value) if value is not None else "-") for value in values]
    return {"label": name, "values": places, "tickvals": list(range(len(levels))), "ticktext": levels}


def progress(found: Source, first: bool) -> str:
    """The best so far over the seconds of the search."""
    if not found.points:
        return ""
    drawn = figure()
    x, y = [point.at for point in found.points], [found.objective.key(point.loss) for point in found.points]  # twice is the score
    drawn.add_scatter(x=[*x, found.seconds], y=[*y, y[-1]], name="best of the search", line={"color": BLUE, "shape": "hv"})
    said = f"{found.objective.name} of the best trial: {y[0]:.4f} after {x[0]:.0f} s, {y[-1]:.4f} from {x[-1]:.0f} s on."
    if found.confirming:
        begun, ended = found.confirming
        drawn.add_vrect(x0=begun, x1=ended, fillcolor=RED, opacity=0.1, line_width=0)
        said += f" Fresh seeds ran from {begun:.0f} to {ended:.0f} s."
    return chart(drawn, said, first, xaxis={"title": "seconds"}, yaxis={"title": found.objective.name})
