"""Which configuration next: one file a family of methods, found by name."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..quiet import errors_to
from ..registry import Registry
from .base import Setting, Strategy

STRATEGIES: Registry[Callable[[Setting], Strategy]] = Registry("strategy")


KERASTUNER = ("random", "grid", "hyperband", "bayesian")


def warm(name: str) -> None:
    """Import what a strategy needs, while the children's server does the same on another core."""
    if name in KERASTUNER:
        with errors_to(os.devnull):
            from . import kerastuner  # noqa: F401


def _kerastuner(name: str) -> Callable[[Setting], Strategy]:
    def make(setting: Setting) -> Strategy:
        warm(name)
        from . import kerastuner  # loads TensorFlow, so only when it is asked for

        return kerastuner.make(name, setting)

    return make


for _name in KERASTUNER:
    STRATEGIES[_name] = _kerastuner(_name)

__all__ = ["STRATEGIES", "Setting", "Strategy", "warm"]
