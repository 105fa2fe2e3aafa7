"""KerasTuner's oracles as strategies, with their faults mended at this seam.

random, grid: O'Malley et al. 2019 (KerasTuner). hyperband: Li et al. 2018, "Hyperband: A Novel Bandit-Based Approach to
Hyperparameter Optimization". bayesian: a Gaussian process with a lower confidence bound (Srinivas et al. 2010).

Mended here (KerasTuner 1.4.8): seed 0 is a seed, and neighbouring seeds are unrelated; draws depend on the number of the
ask, so a resumed search goes on as it would have; duplicates are not run; a failed member of a rung is replaced and never starves
its bracket; a promotion continues the same trial; a small space ends when it is exhausted and no earlier; the Gaussian
process is fitted before it judges what is running; nothing is printed or written. The driver runs all of it in one thread.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as kt_trial

from ..space import Condition, Config, Grid, Space, Value, printed, same
from ..trial import DONE, WAIT, Answer, Decision, Result, Status, Trial, derived_seed
from .base import Setting, Strategy
from .proposer import untried

HIDDEN = "tuner/"  # KerasTuner keeps its own bookkeeping among the values under this prefix
GHOST = "ghost"


def make(name: str, setting: Setting) -> Strategy:
    """The strategy of that name."""
    points = max(4, len(setting.space.searched))  # KerasTuner's 3 a parameter leave small budgets no model at all
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "random": (_Random, {"max_trials": None}),
        "grid": (_Grid, {"max_trials": None}),
        "bayesian": (_Bayesian, {"max_trials": None, "num_initial_points": points}),
        "hyperband": (Hyperband, {"max_epochs": setting.max_epochs, "hyperband_iterations": None}),
    }
    kind, own = kinds[name]
    return KerasTunerStrategy.of(kind, setting, **own)


class KerasTunerStrategy:
    """A keras_tuner Oracle behind ask, report and tell."""

    def __init__(self, oracle: Any, setting: Setting) -> None:
        self.setting, self.limit = setting, setting.trials
        self._oracle = oracle
        oracle.setup(self)
        self._asks = 0
        self._configs: list[Config] = []
        self._ids: dict[str, int] = {}  # KerasTuner's trial ids to ours; a promotion is a new one there
        self._running: dict[int, Any] = {}
        self.tried: set[str] = set()
        self.forced: Config | None = None

    @classmethod
    def of(cls, kind: Any, setting: Setting, **own: Any) -> KerasTunerStrategy:
        """The strategy around an oracle of that kind."""
        objective = keras_tuner.Objective(setting.objective.name, setting.objective.direction)
        shared = {"objective": objective, "hyperparameters": hyperparameters_of(setting.space), "seed": 1}  # never drawn from
        return cls(kind(**shared, **own), setting)

    @property
    def paused(self) -> frozenset[int]:
        """Members of rungs that are not yet decided."""
        return frozenset(self._ids[name] for name in self._oracle.undecided() if name in self._ids)

    @property
    def full(self) -> bool:
        """Whether no further configuration may be proposed."""
        return self.limit is not None and len(self._configs) >= self.limit

    def ask(self, config: Config | None = None) -> Trial | Answer:
        """The oracle's next trial."""
        self._asks += 1
        self.forced = config
        self._oracle.reseed(derived_seed(self.setting.seed, "ask", self._asks))
        while True:
            with _quiet():
                created = self._oracle.create_trial(f"slot-{self._asks}")
            if created.status == "STOPPED":
                return self._undo(WAIT if self._running else DONE)
            if created.status != "RUNNING":
                return self._undo(WAIT)
            values = dict(created.hyperparameters.values)
            parent = values.get(f"{HIDDEN}trial_id")
            if parent is not None and self._oracle.hopeless(str(parent)):
                self._oracle.finish(created, "COMPLETED", self.setting.objective.worst)
                continue
            return self._trial(created, values, parent)

    def replay(self, trial: Trial) -> bool:
        """Ask again: the oracle's own order brings the trial about, or it does not follow."""
        return self.ask(trial.config) == trial

    def _undo(self, answer: Answer) -> Answer:
        """An ask without a trial leaves no trace, so that a resumed study need not know of it."""
        self._asks -= 1
        return answer

    def _trial(self, created: Any, values: dict[str, Value], parent: Value | None) -> Trial:
        if parent is not None:
            number = self._ids[str(parent)]
        else:
            number = len(self._configs)
            config = rounded({name: value for name, value in values.items() if not name.startswith(HIDDEN)})
            if self.setting.recorded is not None:
                config = self.setting.recorded(config, self.tried)
                own = {name: value for name, value in values.items() if name.startswith(HIDDEN)}
                created.hyperparameters.values = {**config, **own}
            self._configs.append(config)
            self.tried.add(same(config))
        self._ids[created.trial_id] = number
        self._running[number] = created
        epochs = int(values.get(f"{HIDDEN}epochs", self.setting.max_epochs))
        return Trial(number, self._configs[number], epochs)

    def report(self, trial: Trial, epoch: int, score: float) -> Decision:
        """These methods decide at the end of a rung alone."""
        return Decision.CONTINUE

    def tell(self, trial: Trial, result: Result) -> None:
        """End the oracle's trial; a failed member of a rung makes room for another."""
        created = self._running.pop(trial.id)
        if result.status is Status.COMPLETED and result.score is not None and np.isfinite(result.score):
            self._oracle.finish(created, "COMPLETED", result.score)
        else:
            self._oracle.finish(created, "FAILED", None)
            self._oracle.dropped(created)


class _Mended:
    """What all oracles share: seeded draws without repeats, nothing printed or written."""

    strategy: KerasTunerStrategy
    trials: dict[str, Any]

    def setup(self, strategy: KerasTunerStrategy) -> None:
        """Know the strategy (its space, what it tried, what it is made to propose)."""
        self.strategy = strategy
        self.verbose = 0
        self.draw = 0
        self.told = 0.0

    def save(self) -> None:
        """The journal remembers."""

    def _save_trial(self, trial: Any) -> None:
        """The journal remembers."""

    def _check_consecutive_failures(self) -> None:
        """Failed trials are data; they never end a search."""

    def reseed(self, seed: int) -> None:
        """Draw the next proposal from this seed."""
        self.draw = seed

    def _random_values(self) -> Config | None:
        """A configuration that was not tried: the one that was asked for, a random one, or None."""
        strategy = self.strategy
        forced, strategy.forced = strategy.forced, None
        if strategy.full:
            return None
        if forced is not None and same(forced) not in strategy.tried:  # a tried one is a promotion's, not a new trial's
            return dict(forced)
        return untried(strategy.setting.space, strategy.tried, np.random.default_rng(self.draw))

    def finish(self, created: Any, status: str, score: float | None) -> None:
        """Tell the oracle of an end."""
        created.status = status
        if score is not None:
            # an infinite score would be NaN to KerasTuner; the worst is as good as the largest float
            self.told = float(np.clip(score, -1e300, 1e300))
        with _quiet():
            self.end_trial(created)  # type: ignore[attr-defined]  # KerasTuner's own

    def score_trial(self, trial: Any) -> None:
        """The score as it was told: KerasTuner's tracker of steps and repeats has nothing to add, and takes 0.2 ms."""
        trial.score, trial.best_step = self.told, 0

    def dropped(self, created: Any) -> None:
        """A failed trial: nothing to repair where there are no rungs."""

    def undecided(self) -> Iterable[str]:
        """Trials that may be promoted: none where there are no rungs."""
        return ()

    def hopeless(self, parent: str) -> bool:
        """Whether a promotion is of a member that only fills its rung."""
        return False


class _Random(_Mended, keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]  # KerasTuner ships no types
    """Configurations at random."""


class _Grid(_Mended, keras_tuner.oracles.GridSearchOracle):  # type: ignore[misc]  # KerasTuner ships no types
    """Every configuration in order, intervals at ten points. KerasTuner's order, without its list of running trials."""

    def setup(self, strategy: KerasTunerStrategy) -> None:
        """Start before the first combination."""
        super().setup(strategy)
        self.cursor: Config | None = None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The next combination that was not tried."""
        strategy = self.strategy
        if strategy.forced is not None and not strategy.full:
            return {"status": "RUNNING", "values": self._random_values()}
        while not strategy.full:
            last = self.cursor
            self.cursor = strategy.setting.space.default() if last is None else self._get_next_combination(last)
            if self.cursor is None:
                self.cursor = last
                break
            values = rounded(self.cursor)
            if same(values) not in strategy.tried:
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED", "values": None}

    def end_trial(self, trial: Any) -> None:
        """Keep the trial; the order does not depend on results."""
        keras_tuner.Oracle.end_trial(self, trial)


class _Bayesian(_Mended, keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]  # KerasTuner ships no types
    """A Gaussian process over what was told."""

    def reseed(self, seed: int) -> None:
        """Draw the next proposal from this seed."""
        super().reseed(seed)
        self._random_state = np.random.RandomState(seed)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """A random start, then where the confidence bound is best; what was tried gives way to a random one."""
        strategy = self.strategy
        if strategy.full:
            return {"status": "STOPPED", "values": None}
        if strategy.forced is not None:
            values = self._random_values()
            return {"status": "RUNNING" if values else "STOPPED", "values": values}
        if self.ongoing_trials:
            self._fit_completed()
        found: dict[str, Any] = super().populate_space(trial_id)
        values = rounded(found["values"]) if found["values"] else None
        if values is not None and same(values) in strategy.tried:
            values = self._random_values()
        return {"status": "RUNNING" if values else "STOPPED", "values": values}

    def _fit_completed(self) -> None:
        """Fit what has ended before what is running is judged.

        KerasTuner judges it by the fit of an earlier ask (the first time on no scale at all), which a resumed study lacks.
        """
        everything = self.trials
        completed = {name: trial for name, trial in everything.items() if trial.status == "COMPLETED"}
        if len(completed) < self.num_initial_points:
            return
        self.trials = completed
        try:
            self.gpr.fit(*self._vectorize_trials())
        finally:
            self.trials = everything


class Hyperband(_Mended, keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]  # KerasTuner ships no types
    """Brackets of rungs, the most aggressive first, again and again until the budget ends."""

    before = (0, 0)

    def _increment_bracket_num(self) -> None:
        """Count on, remembering from where: a bracket that cannot be begun must leave no trace."""
        self.before = (self._current_bracket, self._current_iteration)
        super()._increment_bracket_num()

    def _random_trial(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any]:
        """A new member of the first rung; where there is none left, fill the rung so that the others are promoted."""
        found: dict[str, Any] = super()._random_trial(trial_id, bracket)
        if found["status"] == "RUNNING":
            return found
        rung = bracket["rounds"][0]
        size = self._get_size(bracket["bracket_num"], 0)
        if not any(entry["id"] != GHOST for entry in rung):  # nobody to promote: this bracket is not begun
            self._brackets.remove(bracket)
            self._current_bracket, self._current_iteration = self.before
            return {"status": "IDLE"} if self._brackets and self.ongoing_trials else {"status": "STOPPED"}
        self.trials.setdefault(GHOST, self._ghost())
        rung.extend({"past_id": None, "id": GHOST} for _ in range(size - len(rung)))
        again: dict[str, Any] = self.populate_space(trial_id)
        return again

    def _ghost(self) -> Any:
        ghost = kt_trial.Trial(keras_tuner.HyperParameters(), trial_id=GHOST, status="COMPLETED")
        ghost.score = self.strategy.setting.objective.worst
        return ghost

    def hopeless(self, parent: str) -> bool:
        """Whether the member only fills its rung (a ghost, or one whose promotion failed)."""
        return bool(self.trials[parent].score == self.strategy.setting.objective.worst)

    def finish(self, created: Any, status: str, score: float | None) -> None:
        """Tell the oracle of an end; a member that only fills stays the worst."""
        super().finish(created, status, score)
        if score is not None and not np.isfinite(score):
            created.score = self.trials[created.trial_id].score = score

    def dropped(self, created: Any) -> None:
        """Take a failed trial out of its rung: a new one is drawn, or the next best is promoted."""
        for bracket in self._brackets:
            for rung in bracket["rounds"]:
                for entry in [entry for entry in rung if entry["id"] == created.trial_id]:
                    rung.remove(entry)
                    if entry["past_id"] is not None:
                        self.trials[entry["past_id"]].score = self.strategy.setting.objective.worst

    def undecided(self) -> Iterable[str]:
        """Members of every open bracket that are not in its last rung and were not promoted."""
        for bracket in self._brackets:
            rungs = bracket["rounds"]
            for number, (rung, above) in enumerate(pairwise(rungs), start=1):
                promoted = {entry["past_id"] for entry in above}
                if len(above) < self._get_size(bracket["bracket_num"], number):
                    yield from (entry["id"] for entry in rung if entry["id"] not in promoted)


class _Declared(keras_tuner.HyperParameters):  # type: ignore[misc]  # KerasTuner ships no types
    """A space that is declared in full: a copy differs in its values alone (KerasTuner's takes 0.7 ms)."""

    def copy(self) -> _Declared:
        """The same parameters, values of its own."""
        new = copy.copy(self)
        new.values = dict(self.values)
        return new


def hyperparameters_of(space: Space) -> Any:
    """The space as keras_tuner.HyperParameters."""
    hp = _Declared()
    for parameter in space.parameters:
        with _under(hp, parameter.conditions):
            domain, name = parameter.domain, parameter.name
            if not isinstance(domain, Grid):
                sampling = "log" if domain.log else "linear"
                hp.Float(name, domain.low, domain.high, sampling=sampling, default=domain.default)
            elif len(domain.values) == 1:
                hp.Fixed(name, domain.values[0])
            elif all(isinstance(value, bool) for value in domain.values):
                hp.Boolean(name, default=bool(domain.default))
            else:
                hp.Choice(name, list(domain.values), default=domain.default)
    return hp


@contextlib.contextmanager
def _under(hp: Any, conditions: Iterable[Condition]) -> Iterator[None]:
    """Nested conditional scopes."""
    with contextlib.ExitStack() as scopes:
        for condition in conditions:
            scopes.enter_context(hp.conditional_scope(condition.parent, list(condition.values)))
        yield


def rounded(values: Mapping[str, Any]) -> Config:
    """Values as the journal will hold them (Python's own numbers), so that a resumed study proposes from the very same."""
    return {name: printed(value.item() if isinstance(value, np.generic) else value) for name, value in values.items()}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the deprecated thread call of every oracle method and scikit-learn's warnings of convergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
