"""Smaller networks with the best's other settings, so that each size is compared as well tuned as the best is.

What a search knows of a small size is often one trial with a poor rate: sizes would be told apart that are not. Learning rate and
dropout hardly depend on the size (Greff et al. 2017), so the best's settings are tried with ever fewer units, until a size and the
next below it are worse; then the smallest that is close with ever narrower embeddings, for these are most of the parameters. A
strategy gives up a small network early, for it learns more slowly and will not be the best: it goes on as long as it may end close.
The smallest that is close is what the race holds against the best.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .ledger import ANY, Ledger, Record, alive
from .objective import Objective
from .race import margin_of
from .space import Config

FEW = 5  # trials before there is a best to go down from
MISSES = 2  # sizes in a row, an octave of the usual ladder, after which smaller ones are not tried
WIDTHS = ("units", "embedding")  # what a network is made smaller in, one after the other
BEHIND = 2.0  # margins that a smaller one may lose after as many epochs and still go on


def smaller(ledger: Ledger, widths: Mapping[str, Sequence[int]], epochs_per_pass: int = 1) -> Config | None:
    """The next to be tried; None where none is, or one must end first. `widths`: of each the values in rising order."""
    best = ledger.bests.get(ANY)
    if best is None or best.score is None or len(ledger.records) < FEW or looked_at(best):
        return None
    config = _fewer_units(ledger, best, widths.get("units", ()))
    if config is None:
        config = _narrower(smallest_close(ledger, epochs_per_pass) or best, widths.get("embedding", ()))
    number = ledger.trial_of(config) if config else None
    return config if number is None else None


def _fewer_units(ledger: Ledger, best: Record, sizes: Sequence[int]) -> Config | None:
    """The best with the most units that are not known yet, or that run; None where smaller ones are worse.

    A size counts as known where a trial of it is close to the best, or where the best's settings have been tried with it.
    """
    misses = 0
    for size in [size for size in reversed(sizes) if size < int(best.config.get("units", 0))]:
        own = ledger.bests.get(("units", size))
        if own is not None and close(own, best, ledger.objective):
            misses = 0
            continue
        config: Config = {**best.config, "units": size}
        tried = ledger.trial_of(config)
        if tried is None or tried in ledger.open:
            return config
        misses = 0 if close(ledger.records[tried], best, ledger.objective) else misses + 1
        if misses == MISSES:
            return None
    return None


def _narrower(small: Record, values: Sequence[int]) -> Config | None:
    """A network with the next narrower embedding; None where there is none. One that was tried was not close."""
    below = [value for value in values if value < int(small.config.get("embedding", 0))]
    return {**small.config, "embedding": below[-1]} if below else None


def goes_on(one: Record, ledger: Ledger, epochs_per_pass: int = 1) -> bool:
    """Whether a trial that would pause is trained on: it is the best made smaller, and would be the smallest that is close.

    For that it must not be far behind the best after as many epochs.
    """
    best, objective = ledger.best, ledger.objective
    if best is None or one.score is None or not _alike(one.config, best.config):
        return False
    small = smallest_close(ledger, epochs_per_pass) or best
    mine, its, least = _widths(one.config), _widths(best.config), _widths(small.config)
    if any(mine[name] > its[name] for name in mine) or all(mine[name] >= least.get(name, 0) for name in mine):
        return False
    loss = max(_after(best, len(one.curve), objective), objective.key(best.score or 0.0))
    return objective.key(one.score) <= loss + BEHIND * margin_of(objective, loss)


def _alike(one: Config, other: Config) -> bool:
    """Whether two networks differ in nothing but their widths."""
    mine, its = _widths(one), _widths(other)
    return one | dict.fromkeys(mine, 0) == other | dict.fromkeys(its, 0)


def _widths(config: Config) -> dict[str, int]:
    """What a network has of the widths; a model of the user's own may mean something else by a name."""
    return {name: value for name in WIDTHS if isinstance(value := config.get(name), int)}


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

    One that paused, and differs from the best in its widths alone, is held against what the best had after as many epochs.
    """
    if one.score is None or best.score is None:
        return False
    loss, least = objective.key(one.score), objective.key(best.score)
    if one.paused and _alike(one.config, best.config):
        least = max(least, _after(best, len(one.curve), objective))
    return loss <= least + margin_of(objective, least)


def _after(record: Record, epochs: int, objective: Objective) -> float:
    """The least loss that a trial had in its first epochs; minus infinity where it had none."""
    scores = (epoch["score"] for epoch in record.curve[:epochs])
    return min((objective.key(score) for score in scores if score is not None), default=-math.inf)
