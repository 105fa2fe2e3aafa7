"""Smaller networks with the best's other settings, so that each size is compared as well tuned as the best is.

What a search knows of a small size is often one trial with a poor rate: sizes would be told apart that are not. Learning rate and
dropout hardly depend on the size (Greff et al. 2017), so the best's settings are tried with ever fewer units, until a size and the
next below it are worse.
"""

from __future__ import annotations

from collections.abc import Sequence

from .ledger import ANY, Ledger
from .race import margin_of
from .space import Config

FEW = 10  # trials before there is a best to go down from
MISSES = 2  # sizes in a row, an octave of the usual ladder, after which smaller ones are not tried


def smaller(ledger: Ledger, sizes: Sequence[int]) -> Config | None:
    """The next to be tried, of `sizes` in rising order; None where none is, or one must end first.

    A size counts as known where a trial of it has lost no more than the margin against the best, or where the best's settings
    have been tried with it.
    """
    best, key, misses = ledger.bests.get(ANY), ledger.objective.key, 0
    if best is None or best.score is None or len(ledger.records) < FEW:
        return None
    most = key(best.score) + margin_of(ledger.objective, key(best.score))
    for size in [size for size in reversed(sizes) if size < int(best.config.get("units", 0))]:
        own = ledger.bests.get(("units", size))
        if own is not None and own.score is not None and key(own.score) <= most:
            misses = 0
            continue
        config: Config = {**best.config, "units": size}
        tried = ledger.trial_of(config)
        if tried is None:
            return config
        if tried in ledger.open:
            return None
        misses += 1
        if misses == MISSES:
            return None
    return None
