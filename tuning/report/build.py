"""The page: the answer first, then what it rests on, then every trial."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..answer import importance_of
from ..answer_schema import Answer, Raced
from ..budget import spoken
from ..evidence import observed
from ..journal import write_whole
from ..page import page, sortable, table, text, verdict
from ..progress import short, test_lines
from ..words import Scale
from . import charts
from .source import Source, plain, source


def write_report(folder: Path, thorough: bool = False) -> Path:
    """Write DIR/report.html from what DIR holds; its path. Raises BadFile where that is no finished search.

    `thorough`: what mattered is computed where the search had no time for it (some seconds).
    """
    path = folder / "report.html"
    write_whole(path, report_page(folder, thorough))
    return path


def report_page(folder: Path, thorough: bool = False) -> str:
    """The whole file."""
    found = source(folder)
    answer = found.best.answer
    if thorough and answer and not answer.importance and answer.learned is not False:
        trials = observed(found.trials, found.objective)
        answer = answer.model_copy(update={"importance": importance_of(trials, math.inf)})
    asked, folds = found.best.search.confirm > 0, found.best.scores.validation.folds
    alone = "No network came to its end on a fresh seed" if asked else "Nothing was to be trained on fresh seeds"
    words = [answer.sentence if answer else f"{alone}: what follows is the search's alone."]
    parts = [verdict(words), *_paragraphs(test_lines(found.best.model_dump(mode="json")))]
    for title, body in (
        ("How many units", charts.sizes(found, answer, True)),
        ("Every configuration on fresh seeds", _raced(answer, Scale(found.objective), folds) if answer else ""),
        ("Questions", _claims(answer) if answer else ""),
        ("What it costs", charts.costs(found, False)),
        ("Learning curves", charts.curves(found, False)),
        ("Training against validation", _fit(answer) if answer else ""),
        ("What mattered", charts.importance(answer, False)),
        ("All trials at once", charts.parallel(found, False)),
        ("Strategy and budget", charts.progress(found, False) + _search(found)),
        ("Every trial", _trials(found)),
        ("Data, seeds, versions", _facts(found)),
    ):
        if body:
            parts.append(f"<h2>{text(title)}</h2>\n{body}")
    return page(f"{found.best.data.task}: how many units?", parts)


def _paragraphs(lines: list[str]) -> list[str]:
    return [f"<p>{text(line.strip())}</p>" for line in lines]


def _raced(answer: Answer, scale: Scale, folds: int | None) -> str:
    """The race, as a table: means, what each loses against the chosen one, and what it costs."""
    titles = (
        "configuration",
        "best of",
        "seeds",
        answer.metric,
        "95 %",
        "costs (95 %)",
        "parameters",
        "s an epoch",
        "ms a prediction",
    )
    rows = [_race_row(one, scale) for one in answer.raced]
    reached = "not known" if answer.half_width is None else scale.amount(answer.half_width)
    settled = "the differences are as well known as wanted" if answer.settled else "the budget ended before they were as well known"
    judged = f"{folds} folds as if each were as hard as the others" if folds else "the validation rows at hand"
    words = (
        f"Costs: lost against the chosen one, paired by seed. Widest half-interval {reached}, wanted {scale.amount(answer.margin)}:"
    )
    words += f" {settled}. These intervals are over seeds, on {judged}; that of the test score is over rows too."
    return table(titles, rows) + f"<p><small>{text(words)}</small></p>"


def _race_row(one: Raced, scale: Scale) -> tuple[str, ...]:
    spans = "" if one.low is None or one.high is None else f"{one.low:.4f} to {one.high:.4f}"
    cost = "chosen" if one.chosen else ""
    if one.cost is not None and one.cost_low is not None and one.cost_high is not None:
        cost = scale.gain(one.cost, one.cost_low, one.cost_high) + (" worse" if one.apart else "")
    return (
        short(one.hyperparameters),
        ", ".join(one.best_of),
        str(one.seeds) if not one.failed else f"failed: {one.failed}",
        "" if one.mean is None else f"{one.mean:.4f}",
        spans,
        cost,
        f"{one.parameters:,}",
        "" if one.seconds is None else f"{one.seconds:.2f}",
        "" if one.latency_ms is None else f"{one.latency_ms:.2f}",
    )


def _claims(answer: Answer) -> str:
    how = {True: "fresh seeds", False: "the search's trials, by regression"}
    rows = [(claim.text, f"{claim.seeds} {how[True]}" if claim.seeds else how[False]) for claim in answer.claims]
    return table(("what the data say", "rests on"), rows) if rows else ""


def _fit(answer: Answer) -> str:
    """A gap that grows with size is overfitting; two high losses are underfitting."""
    rows = [
        (
            f"{one.units} units",
            one.trials,
            f"{one.train_loss:.4g}",
            f"{one.valid_loss:.4g}",
            f"{one.valid_loss - one.train_loss:+.4g}",
        )
        for one in answer.fit
    ]
    return table(("size", "trials", "training loss", "validation loss", "gap"), rows) if rows else ""


def _search(found: Source) -> str:
    search = found.best.search
    budget = ", ".join(f"{name} {plain(value)}" for name, value in search.budget.items() if value is not None)
    rows = [
        ("strategy", search.strategy),
        ("budget", budget or "none"),
        ("spent", spoken(search.seconds)),
        ("trials", f"{search.trials} ({search.completed} completed, {search.failed} failed, {search.infeasible} above a limit)"),
        ("epochs", f"{search.epochs:,}"),
        ("for fresh seeds", f"{search.confirm:.0%} of the budget at most"),
    ]
    return table(("", ""), rows)


def _trials(found: Source) -> str:
    """All of them; a click on a title sorts."""
    titles = ("trial", found.objective.name, "best epoch", "epochs", "parameters", "seconds", "ended as", "configuration")
    records = list(found.ledger.records.values())
    rows = [
        (
            record.id,
            "" if record.score is None else f"{record.score:.4f}",
            record.best_epoch,
            len(record.curve),
            record.parameters,
            f"{record.seconds:.1f}",
            record.status + (f": {record.reason}" if record.reason else ""),
            short(record.config),
        )
        for record in records
    ]
    return sortable(titles, rows)


def _facts(found: Source) -> str:
    best = found.best
    data = best.data
    rows: list[tuple[str, Any]] = [
        ("task", f"{data.task} ({data.source})"),
        ("rows", ", ".join(f"{name} {count:,}" for name, count in data.rows.items())),
        ("fingerprint", data.fingerprint),
        ("seed of the search", best.search.seed),
        ("seed of the delivered network", best.training.seed),
        ("journal", f"sha256 {best.search.journal_sha256}"),
        *best.search.versions.items(),
    ]
    return table(("", ""), rows)
