"""The runs on fresh seeds of a study: time is kept for them, they take slots before trials do, and they are journaled."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from .constraints import Constraints
from .descent import smallest_close
from .executors import RETRIED, Message
from .folds import Fold
from .ledger import ANY, Confirmed, Record, Role, alive
from .race import DEFAULTS, LEAST, Candidate, Prefer, Race, admitted, levelled, revealed, rivals
from .space import Config, same
from .timing import whole
from .trial import Decision, derived_seed

if TYPE_CHECKING:
    from .study import Study

BASELINE = 2  # place of the defaults in the order in which candidates are taken


class Confirmation:
    """`share`: of the budget that goes to fresh seeds; with 0 nothing is trained again.

    `default`: the configuration with every default, raced whatever the search found. `prefer`: what will be delivered.
    `folds`: run after run trains and validates on the next of so many, the last first (in time order it has most rows to train on);
    0: all on the same rows.
    """

    def __init__(
        self,
        study: Study,
        share: float = 0.0,
        default: Config | None = None,
        prefer: Prefer = "smallest",
        folds: int = 0,
    ) -> None:
        self.study, self.share, self.default, self.folds = study, share, default, folds
        self.enough = max(LEAST, folds)  # seeds before a configuration is known well
        self.prefer: Prefer = prefer
        self.opened = False
        self.running: dict[int, tuple[Candidate, int]] = {}  # job -> candidate and the number of its seed
        self._reserve: tuple[int, float] | None = None  # as it was after so many changes of the ledger
        self.retried: set[str] = set()  # candidates of which a run was killed once
        self.late: set[str] = set()  # candidates of which no other run would end in time

    # who

    def candidates(self) -> list[Candidate]:
        """The search's best, the smallest that is close to it, the defaults, the best of each size and of each other choice.

        Whoever has run is among them. Where three seeds of the first two cannot be paid for, the small one is the first.
        """
        ledger = self.study.ledger
        best = ledger.best
        if best is None or not self.share:
            return []
        found = self._rivals(best)
        for role, record in sorted(ledger.bests.items(), key=self._place):
            one = found.setdefault(same(record.config), self._made(record.config, record))
            one.roles = (*one.roles, role)
        if self.default is not None:
            found = self._with_default(found, self.default)
        for key, known in ledger.confirmed.items():
            one = found.setdefault(key, self._known(known))
            self._add(one, known)
        return list(found.values())

    def _with_default(self, found: dict[str, Candidate], default: Config) -> dict[str, Candidate]:
        """The defaults, whether they were a trial that ran or not, no later than their place."""
        trial = self.study.ledger.trial_of(default)
        record = None if trial is None else self.study.ledger.records[trial]
        one = found.get(same(default)) or self._made(default, record if record and alive(record) else None)
        one.roles = (*one.roles, DEFAULTS)
        entries = list(found.items())
        return dict([*entries[:BASELINE], (one.key, one), *entries])

    def _rivals(self, best: Record) -> dict[str, Candidate]:
        """The search's best, and the smallest that is close to it where the smallest is preferred."""
        per_pass = self.study.timing.epochs_per_pass
        small = smallest_close(self.study.ledger, per_pass) if self.prefer == "smallest" else None
        other = self._made(small.config, small) if small else None
        pair = rivals(self._made(best.config, best), other, self.allowance(), self.enough)
        return {one.key: one for one in pair}

    def _place(self, item: tuple[Role, Record]) -> tuple[bool, bool, float, int]:
        """The best of all, sizes, then other choices; the more promising first, of equals the smaller."""
        (name, _), record = item
        return name != ANY[0], name != "units", self._loss(record), record.parameters_without_embedding

    def _loss(self, record: Record) -> float:
        return self.study.ledger.objective.key(record.score) if record.score is not None else math.inf

    def _made(self, config: Config, record: Record | None) -> Candidate:
        cost, most = self._priced(config, record)
        if record is None:
            return Candidate(config, cost=cost, most=most)
        least = self.study.timing.usually(record, record.best_epoch) if record.curve else 0.0
        return Candidate(config, (), record.id, self._loss(record), record.parameters_without_embedding, cost, most, least=least)

    def _known(self, known: Confirmed) -> Candidate:
        return self._made(known.config, self.study.ledger.records.get(known.trial) if known.trial is not None else None)

    def _add(self, one: Candidate, known: Confirmed) -> None:
        one.failed = known.failed
        for number, event in known.runs.items():
            one.losses[number] = self.study.ledger.objective.key(event["score"])
            one.size = event["parameters_without_embedding"]
        if known.runs and self.study.budget.seconds is not None:
            taken = [float(event["overhead" if "overhead" in event else "seconds"]) for event in known.runs.values()]
            one.cost = sum(taken) / len(taken)

    def _priced(self, config: Config, record: Record | None) -> tuple[float, float]:
        """Of one run, what is expected and the most: seconds, or epochs where no time is set, so that any machine does the same."""
        study = self.study
        if study.budget.seconds is None:
            epochs = float(self.epochs(record) if record else study.max_epochs)
            return epochs, epochs
        if record and record.curve:
            epochs = self.epochs(record)
            return study.timing.usually(record, epochs), study.timing.again(record, epochs)
        seconds = study.timing.unknown(config, study.max_epochs)
        return seconds, seconds

    def epochs(self, record: Record) -> int:
        """Epochs of another run: as many as the trial had before its patience ended it; of one that paused, as the others had."""
        ends = self.study.max_epochs, self.study.patience
        known = [found for best in self.study.ledger.bests.values() if (found := whole(best, *ends)) is not None]
        least = min(self.study.max_epochs, record.best_epoch + self.study.patience)
        return whole(record, *ends) or max(least, round(median(known)) if known else self.study.max_epochs)

    # when

    def allowance(self) -> float:
        """What all runs may cost together: seconds of all workers, or epochs, as the candidates' costs are told."""
        study = self.study
        if study.budget.seconds is not None:
            return self.share * study.budget.seconds * study.executor.slots
        return study.ledger.epochs * self.share / (1 - self.share)

    def reserve(self) -> float:
        """Seconds of the budget to be kept for what the race still needs."""
        ledger = self.study.ledger
        if self.study.budget.seconds is None or ledger.best is None or not self.share:
            return 0.0
        if self._reserve is None or self._reserve[0] != ledger.changes:
            self._reserve = ledger.changes, self._needed(self.study.budget.seconds)
        return self._reserve[1]

    def _needed(self, seconds: float) -> float:
        race = self.made()
        slots = self.study.executor.slots
        first = race.candidates[0]
        if not first.losses and first.least > self.share * seconds:
            return 0.0  # not one run would count: the time is better spent on the search
        longest = max((one.cost for one in race.racing()), default=0.0)  # even the last of several slots must come to its end
        return min(max(race.outstanding() / slots, min(longest, race.outstanding())), self.share * seconds)

    def made(self) -> Race:
        """The race as it stands: a new best of its size may have come up."""
        objective, strict, everyone = self.study.ledger.objective, self.study.deterministic, self.candidates()
        if strict:  # who is in is known before the first seed, and who lost after each whole round
            entered = admitted([replace(one, losses={}) for one in everyone], objective, self.allowance(), self.enough)
            names = {one.key for one in entered}
            shown = revealed([one for one in everyone if one.key in names], objective)
        else:
            shown = admitted(everyone, objective, self.allowance(), self.enough)
        race = Race(levelled(shown, self.folds), objective, strict, self.enough)
        for one in everyone:
            for number in one.losses:
                race.start(one, number)
        for one, number in self.running.values():
            race.start(one, number)
        return race

    def open(self) -> None:
        """From now on runs on fresh seeds come before trials."""
        self.late.clear()
        self.opened = True

    def due(self) -> tuple[Candidate, int] | None:
        """The run to be started now; None where none is, or none would end in time."""
        if not self.opened or self.study.ledger.best is None or not self.share:
            return None
        race = self.made()
        while (found := race.next(self.late)) is not None:
            if self._affordable(race, found[0]):
                return found
            self.late.add(found[0].key)
        return None

    def _affordable(self, race: Race, one: Candidate) -> bool:
        """Whether another run ends in time; as many of the first as a claim needs are cut at the end where they would count."""
        study, first = self.study, race.candidates[0]
        begun = len(race.begun(first))
        if study.budget.seconds is not None:
            needed = one.least if one is first and begun < LEAST else max(one.cost, one.most)
            return needed < study.delivery_left()
        spent = sum(other.cost * len(race.begun(other)) for other in race.candidates)
        return (one is first and not begun) or spent + one.cost <= self.allowance()

    # how

    def submit(self, one: Candidate, number: int) -> None:
        """Start a run."""
        study = self.study
        path = self.state(one, number)
        path.unlink(missing_ok=True)
        end = study.delivery_left() if study.budget.seconds is not None else None
        fold = Fold(self.folds - 1 - number % self.folds, self.folds) if self.folds else None
        more = {"seed": self.seed(number), "epochs": study.max_epochs, "checkpoint": str(path), "deadline": end, "fold": fold}
        job = study.job("train", one.trial, one.config, **more, final=True, rows=str(self.rows(one, number)))
        self.running[job.id] = (one, number)
        checked = study.constraints if one.trial is None and not number else Constraints()  # trials have been
        limits = replace(checked, timed=checked.timed or not number)  # a size's latency is told with it
        study.executor.submit(replace(job, constraints=limits))

    def seed(self, number: int) -> int:
        """The seed of that number, the same for every candidate."""
        return derived_seed(self.study.seed, "confirm", number)

    def state(self, one: Candidate, number: int) -> Path:
        """Where a run's best weights are kept."""
        return self.study.checkpoints.fresh(self.name(one), number)

    def rows(self, one: Candidate, number: int) -> Path:
        """Where a run's losses and hits of each validation row are kept."""
        return self.study.folder / "confirmed" / f"{self.name(one)}-{number}.npz"

    @staticmethod
    def name(one: Candidate) -> str:
        """The configuration as a short hash: the defaults may become a trial later."""
        return hashlib.sha256(one.key.encode()).hexdigest()[:10]

    def sweep(self, kept: Candidate | None) -> None:
        """Remove the weights of all runs but the chosen configuration's: a resumed study adds seeds to them."""
        self.study.checkpoints.sweep_fresh(self.name(kept) if kept else None)

    def hear(self, message: Message) -> None:
        """A run goes on to its end, and counts where time did not cut it short of where the search had been."""
        study = self.study
        one, number = self.running[message.job]
        if message.kind == "epoch":
            study.timing.heard(message.job, one.config, message.body["seconds"], message.body.pop("cold", True))
            study.executor.reply(message.job, str(Decision.CONTINUE))
            return
        self.ended(message.job)
        told = {"trial": one.trial, "config": one.config, "number": number, "seed": self.seed(number)}
        if message.kind == "done" and self._whole(one, message.body):
            study.record("confirmed", **told, **message.body)
            return
        passing = message.body.get("kind") in RETRIED  # it says nothing of the configuration
        if passing and one.key not in self.retried:
            self.retried.add(one.key)
        else:
            self.late.add(one.key)
        reason = message.body.get("reason", "the time ended before it was as far as the search had been")
        study.record("unconfirmed", **told, reason=reason, failed=message.kind == "failed" and not passing)

    def _whole(self, one: Candidate, body: dict[str, Any]) -> bool:
        return not body["cut"] or (one.trial is not None and body["epochs"] >= self.study.ledger.records[one.trial].best_epoch)

    def ended(self, job: int) -> None:
        """Forget a run that ended or was ended."""
        self.study.timing.ended(job)
        self.running.pop(job)
