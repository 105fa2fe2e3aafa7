"""KerasTuner's oracles with their faults mended, each known by the strategy that drives it (see kerastuner.py)."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as kt_trial

from ..space import Config, printed, same
from .proposer import untried

if TYPE_CHECKING:
    from .kerastuner import KerasTunerStrategy

GHOST = "ghost"


class Mended:
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
        with quiet():
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


class Random(Mended, keras_tuner.oracles.RandomSearchOracle):  # type: ignore[misc]  # KerasTuner ships no types
    """Configurations at random."""


class Grid(Mended, keras_tuner.oracles.GridSearchOracle):  # type: ignore[misc]  # KerasTuner ships no types
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


class Bayesian(Mended, keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]  # KerasTuner ships no types
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


class Hyperband(Mended, keras_tuner.oracles.HyperbandOracle):  # type: ignore[misc]  # KerasTuner ships no types
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


def rounded(values: Mapping[str, Any]) -> Config:
    """Values as the journal will hold them (Python's own numbers), so that a resumed study proposes from the very same."""
    return {name: printed(value.item() if isinstance(value, np.generic) else value) for name, value in values.items()}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the deprecated thread call of every oracle method and scikit-learn's warnings of convergence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
