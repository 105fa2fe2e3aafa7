"""The network that a study hands over: the chosen configuration's, trained on a fresh seed, tested once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from .errors import BadValue
from .executors import Executor, Message
from .interrupt import Interrupts
from .race import Candidate, chosen, levelled
from .space import Config
from .study import TICK, Study
from .timing import SILENCE
from .training.jobs import Job
from .trial import Decision, derived_seed

NEXT = "next.keras"  # becomes best.keras when best.json is written, so that they belong together


@dataclass(frozen=True)
class Delivered:
    """What was handed over. `body`: what the delivering job told; `candidates`: all that ran on fresh seeds."""

    config: Config
    trial: int | None
    search: float | None  # the configuration's score in the search
    seed: int
    fresh: bool  # trained on a seed the search never used
    body: dict[str, Any]
    candidates: list[Candidate]
    chosen: Candidate | None
    refit: bool = False


def deliver(study: Study, test: bool = True) -> Delivered | None:
    """Choose, test, write the network; None where nothing was trained.

    Without a run on a fresh seed it is the best of the search, with the search's own weights. With `--refit` it is trained once
    more, on train plus validation, for the median of the best epochs. All networks of the chosen configuration are scored on
    the test split, in one reading.
    """
    candidates = levelled(study.confirmation.candidates(), study.confirmation.folds)
    one = chosen(candidates, study.confirmation.prefer, study.ledger.objective)
    if study.refit and test and (again := _refitted(study, candidates, one)) is not None:
        return again
    if one is None:
        return _searched(study, candidates, test)
    order = sorted(one.losses, key=one.losses.__getitem__)  # the best on the validation split is handed over
    kept = [number for number in order if study.confirmation.state(one, number).exists()]
    record = study.ledger.records.get(one.trial) if one.trial is not None else None
    more: dict[str, Any] = {"epochs": study.max_epochs, "deadline": max(0.0, study.delivery_left())}
    if kept:  # in a resumed study they may have been removed with an earlier answer
        files = [str(study.confirmation.state(one, number)) for number in kept]
        more = {"restore": files[0], "others": tuple(files[1:])}
    seed = study.confirmation.seed(kept[0] if kept else order[0])
    body = _done(study, one.trial, one.config, seed=seed, test=test, **more)
    return Delivered(one.config, one.trial, record.score if record else None, seed, True, body, candidates, one)


def _refitted(study: Study, candidates: list[Candidate], one: Candidate | None) -> Delivered | None:
    """The chosen, or the search's best, trained on train plus validation; None where that failed, or nothing was trained."""
    ledger = study.ledger
    trial = one.trial if one else ledger.best.id if ledger.best else None
    record = ledger.records[trial] if trial is not None else None
    if one is not None:
        config, best_epochs = one.config, [event["best_epoch"] for event in ledger.confirmed[one.key].runs.values()]
    elif record is not None:
        config, best_epochs = record.config, [record.best_epoch]
    else:
        return None
    seed, epochs = derived_seed(study.seed, "refit", 0), max(1, round(median(best_epochs)))
    try:
        body = _done(study, trial, config, seed=seed, test=True, epochs=epochs, refit=True)
    except BadValue:
        return None
    return Delivered(config, trial, record.score if record else None, seed, True, body, candidates, one, True)


def _searched(study: Study, candidates: list[Candidate], test: bool) -> Delivered | None:
    """The best with the search's own weights; trained once more where they were removed, as another was better then and failed."""
    best = study.ledger.best
    state = study.checkpoints.latest(best.id) if best else None
    if best is None or (state is None and not test):
        return None
    again = {"epochs": max(1, best.best_epoch), "deadline": max(0.0, study.delivery_left())}
    more: dict[str, Any] = {"restore": str(state)} if state else again
    body = _done(study, best.id, best.config, seed=best.seed, test=test, **more)
    return Delivered(best.config, best.id, best.score, best.seed, False, body, candidates, None)


def _done(study: Study, trial: int | None, config: Config, **more: Any) -> dict[str, Any]:
    """The delivering job's outcome."""
    job = replace(study.job("deliver", trial, config, deliver=str(study.folder / NEXT), **more), silence=SILENCE[0])
    try:
        return awaited(study.executor, job, study.interrupts)
    except KeyboardInterrupt:
        study.executor.stop(job.id)
        raise


def awaited(executor: Executor, job: Job, interrupts: Interrupts | None = None) -> dict[str, Any]:
    """The outcome of a job, which is tried once more where it was killed; its failure is a BadValue."""
    message = _ended(executor, job, interrupts)
    if message.kind == "failed" and message.body["kind"] == "killed":  # what hung may hang as long again
        message = _ended(executor, job, interrupts)
    if message.kind == "failed":
        raise BadValue(message.body["reason"])
    return message.body


def _ended(executor: Executor, job: Job, interrupts: Interrupts | None) -> Message:
    """How a job ended. What another told before it was ended is passed over."""
    executor.submit(job)
    while True:
        if interrupts is not None:
            interrupts.check()
        for message in executor.poll(TICK):
            if message.job != job.id:
                continue
            if message.kind != "epoch":
                return message
            executor.reply(message.job, str(Decision.CONTINUE))
