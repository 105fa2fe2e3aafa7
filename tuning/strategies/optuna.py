"""Optuna's samplers as strategies: TPE and GP.

tpe: Bergstra et al. 2011, in Optuna's multivariate form (Falkner et al. 2018). gp: a Gaussian process with log expected
improvement (Ament et al. 2023); needs torch. A sampler is made anew at every ask with a seed of its own and sees what was
told, so a resumed search goes on as it would have. Both fit a model at every ask: made for hundreds of trials, not thousands.
"""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from ..errors import BadValue
from ..space import Config, Grid, Interval, Parameter, Value
from ..trial import Trial
from .base import Setting
from .cube import ordered
from .proposer import Proposer

STARTUP = 10  # trials at random before a model


def make(name: str, setting: Setting) -> OptunaStrategy:
    """The strategy of that name."""
    if name == "gp" and importlib.util.find_spec("torch") is None:
        raise BadValue("--strategy gp needs torch, which is not installed: pip install torch, or take tpe or bayesian")
    return OptunaStrategy(name, setting)


class OptunaStrategy(Proposer):
    """A sampler of Optuna's behind ask and tell."""

    def __init__(self, name: str, setting: Setting) -> None:
        super().__init__(setting)
        self._name = name
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study()
        self._numbers: dict[int, int] = {}  # our trials' ids to the study's

    def propose(self, rng: np.random.Generator) -> Config | None:
        """What the sampler suggests, parameters in the order of their declaration, those that count alone."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # experimental options, dynamic spaces
            self._study.sampler = self._sampler(int(rng.integers(2**31)))
            trial = self._study.ask()
            config: Config = {}
            for parameter in self.setting.space.parameters:
                if parameter.active(config):
                    config[parameter.name] = self._suggested(trial, parameter)
            self._study.tell(trial, state=TrialState.FAIL)  # begin() adds it as the journal will hold it
        return config

    def _sampler(self, seed: int) -> Any:
        if self._name == "gp":
            return optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP)
        wise: dict[str, Any] = {"multivariate": True, "group": True, "constant_liar": True, "warn_independent_sampling": False}
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, **wise)

    def begin(self, number: int, epochs: int) -> Trial:
        """A trial, running also in Optuna's study."""
        trial = super().begin(number, epochs)
        searched = [p for p in self.setting.space.searched if p.name in trial.config]
        parameters = {p.name: internal(p.domain, trial.config[p.name]) for p in searched}
        distributions = {p.name: distribution(p.domain) for p in searched}
        self._numbers[number] = len(self._study.get_trials(deepcopy=False))
        self._study.add_trial(create_trial(state=TrialState.RUNNING, params=parameters, distributions=distributions))
        return trial

    def _suggested(self, trial: Any, parameter: Parameter) -> Value:
        domain, name = parameter.domain, parameter.name
        if isinstance(domain, Interval):
            return domain.nearest(trial.suggest_float(name, domain.low, domain.high, log=domain.log))
        if len(domain.values) == 1:
            return domain.values[0]
        if ordered(domain):
            return domain.values[int(trial.suggest_int(name, 0, len(domain.values) - 1))]
        return trial.suggest_categorical(name, list(domain.values))  # type: ignore[no-any-return]  # Optuna returns Any

    def learn(self, trial: Trial, loss: float) -> None:
        """Tell Optuna; what failed is infinite, which each sampler takes for the worst that it has seen."""
        self._study.tell(self._numbers.pop(trial.id), loss)


def distribution(domain: Grid | Interval) -> BaseDistribution:
    """The domain as Optuna knows it: grids of numbers by their place."""
    if isinstance(domain, Interval):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    return IntDistribution(0, len(domain.values) - 1) if ordered(domain) else CategoricalDistribution(domain.values)


def internal(domain: Grid | Interval, value: Value) -> Value:
    """A value as Optuna's distribution holds it."""
    return domain.values.index(value) if isinstance(domain, Grid) and ordered(domain) else value
