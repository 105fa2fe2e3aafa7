"""A study whose data and space are known: begun or resumed, run, and what it found written down."""

from __future__ import annotations

import contextlib
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import journal as journals
from .best_schema import read_best
from .budget import Budget, Clock
from .constraints import Constraints
from .cost import CostModel
from .delivery import NEXT, Delivered, deliver
from .descent import WIDTHS
from .errors import Mistake, StudyConflict
from .executors import Executor
from .front_page import front_page
from .journal import Journal, write_whole
from .ledger import Ledger
from .objective import Objective
from .report import write_report
from .settings import Settings
from .space import Space
from .strategies import STRATEGIES, Setting
from .study import Study
from .task import Task
from .timing import Timing
from .trade import TradeLedger
from .training.jobs import ModelRef
from .versions import versions
from .watcher import Watcher
from .whole_best import whole_best

BATCH = 4  # trials told together in deterministic searches, whatever the number of workers


@dataclass(frozen=True)
class SearchResult:
    """What a search found: the folder, the trials as records, best.json's content (None where no trial completed)."""

    folder: Path
    trials: list[dict[str, Any]]
    best: dict[str, Any] | None
    exhausted: bool = False
    interrupted: bool = False

    @property
    def answer(self) -> dict[str, Any] | None:
        """Units with an interval and the sentence that says it; None until a search confirms its answer."""
        return self.best["answer"] if self.best else None

    def to_frame(self) -> Any:
        """The trials as a pandas DataFrame, where pandas is installed."""
        pandas = importlib.import_module("pandas")

        return pandas.DataFrame([{**trial, **trial["config"]} for trial in self.trials])


@dataclass
class Opened:
    """A study whose data and space are known: starts or resumes it, and writes what it found."""

    settings: Settings
    task: Task
    objective: Objective
    space: Space
    model: ModelRef
    folder: Path
    executor: Executor
    watcher: Watcher
    since: float | None

    def study(self, resumed: bool, more: float | None) -> Study:
        """The study, its journal replayed, its run recorded as opened."""
        settings, limit, spec = self.settings, self.settings.limit(), self.task.spec
        per_pass, (max_epochs, patience) = settings.per_pass(spec), settings.lengths(spec)
        ledger, path = self._ledger(), self.folder / "trials.jsonl"
        spent, total = 0.0, limit.seconds
        if resumed:
            self._check()
            spent, total = self._replayed(ledger, path, total)
        if more is not None:
            total = max(total or 0.0, spent) + more
        write_whole(self.folder / "settings.json", json.dumps(self._stored(), indent=1))
        study = Study(
            self.folder,
            ledger,
            self.executor,
            Journal(path),
            budget=Budget(total, limit.trials, limit.epochs),
            clock=Clock(spent, self.since),
            model=self.model,
            seed=settings.seed,
            max_epochs=max_epochs,
            patience=patience,
            timing=Timing(spec.rows, cost_model(self.task, per_pass), per_pass),
            first=[self.space.check(config) for config in settings.first_configs()],
            class_weight=settings.class_weight is not None,
            deterministic=settings.deterministic,
            record_whole=settings.record,
            constraints=Constraints(settings.max_params, settings.max_latency_ms, settings.cost() == "latency_ms"),
            share=0.0 if settings.record else settings.confirm,
            default=self.space.default(),
            prefer=settings.prefer,
            widths={name: self.space.steps(name) for name in WIDTHS},
            refit=settings.refit or settings.folds is not None,
            folds=settings.folds or 0,
            watcher=self.watcher,
        )
        for record in ledger.records.values():
            record.status = "waiting" if record.status == "running" else record.status
        study.record("opened", seconds=total, trials=limit.trials, epochs=limit.epochs)
        return study

    def _ledger(self) -> Ledger:
        """The strategy as it is before anything was asked, and what is to be known of its trials."""
        settings, spec = self.settings, self.task.spec
        per_pass, (max_epochs, _) = settings.per_pass(spec), settings.lengths(spec)
        costs = cost_model(self.task, per_pass)
        setting = Setting(self.space, self.objective, settings.seed, max_epochs, settings.trials, costs, epochs_per_pass=per_pass)
        strategy, batch = STRATEGIES[settings.strategy](setting), BATCH if settings.deterministic else None
        cost = settings.cost()
        if cost is None:
            return Ledger(strategy, self.objective, batch)
        return TradeLedger(strategy, self.objective, batch, cost, settings.seed)

    @staticmethod
    def _replayed(ledger: Ledger, path: Path, total: float | None) -> tuple[float, float | None]:
        """Enter what an earlier run recorded; the seconds that it spent, and those that it had."""
        spent = 0.0
        for event in journals.read(path) if path.exists() else ():
            ledger.replay(event)
            spent = event["at"]
            total = event["seconds"] if event["event"] == "opened" else total
        return spent, total

    def _stored(self) -> dict[str, Any]:
        return {
            "settings": self.settings.model_dump(mode="json"),
            "space": self.space.model_dump(mode="json"),
            "fingerprint": self.task.spec.fingerprint,
            "hypermodel_sha256": self.model.sha256,
            "versions": versions(),
        }

    def _check(self) -> None:
        """A resumed study must be the same study."""
        stored, now = json.loads((self.folder / "settings.json").read_text(encoding="utf-8")), self._stored()
        told = {"fingerprint": "data differs", "space": "space differs", "hypermodel_sha256": "HyperModel's file differs"}
        for key, what in told.items():
            if stored.get(key) != json.loads(json.dumps(now[key])):
                raise StudyConflict(f"a study is resumed as it was begun; the {what} from that of {self.folder}")
        for package, version in now["versions"].items():
            if stored["versions"].get(package) != version:
                before = stored["versions"].get(package)
                raise StudyConflict(f"a study is resumed with the versions it was begun with; {package} was {before}, is {version}")

    def finish(self, study: Study) -> SearchResult:
        """Run, deliver, write; Ctrl-C writes the best so far, unless an earlier run has an answer that was tested."""
        interrupted, kept = False, None
        with contextlib.closing(study.journal), study.interrupts:
            try:
                study.run()
                delivered = deliver(study)
            except KeyboardInterrupt:
                interrupted = True
                study.stop()
                delivered = None if (kept := self._tested()) else deliver(study, test=False)
            best = self._written(study, delivered) if delivered else kept
            study.record("closed", interrupted=interrupted)
        if best is None and not interrupted:
            raise Mistake(self._nothing(study))
        trials = [vars(record) for record in study.ledger.records.values()]
        return SearchResult(self.folder, trials, best, study.exhausted, interrupted)

    def _tested(self) -> dict[str, Any] | None:
        """An earlier run's answer, where the test split was read for it."""
        path = self.folder / "best.json"
        best = read_best(path) if path.exists() else None
        return best.model_dump(mode="json") if best is not None and best.scores.test is not None else None

    @staticmethod
    def _nothing(study: Study) -> str:
        """Why there is no answer."""
        failed = [record.reason for record in study.ledger.records.values() if record.status == "failed"]
        if failed:
            return f"no trial was completed; the last failed: {failed[-1]}"
        return f"the budget ended before any trial's first epoch: --resume {study.folder} --budget 5m goes on"

    def _written(self, study: Study, found: Delivered) -> dict[str, Any]:
        """Record the test, write best.json; its content."""
        told = {"seed": found.seed, "fresh": found.fresh, "valid": found.body["valid"], "test": found.body["test"]}
        study.record("tested", trial=found.trial, config=found.config, **told)
        best = whole_best(study, found, self.settings, self.task, self.objective)
        (self.folder / NEXT).replace(self.folder / "best.keras")
        write_whole(self.folder / "best.json", best.model_dump_json(indent=1))
        if found.body["test"] is not None:  # a search that was interrupted goes on with what it has
            study.confirmation.sweep(found.chosen)
        write_report(self.folder)
        cost = self.settings.cost()
        if cost is not None:
            write_whole(self.folder / "front.html", front_page(list(study.ledger.records.values()), self.objective, cost))
        return best.model_dump(mode="json")


def cost_model(task: Task, epochs_per_pass: int) -> CostModel:
    """What trials on this task cost, before any has run."""
    train = task.splits["train"]
    return CostModel(task.spec.input, task.spec.output, len(train) / epochs_per_pass, float(np.mean(train.lengths)))
