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
    """Where a strategy is made, and what it is in a few words. Its module is imported when it is asked for."""

    module: str
    make: Callable[[Any, str, Setting], Strategy]
    words: str


METHODS = {
    "random": Method("kerastuner", lambda module, name, setting: module.make(name, setting), "at random"),
    "grid": Method("kerastuner", lambda module, name, setting: module.make(name, setting), "every configuration in order"),
    "sobol": Method("sobol", lambda module, name, setting: module.Sobol(setting), "scrambled Sobol points: no holes"),
    "hyperband": Method("kerastuner", lambda module, name, setting: module.make(name, setting), "KerasTuner's: rungs of random"),
    "bayesian": Method("kerastuner", lambda module, name, setting: module.make(name, setting), "KerasTuner's Gaussian process"),
    "tpe": Method("optuna", lambda module, name, setting: module.make(name, setting), "Optuna's tree-structured Parzen estimator"),
    "gp": Method("optuna", lambda module, name, setting: module.make(name, setting), "Optuna's Gaussian process (needs torch)"),
    "cmaes": Method("cmaes", lambda module, name, setting: module.CmaEs(setting), "CMA-ES over the numbers, the rest at random"),
    "asha": Method("asha", lambda module, name, setting: module.Asha(setting), "asynchronous successive halving"),
    "bohb": Method("bohb", lambda module, name, setting: module.make(setting), "hyperband's rungs, members from a model"),
}


def warm(name: str) -> Any:
    """Import what a strategy needs, while the children's server loads TensorFlow on another core; its module."""
    with errors_to(os.devnull):
        return importlib.import_module(f".{METHODS[name].module}", __package__)


def _maker(name: str) -> Callable[[Setting], Strategy]:
    return lambda setting: METHODS[name].make(warm(name), name, setting)


for _name in METHODS:
    STRATEGIES[_name] = _maker(_name)

__all__ = ["METHODS", "STRATEGIES", "Setting", "Strategy", "warm"]
