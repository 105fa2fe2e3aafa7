"""Which configuration next: one file a family of methods, found by name."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..quiet import errors_to
from ..registry import Registry
from .base import Setting, Strategy

STRATEGIES: Registry[Callable[[Setting], Strategy]] = Registry("strategy")


@dataclass(frozen=True)
class Method:
    """The module whose `make(name, setting)` makes a strategy, imported when it is asked for; and what it is in a few words."""

    module: str
    words: str


METHODS = {
    "auto": Method("auto", "a portfolio, then what promises most for its seconds"),
    "portfolio": Method("portfolio", "what did well on many tasks, cheap first; then at random"),
    "random": Method("kerastuner", "at random"),
    "grid": Method("kerastuner", "every configuration in order"),
    "sobol": Method("sobol", "scrambled Sobol points: no holes"),
    "hyperband": Method("kerastuner", "KerasTuner's: rungs of random"),
    "bayesian": Method("kerastuner", "KerasTuner's Gaussian process"),
    "tpe": Method("optuna", "Optuna's tree-structured Parzen estimator"),
    "gp": Method("optuna", "Optuna's Gaussian process (needs torch)"),
    "cmaes": Method("cmaes", "CMA-ES over the numbers, the rest at random"),
    "asha": Method("asha", "asynchronous successive halving"),
    "bohb": Method("bohb", "hyperband's rungs, members from a model"),
}


def warm(name: str) -> Any:
    """Import what a strategy needs, while the children's server loads TensorFlow on another core; its module."""
    with errors_to(os.devnull):
        return importlib.import_module(f".{METHODS[name].module}", __package__)


def _maker(name: str) -> Callable[[Setting], Strategy]:
    return lambda setting: warm(name).make(name, setting)


for _name in METHODS:
    STRATEGIES[_name] = _maker(_name)

__all__ = ["METHODS", "STRATEGIES", "Setting", "Strategy", "warm"]
