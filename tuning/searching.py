"""A search from settings to an answer: open or resume the folder, run the study, deliver, write best.json."""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from . import journal as journals
from .best_schema import Best
from .budget import Budget, Clock
from .constraints import Constraints
from .cost import CostModel
from .errors import BadFile, BadValue, Mistake, StudyConflict, UnknownName
from .executors import Executor, Inline, Processes
from .executors.processes import default_workers
from .folder import ARRAYS, locked, new_folder
from .front_page import front_page
from .journal import Journal, write_whole
from .ledger import Ledger
from .metrics import METRICS
from .narrow import narrowed
from .objective import Objective, objectives
from .ranges import Limits
from .settings import Settings, settings_of
from .space import Grid, Space
from .strategies import STRATEGIES, Setting, warm
from .study import Study, Watcher, awaited
from .task import Task
from .timing import Timing
from .trade import TradeLedger
from .training.jobs import Job, ModelRef
from .training.store import save_task
from .whole_best import versions, whole_best

BATCH = 4  # trials told together in deterministic searches, whatever the number of workers
Load = Callable[[Settings], Task]


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


def search(task: Task, *, out: str | Path | None = None, watcher: Watcher | None = None, **given: Any) -> SearchResult:
    """Search the architectures of `task`'s family.

    `given` are Settings by name (strategy="hyperband", budget="5m", trials=20, workers=2, seed=0, ...); any parameter of
    the space may be given too, as on the command line: units="8:64", bidirectional="no".

    Raises Mistake for what the caller can mend; writes `out` (default runs/TASK-YYYYMMDD-HHMMSS).
    """
    fields = {name: value for name, value in given.items() if name in Settings.model_fields}
    space = {name: str(value) for name, value in given.items() if name not in Settings.model_fields}
    settings = settings_of({"task": task.spec.name, **fields, "space": {**fields.get("space", {}), **space}})
    return run(settings, lambda _: task, out=Path(out) if out else None, watcher=watcher, since=time.monotonic())


def resume(
    folder: str | Path, load: Load | Task, *, watcher: Watcher | None = None, since: float | None = None, **given: Any
) -> SearchResult:
    """Go on with the study in `folder` on its task: spends what is left; `budget` adds to it, `trials` and `epochs` replace.

    `since` is when this run's clock began (time.monotonic); by default now.
    """
    since = time.monotonic() if since is None else since
    load = (lambda _, task=load: task) if isinstance(load, Task) else load
    folder = Path(folder)
    stored = stored_settings(folder)
    changed = {name: value for name, value in given.items() if value is not None}
    settings = settings_of({**stored.model_dump(), **{k: v for k, v in changed.items() if k != "budget"}})
    more = settings_of({"budget": changed["budget"]}).budget if "budget" in changed else None
    return run(settings, load, resumed=folder, watcher=watcher, more=more, since=since)


def stored_settings(folder: Path) -> Settings:
    """The settings in a study's folder."""
    path = folder / "settings.json"
    try:
        return settings_of(json.loads(path.read_text(encoding="utf-8"))["settings"])
    except (OSError, ValueError, KeyError, TypeError, BadValue):
        raise BadFile(f"{folder} holds no study that can be resumed: {path} is missing or damaged") from None


def run(
    settings: Settings,
    load: Load,
    *,
    out: Path | None = None,
    resumed: Path | None = None,
    watcher: Watcher | None = None,
    more: float | None = None,
    since: float | None = None,
) -> SearchResult:
    """One run of one study, new or resumed."""
    STRATEGIES[settings.strategy]
    limits, _ = settings.limits(), settings.first_configs()
    model = ModelRef.parse(settings.hypermodel, limits)
    folder = resumed or new_folder(settings, out)
    with locked(folder, keep=resumed is not None) as keep, threadpool_limits(1, user_api="blas"):
        executor = make_executor(settings, folder)
        try:
            warm(settings.strategy)
            task = load(settings)
            objective = objective_of(settings, task)
            model = ModelRef(model.file, model.name, {**task.limits, **limits})
            save_task(task, folder / ARRAYS)
            space = narrowed(described(executor, folder, model), settings)
            opened = Opened(settings, task, objective, space, model, folder, executor, watcher or Watcher(), since)
            study = opened.study(resumed is not None, more)
            keep()
            return opened.finish(study)
        finally:
            executor.close()
            shutil.rmtree(folder / ARRAYS, ignore_errors=True)


def make_executor(settings: Settings, folder: Path) -> Executor:
    """Children of this machine, or this process for `--workers 0`."""
    if settings.workers == 0:
        return Inline(settings.deterministic)
    threads = 1 if settings.hypermodel is None else None  # the fused layer gains nothing from more (docs/decisions/0008)
    return Processes(settings.workers or default_workers(), settings.deterministic, folder / "workers.log", threads)


def objective_of(settings: Settings, task: Task) -> Objective:
    """The objective, checked against what this kind of output can be judged by."""
    objective = Objective.parse(objectives(settings.objective or task.spec.objective)[0])
    known = METRICS[task.spec.output.kind]
    if settings.hypermodel is None and objective.metric not in known:
        raise UnknownName(f"objective of task {task.spec.name}", objective.name, [f"val_{name}" for name in known])
    if settings.class_weight and task.spec.output.kind not in ("binary", "classes"):
        raise BadValue(f"--class-weight is for one label a row; task {task.spec.name} has {task.spec.output.kind}")
    return objective


def space_for(settings: Settings, task: Task) -> Space:
    """The space without a search (for --dry-run)."""
    limits = settings.limits()
    model = ModelRef.parse(settings.hypermodel, {**task.limits, **limits})
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Processes(1)) as executor:
        save_task(task, Path(folder) / ARRAYS)
        return narrowed(described(executor, Path(folder), model), settings)


def train_best(best: Best, task: Task, settings: Settings, out: Path | None) -> dict[str, Any]:
    """Train an exported architecture's configuration afresh on a task; its test score."""
    if best.architecture.own is not None:
        raise BadValue(f"{best.architecture.own.name} is a HyperModel of your own: search with --hypermodel and --try instead")
    if task.spec.family != best.data.family:
        raise BadValue(f"a {best.data.family} cannot be trained on task {task.spec.name}, which needs a {task.spec.family}")
    if out is not None:
        new_folder(settings, out).mkdir(parents=True, exist_ok=True)
    config = best.architecture.hyperparameters
    limits: Limits = {name: Grid(values=(value,), default=value) for name, value in config.items()}
    objective = Objective.parse(task.spec.objective)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Processes(1)) as executor:
        save_task(task, Path(folder) / ARRAYS)
        job = Job(
            id=1,
            kind="deliver",
            data=str(Path(folder) / ARRAYS),
            model=ModelRef(limits=limits),
            objective=f"{objective.name}:{objective.direction}",
            config=config,
            seed=settings.seed,
            epochs=settings.max_epochs,
            patience=settings.patience,
            deliver=str((out or Path(folder)) / "best.keras"),
        )
        executor.submit(job)
        body = awaited(executor)
    test = body["test"]
    keys = ("epochs", "best_epoch", "parameters", "valid")
    value = test["metrics"][objective.metric]
    return {
        **{k: body[k] for k in keys},
        "seed": settings.seed,
        "metric": objective.metric,
        "test": value,
        "low": test["low"],
        "high": test["high"],
    }


def described(executor: Executor, folder: Path, model: ModelRef) -> Space:
    """The HyperModel's space, asked of a child so that the driver builds no network."""
    executor.submit(Job(id=0, kind="describe", data=str(folder / ARRAYS), model=model))
    return Space.model_validate(awaited(executor)["space"])


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
        settings, limit = self.settings, self.settings.limit()
        setting = Setting(self.space, self.objective, settings.seed, settings.max_epochs, settings.trials, cost_model(self.task))
        strategy = STRATEGIES[settings.strategy](setting)
        batch, cost = BATCH if settings.deterministic else None, settings.cost()
        ledger = (
            Ledger(strategy, self.objective, batch)
            if cost is None
            else TradeLedger(strategy, self.objective, batch, cost, settings.seed)
        )
        path, spent, total = self.folder / "trials.jsonl", 0.0, limit.seconds
        if resumed:
            self._check()
            for event in journals.read(path) if path.exists() else ():
                ledger.replay(event)
                spent = event["at"]
                total = event["seconds"] if event["event"] == "opened" else total
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
            max_epochs=settings.max_epochs,
            patience=settings.patience,
            timing=Timing(self.task.spec.rows, cost_model(self.task)),
            first=[self.space.check(config) for config in settings.first_configs()],
            class_weight=settings.class_weight is not None,
            deterministic=settings.deterministic,
            record_whole=settings.record,
            constraints=Constraints(settings.max_params, settings.max_latency_ms, cost == "latency_ms"),
            watcher=self.watcher,
        )
        for record in ledger.records.values():
            record.status = "waiting" if record.status == "running" else record.status
        study.record("opened", seconds=total, trials=limit.trials, epochs=limit.epochs)
        return study

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
        """Run, deliver, write; Ctrl-C writes the best so far."""
        interrupted = False
        with contextlib.closing(study.journal), study.interrupts:
            try:
                study.run()
                delivered = study.deliver()
            except KeyboardInterrupt:
                interrupted = True
                study.stop()
                delivered = study.deliver(test=False)
            if delivered is None and not interrupted:
                raise Mistake(self._nothing(study))
            best = self._written(study, delivered) if delivered else None
            study.record("closed", interrupted=interrupted)
        trials = [vars(record) for record in study.ledger.records.values()]
        return SearchResult(self.folder, trials, best, study.exhausted, interrupted)

    @staticmethod
    def _nothing(study: Study) -> str:
        """Why there is no answer."""
        failed = [record.reason for record in study.ledger.records.values() if record.status == "failed"]
        if failed:
            return f"no trial was completed; the last failed: {failed[-1]}"
        return f"the budget ended before any trial's first epoch: --resume {study.folder} --budget 5m goes on"

    def _written(self, study: Study, found: dict[str, Any]) -> dict[str, Any]:
        """Record the test, write best.json; its content."""
        trial, keys = found["best"].id, ("seed", "fresh", "valid", "test")
        study.record("tested", trial=trial, **{key: found[key] for key in keys})
        best = whole_best(study, found, self.settings, self.task, self.objective)
        write_whole(self.folder / "best.json", best.model_dump_json(indent=1))
        cost = self.settings.cost()
        if cost is not None:
            write_whole(self.folder / "front.html", front_page(list(study.ledger.records.values()), self.objective, cost))
        return best.model_dump(mode="json")


def cost_model(task: Task) -> CostModel:
    """What trials on this task cost, before any has run."""
    train = task.splits["train"]
    return CostModel(task.spec.input, task.spec.output, len(train), float(np.mean(train.lengths)))
