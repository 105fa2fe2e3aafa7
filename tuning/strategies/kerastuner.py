"""KerasTuner's oracles as strategies, with their faults mended at this seam.

random, grid: O'Malley et al. 2019 (KerasTuner). hyperband: Li et al. 2018, "Hyperband: A Novel Bandit-Based Approach to
Hyperparameter Optimization". bayesian: a Gaussian process with a lower confidence bound (Srinivas et al. 2010).

Mended at this seam and in oracles.py (KerasTuner 1.4.8): seed 0 is a seed, and neighbouring seeds are unrelated; draws depend on
the number of the ask, so a resumed search goes on as it would have; duplicates are not run; a failed member of a rung is replaced
and never starves its bracket; a promotion continues the same trial; a small space ends when it is exhausted and no earlier; the
Gaussian process is fitted before it judges what is running; nothing is printed or written. The driver runs it in one thread.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator
from typing import Any

import keras_tuner
import numpy as np

from ..space import Condition, Config, Grid, Space, Value, same
from ..trial import DONE, WAIT, Answer, Decision, Result, Status, Trial, derived_seed
from .base import Setting, Strategy
from .oracles import Bayesian, Hyperband, Random, quiet, rounded
from .oracles import Grid as GridOracle

HIDDEN = "tuner/"  # KerasTuner keeps its own bookkeeping among the values under this prefix


def make(name: str, setting: Setting) -> Strategy:
    """The strategy of that name."""
    points = max(4, len(setting.space.searched))  # KerasTuner's 3 a parameter leave small budgets no model at all
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "random": (Random, {"max_trials": None}),
        "grid": (GridOracle, {"max_trials": None}),
        "bayesian": (Bayesian, {"max_trials": None, "num_initial_points": points}),
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
            with quiet():
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
