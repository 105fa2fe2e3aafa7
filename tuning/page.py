"""One offline HTML file: the frame that every page here has, and charts that need no network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#393b79")
GREY = "rgba(136,136,136,0.55)"  # of what is many
LONG = 30  # characters from which a cell is read as words
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.verdict { font-size: 1.1rem; border-left: .3rem solid #1f77b4; padding-left: 1rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; } td, th { padding: .25rem .75rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr + tr { border-top: 1px solid #8884; }
.chart { min-height: 420px; }
td.words { text-align: left; min-width: 18rem; }
table.sortable th { cursor: pointer; } th { vertical-align: bottom; }
@media print { .scroll { overflow: visible; } }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """The whole file: parts of HTML under a title."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
    body = "\n".join([f"<h1>{text(title)}</h1>", *parts])
    return f'<!doctype html>\n<html lang="en"><head>{head}<title>{text(title)}</title></head><body>\n{body}\n</body></html>\n'


def text(value: Any) -> str:
    """Any value as HTML."""
    return html.escape(str(value))


def verdict(lines: Sequence[str]) -> str:
    """What is concluded, set apart."""
    return '<div class="verdict">' + "".join(f"<p>{text(line)}</p>" for line in lines) + "</div>"


def table(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table that scrolls where it is too wide; the first column names the row."""
    head = "".join(f"<th>{text(title)}</th>" for title in titles)
    return f'<div class="scroll"><table><tr>{head}</tr>{_body(rows)}</table></div>'


def _body(rows: Sequence[Sequence[Any]]) -> str:
    return "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)


def _cell(value: Any) -> str:
    words = ' class="words"' if len(str(value)) > LONG else ""
    return f"<td{words}>{text(value)}</td>"


SORT = """
<script>
document.querySelectorAll("table.sortable th").forEach((head, column) => head.addEventListener("click", () => {
  const body = head.closest("table").tBodies[0], up = head.dataset.up !== "yes";
  const value = row => { const cell = row.cells[head.cellIndex].textContent, n = parseFloat(cell); return isNaN(n) ? cell : n; };
  const less = (a, b) => typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
  [...body.rows].sort((a, b) => (up ? 1 : -1) * less(value(a), value(b))).forEach(row => body.appendChild(row));
  head.dataset.up = up ? "yes" : "no";
}));
</script>
"""


def sortable(titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table that a click on a title sorts."""
    head = "".join(f'<th scope="col">{text(title)}</th>' for title in titles)
    whole = f'<table class="sortable"><thead><tr>{head}</tr></thead><tbody>{_body(rows)}</tbody></table>'
    return f'<div class="scroll">{whole}</div>{SORT}'


# a chart is drawn when it comes near, all are before printing: what is looked at first does not wait for what is far below
DRAW = """
<script>
addEventListener("DOMContentLoaded", () => {
  const charts = [...document.querySelectorAll(".chart")];
  const draw = place => {
    if (place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    const figure = JSON.parse(place.nextElementSibling.textContent);
    Plotly.newPlot(place, figure.data, figure.layout, {displayModeBar: false, responsive: true});
  };
  const near = new IntersectionObserver(seen => seen.forEach(one => one.isIntersecting && draw(one.target)), {rootMargin: "600px"});
  charts.forEach(place => near.observe(place));
  addEventListener("beforeprint", () => charts.forEach(draw));
});
</script>
"""


def figure() -> Any:
    """An empty plotly figure."""
    import plotly.graph_objects as go

    return go.Figure()


def chart(plot: Any, words: str, first: bool, **layout: Any) -> str:
    """A plotly figure with its text equivalent; the first of a page brings the script."""
    from plotly.offline import get_plotlyjs

    layout = {"margin": {"t": 20, "r": 10}, **layout}
    plot.update_layout(
        template="none",
        height=420,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#888"},
        legend={"orientation": "h", "y": -0.2},
        **layout,
    )
    script = f"<script>{get_plotlyjs()}</script>{DRAW}" if first else ""
    data = plot.to_json().replace("</", "<\\/")  # no text in it may end the script
    drawn = f'<div class="chart"></div><script type="application/json">{data}</script>'
    return f"{script}{drawn}\n<p><small>{text(words)}</small></p>"
