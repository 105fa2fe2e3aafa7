"""What a search shows while it works: a live line on a terminal, a calm line now and then elsewhere; on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from .budget import spoken
from .journal import Event
from .space import Config
from .study import Study
from .watcher import Watcher
from .words import against

EVERY = 15.0  # seconds between lines where nobody watches a terminal
OFTEN = 0.25  # seconds between changes of a live line


def short(config: Config) -> str:
    """A configuration on one line: what matters first.

    >>> short({"units": 32, "layers": 1, "bidirectional": True, "learning_rate": 0.002})
    '32 units, 1 layer, both directions, learning_rate 0.002'
    """
    words = []
    if "units" in config:
        words.append(f"{config['units']} units")
    if "layers" in config:
        words.append(f"{config['layers']} layer{'s' if config['layers'] != 1 else ''}")
    if config.get("bidirectional") is True:
        words.append("both directions")
    shown = {"units", "layers", "bidirectional", "cell", "activation", "recurrent_dropout"}
    rest = [f"{name} {value}" for name, value in config.items() if name not in shown]
    return ", ".join(words + rest)


class Progress(Watcher):
    """Trials done and running, epochs, the best so far, time left."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self._status: Any = None
        self._last = 0.0
        self._best: float | None = None

    def event(self, study: Study, event: Event) -> None:
        """Tell of failures and of a new best; keep the live line right."""
        if event["event"] == "failed":
            more = "; it is tried again" if event["retry"] else ""
            what = "is not trained" if event["kind"] == "infeasible" else "failed"
            self._line(f"trial {event['trial']} {what}: {event['reason']}{more}")
        elif event["event"] == "finished":
            best = study.ledger.best
            if best and best.id == event["trial"] and best.score != self._best:
                self._best = best.score
                name = study.ledger.objective.name
                self._line(f"trial {event['trial']}: {name} {event['score']:.4f}, the best so far: {short(best.config)}")
        self.tick(study)

    def tick(self, study: Study) -> None:
        """Refresh the live line, or write a calm one when it is time."""
        live = self.stream.isatty()
        if time.monotonic() - self._last > (OFTEN if live else EVERY):
            self._last = time.monotonic()
            (self._live if live else self._line)(line(study))

    def _live(self, text: str) -> None:
        if self._status is None:
            from rich.console import Console

            self._status = Console(file=self.stream).status(text)
            self._status.start()
        self._status.update(text)

    def _line(self, text: str) -> None:
        if self._status is not None:
            self._status.console.print(text, highlight=False, markup=False)
        else:
            print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """End the live line."""
        if self._status is not None:
            self._status.stop()
            self._status = None


def line(study: Study) -> str:
    """The state of a search on one line."""
    ledger = study.ledger
    done = sum(record.status in ("completed", "failed", "infeasible") for record in ledger.records.values())
    words = [f"{done} trials done", f"{len(study.running)} running", f"{ledger.epochs} epochs"]
    fresh = sum(len(known.runs) for known in ledger.confirmed.values())
    if fresh or study.confirmation.running:
        words.append(f"{fresh} runs on fresh seeds done, {len(study.confirmation.running)} running")
    if ledger.best and ledger.best.score is not None:
        words.append(f"best {ledger.objective.name} {ledger.best.score:.4f}")
    left = study.budget.left(study.clock)
    if left != float("inf"):
        words.append(f"{spoken(max(0.0, left))} left")
    return ", ".join(words)


def summary(best: Mapping[str, Any] | None, trials: list[dict[str, Any]], objective: str, worst_first: bool) -> list[str]:
    """The five best trials, the baselines beside them, the test score."""
    completed = [t for t in trials if t["completed"] and t["status"] != "failed"]
    ranked = sorted(completed, key=lambda t: (t["score"] if worst_first else -t["score"], t["parameters"], t["id"]))[:5]
    lines = ["", f"{'rank':<5}{objective:<16}{'epochs':<8}{'parameters':<12}configuration"]
    for rank, trial in enumerate(ranked, start=1):
        epochs = len(trial["curve"])
        lines.append(f"{rank:<5}{trial['score']:<16.4f}{epochs:<8}{trial['parameters']:<12,}{short(trial['config'])}")
    if not best:
        return lines if ranked else ["no trial was completed"]
    metric = best["scores"]["validation"]["metric"]
    for name, parts in best["scores"]["baselines"].items():
        if metric in parts["valid"]:
            lines.append(f"{'-':<5}{parts['valid'][metric]:<16.4f}{'':<20}baseline: {name}")
    if best["scores"]["ceiling"] is not None:
        lines.append(f"{'-':<5}{best['scores']['ceiling']:<16.4f}{'':<20}best possible")
    return [*lines, *_front_lines(best), "", *test_lines(best), *_answer_lines(best)]


def _answer_lines(best: Mapping[str, Any]) -> list[str]:
    """The answer, and how much of the search's best score was luck."""
    answer = best["answer"]
    if answer is None:
        return []
    lines = ["", answer["sentence"]]
    if answer["optimism"] is not None and answer["seeds"] > 1:
        lines.append(f"The search's best score was {answer['optimism']:+.4f} off what its configuration keeps on fresh seeds.")
    return lines


def _front_lines(best: Mapping[str, Any]) -> list[str]:
    """The Pareto front, where there are two objectives."""
    front = best["search"]["front"] or []
    if not front:
        return []
    head = "the front: more score costs more from here on, and nothing gives more for less"
    if len(front) == 1:
        head = "the front is one network: none costs less, and none has a better score"
    told = ["", head]
    for point in front:
        cost = f"{point['parameters']:,} parameters" + (f", {point['latency_ms']:g} ms" if point["latency_ms"] is not None else "")
        told.append(f"     {point['score']:<16.4f}{cost}: {short(point['hyperparameters'])}")
    return told


def test_lines(best: Mapping[str, Any]) -> list[str]:
    """What the delivered network scores, and whether that is better than what costs nothing."""
    test, valid = best["scores"]["test"], best["scores"]["validation"]
    metric = valid["metric"]
    if test is not None and test["metric"] != metric:
        return [f"validation {metric} {valid['mean']:.4f}; on test the model evaluates {test['metric']} {test['value']:.4f} alone"]
    if test is None:
        return [f"interrupted, so nothing was tested: the best so far is written ({metric} {valid['mean']:.4f} on validation)"]
    over = "rows and seeds" if test["seeds"] > 1 else "rows"
    span = f" (95 % over {over}: {test['low']:.4f} to {test['high']:.4f})" if test["low"] is not None else ""
    seeds = f"{test['seeds']} fresh seeds" if test["seeds"] > 1 else "a fresh seed"
    why = "no run on a fresh seed came to its end" if best["search"]["confirm"] else "none was asked for"
    how = f"with the search's own weights ({why})"
    if best["training"]["fresh"]:
        how = f"trained once more on {'train and validation' if best['training']['refit'] else seeds}"
    folds = f" over {min(valid['folds'], valid['n'])} folds" if valid["folds"] else ""
    lines = [f"answer, {how}: validation {metric} {valid['mean']:.4f}{folds}, test {metric} {test['value']:.4f}{span}"]
    sign = -1.0 if best["search"]["objective"].endswith(":min") else 1.0
    for name, parts in best["scores"]["baselines"].items():
        if metric in parts["test"]:
            base, word = parts["test"][metric], ""
            if test["low"] is not None:  # without an interval nothing is claimed
                word = against(*sorted(sign * (test[end] - base) for end in ("low", "high"))) + " "
            lines.append(f"  {word}baseline {name} on test ({base:.4f})")
    return lines
