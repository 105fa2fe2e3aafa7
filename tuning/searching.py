"""A search from settings to an answer: open or resume the folder, run the study, deliver, write best.json."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from .best_schema import Best
from .delivery import awaited
from .errors import BadValue, StudyConflict, UnknownName
from .executors import Cluster, Executor, Inline, Processes
from .executors.processes import default_workers
from .folder import ARRAYS, locked, new_folder, stored_settings
from .folds import Fold, folded
from .metrics import METRICS
from .narrow import narrowed
from .objective import Objective, objectives
from .opened import Opened, SearchResult
from .ranges import Limits
from .settings import Settings, settings_of
from .space import Grid, Space
from .strategies import STRATEGIES, warm
from .task import DataOptions, Task
from .training.jobs import Job, ModelRef
from .training.store import save_task
from .watcher import Watcher

Load = Callable[[Settings], Task]
WEIGHED = ("binary", "classes")  # outputs of which classes may be weighed
CHANGEABLE = {"budget", "trials", "epochs", "workers", "cluster"}  # what may differ when a study is resumed


def search(task: Task, *, out: str | Path | None = None, watcher: Watcher | None = None, **given: Any) -> SearchResult:
    """Search the architectures of `task`'s family.

    `given` are Settings by name (strategy="hyperband", budget="5m", trials=20, workers=2, seed=0, ...); any parameter of
    the space may be given too, as on the command line: units="8:64", bidirectional="no".

    Raises Mistake for what the caller can mend; writes `out` (default runs/TASK-YYYYMMDD-HHMMSS).
    """
    settings = settings_of({"task": task.spec.name, **by_field(given)})
    return run(settings, lambda _: task, out=Path(out) if out else None, watcher=watcher, since=time.monotonic())


def by_field(given: dict[str, Any]) -> dict[str, Any]:
    """Settings by name; what is none of them is a parameter of the space."""
    fields = {name: value for name, value in given.items() if name in Settings.model_fields}
    space = {name: str(value) for name, value in given.items() if name not in Settings.model_fields}
    return fields | ({"space": {**fields.get("space", {}), **space}} if space else {})


def resume(
    folder: str | Path, load: Load | Task, *, watcher: Watcher | None = None, since: float | None = None, **given: Any
) -> SearchResult:
    """Go on with the study in `folder` on its task: spends what is left; `budget` adds to it, `trials` and `epochs` replace.

    It runs on this machine, or on the `cluster` that is given.

    Any other setting, or parameter of the space, may be given again as it was; StudyConflict where it is another. `since` is
    when this run's clock began (time.monotonic); by default now.
    """
    since = time.monotonic() if since is None else since
    load = (lambda _, task=load: task) if isinstance(load, Task) else load
    folder = Path(folder)
    stored = stored_settings(folder)
    changed = by_field({name: value for name, value in given.items() if value is not None})
    if "space" in changed:
        changed["space"] = {**stored.space, **changed["space"]}
    elsewhere = {"cluster", "workers"} if stored.cluster else {"cluster"}  # where it runs is said anew
    settings = settings_of({**stored.model_dump(exclude=elsewhere), **changed})
    for name in changed.keys() - CHANGEABLE:
        before, now = getattr(stored, name), getattr(settings, name)
        if name == "data" and before.embeddings and now.embeddings:  # may have been moved: the fingerprint knows what is in it
            before = before.model_copy(update={"embeddings": now.embeddings})
        if before != now:
            what = "space" if name == "space" else f"--{name.replace('_', '-')}"
            raise StudyConflict(f"a study is resumed as it was begun; {what} was {_short(before)}, given {_short(now)}")
    more = settings.budget if "budget" in changed else None
    settings = settings.model_copy(update={"budget": stored.budget})
    return run(settings, load, resumed=folder, watcher=watcher, more=more, since=since)


def _short(value: Any) -> str:
    text = value.model_dump_json(exclude_defaults=True) if isinstance(value, DataOptions) else str(value)
    return text if len(text) < 120 else text[:117] + "..."


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
            require_folds(settings, task)
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
    """Children of this machine, this process for `--workers 0`, or the workers of a cluster."""
    if settings.workers == 0:
        return Inline(settings.deterministic)
    threads = 1 if settings.hypermodel is None else None  # the fused layer gains nothing from more (docs/decisions/0008)
    if settings.cluster is not None:
        return Cluster(settings.cluster, folder, settings.workers, settings.deterministic, threads)
    return Processes(settings.workers or default_workers(), settings.deterministic, folder / "workers.log", threads)


def objective_of(settings: Settings, task: Task) -> Objective:
    """The objective, checked against what this kind of output can be judged by."""
    wanted, known = objectives(settings.objective or task.spec.objective)[0], METRICS[task.spec.output.kind]
    name = wanted.partition(":")[0].removeprefix("val_")
    if settings.hypermodel is None and name not in known:
        raise UnknownName(f"objective of task {task.spec.name}", f"val_{name}", [f"val_{one}" for one in known])
    objective = Objective.parse(wanted)
    if settings.class_weight and task.spec.output.kind not in WEIGHED:
        raise BadValue(f"--class-weight is for one label a row; task {task.spec.name} has {task.spec.output.kind}")
    return objective


def require_folds(settings: Settings, task: Task) -> None:
    """Raises DataError where the task has too few rows for --folds."""
    if settings.folds:
        folded(task.spec, task.splits["train"], task.splits["valid"], Fold(0, settings.folds))


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
    config, (epochs, patience) = best.architecture.hyperparameters, settings.lengths(task.spec)
    if config.get("vectors", "random") != "random" and not task.spec.vectors:
        raise BadValue("it was found with pretrained word vectors, and trains with such: add --embeddings FILE")
    if out is not None:
        new_folder(settings, out).mkdir(parents=True, exist_ok=True)
    limits: Limits = {name: Grid(values=(value,), default=value) for name, value in config.items()}
    objective = Objective.parse(best.search.objective)
    if objective.metric not in METRICS[task.spec.output.kind]:  # another kind of output: more than two classes, say
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
            epochs=epochs,
            patience=patience,
            class_weight=settings.class_weight is not None and task.spec.output.kind in WEIGHED,
            deliver=str((out or Path(folder)) / "best.keras"),
        )
        body = awaited(executor, job)
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
    job = Job(id=0, kind="describe", data=str(folder / ARRAYS), model=model)
    return Space.model_validate(awaited(executor, job)["space"])
