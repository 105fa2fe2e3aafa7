"""How long one prediction takes, as the exported network makes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..task import TaskSpec
from .batches import plain, trimmed
from .store import open_split


def latency_ms(forward: Callable[[Any], Any], task: TaskSpec, data: Path, ours: bool, repeats: int = 20) -> float:
    """Milliseconds for one prediction of one row: the median of several, traced before."""
    split = open_split(data, "valid")
    inputs, _ = trimmed(task, split.x, split.y, np.array([0]), np.asarray(split.lengths))
    if not ours:
        whole, _ = plain(task, split)
        inputs = tuple(one[:1] for one in whole) if isinstance(whole, list) else whole[:1]
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        forward(inputs)
        seconds.append(time.perf_counter() - start)
    return round(1000 * float(np.median(seconds[1:])), 3)
