"""Smaller networks with the best's other settings, so that each size is compared as well tuned as the best is.

What a search knows of a small size is often one trial with a poor rate: sizes would be told apart that are not. Learning rate and
dropout hardly depend on the size (Greff et al. 2017), so the best's settings are tried with ever fewer units, until a size and the
next below it are worse. The smallest that is close is what the race holds against the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .ledger import ANY, Ledger, Record, alive
from .objective import Objective
from .race import margin_of
from .space import Config

FEW = 5  # trials before there is a best to go down from
MISSES = 2  # sizes in a row, an octave of the usual ladder, after which smaller ones are not tried


def smaller(ledger: Ledger, sizes: Sequence[int]) -> Config | None:
    """The next to be tried, of `sizes` in rising order; None where none is, or one must end first.

    A size counts as known where a trial of it is close to the best, or where the best's settings have been tried with it.
    """
    best, misses = ledger.bests.get(ANY), 0
    if best is None or best.score is None or len(ledger.records) < FEW or looked_at(best):
        return None
    for size in [size for size in reversed(sizes) if size < int(best.config.get("units", 0))]:
        own = ledger.bests.get(("units", size))
        if own is not None and close(own, best, ledger.objective):
            misses = 0
            continue
        config: Config = {**best.config, "units": size}
        tried = ledger.trial_of(config)
        if tried is None:
            return config
        if tried in ledger.open:
            return None
        misses = 0 if close(ledger.records[tried], best, ledger.objective) else misses + 1
        if misses == MISSES:
            return None
    return None


def looked_at(best: Record) -> bool:
    """Whether a trial had no more than its first epoch and waits: what is best is not known before it goes on."""
    return best.paused and len(best.curve) == 1


def smallest_close(ledger: Ledger, epochs_per_pass: int = 1) -> Record | None:
    """Of the trials that are close to the best, the one with the fewest parameters, embeddings aside; of equals the better.

    Within a pass all sizes learn alike at first: there one that paused must have had half of the best's epochs.
    """
    best, objective = ledger.best, ledger.objective
    if best is None or not best.completed:
        return best
    small, least = best, _order(best, objective)
    for one in ledger.records.values():
        early = epochs_per_pass > 1 and one.paused and 2 * len(one.curve) < len(best.curve)
        if one.completed and alive(one) and not early and _order(one, objective) < least and close(one, best, objective):
            small, least = one, _order(one, objective)
    return small


def _order(record: Record, objective: Objective) -> tuple[int, float, int]:
    return record.parameters_without_embedding, objective.key(record.score or 0.0), record.id


def close(one: Record, best: Record, objective: Objective) -> bool:
    """Whether a trial has lost no more than the margin against the best.

    One that paused, and differs from the best in its units alone, is held against what the best had after as many epochs.
    """
    if one.score is None or best.score is None:
        return False
    loss, least = objective.key(one.score), objective.key(best.score)
    if one.paused and one.config | {"units": 0} == best.config | {"units": 0}:
        least = max(least, _after(best, len(one.curve), objective))
    return loss <= least + margin_of(objective, least)


def _after(record: Record, epochs: int, objective: Objective) -> float:
    """The least loss that a trial had in its first epochs; minus infinity where it had none."""
    scores = (epoch["score"] for epoch in record.curve[:epochs])
    return min((objective.key(score) for score in scores if score is not None), default=-math.inf)
