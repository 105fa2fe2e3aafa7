"""The answer of a search: which units, what cannot be told apart, what every other choice costs; from fresh seeds.

What needs more trials than there are seeds (depth at equal parameters, the units one direction needs, what mattered) comes from
the search's trials by regression, and is marked so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .advice import Observed
from .answer_schema import Answer, Fit, Importance, Raced
from .claims import compared_of, naive, regressed
from .evidence import Evidence, learned_of, observed
from .importance import importances
from .inference import difference, finite, pooled
from .race import Candidate, Race, alone, contenders, mean
from .sentence import sentence


def answered(found: Evidence) -> Answer:
    """The answer."""
    race = Race([one for one in found.candidates if one.losses or one.failed], found.objective)
    prior = pooled(race.runs())
    raced = [_raced(one, found, race, prior) for one in found.candidates if one.losses or one.failed]
    raced.sort(key=lambda one: (one.units or 0, one.parameters_without_embedding))
    width, learned, trials = race.half_width(), learned_of(found), observed(found.records, found.objective)
    within = sorted({one.units for one in raced if one.units and _is_size(one) and not one.apart and one.seeds > 1})
    # networks that are no better than a constant guess differ in how far luck takes them (the best of many epochs), not in worth
    compared = compared_of(found, prior) if learned is not False else []
    claims = [*compared, *regressed(trials, found.objective, learned), *naive(found)]
    answer = Answer(
        sentence="",
        units=_units(found.chosen),
        interval=(within[0], within[-1]) if within else None,
        prefer=found.prefer,
        metric=found.objective.metric,
        seeds=len(found.chosen.losses),
        margin=race.margin,
        half_width=width if math.isfinite(width) else None,
        settled=race.settled(),
        optimism=_optimism(found),
        learned=learned,
        raced=raced,
        claims=claims,
        importance=importance_of(trials, found.seconds) if learned is not False else [],
        fit=_fit(trials),
    )
    return answer.model_copy(update={"sentence": sentence(answer, found.objective)})


def _units(one: Candidate) -> int | None:
    units = one.config.get("units")
    return units if isinstance(units, int) else None


def _is_size(one: Raced) -> bool:
    return any(role.startswith("units=") for role in one.best_of) or one.chosen


def _raced(one: Candidate, found: Evidence, race: Race, prior: tuple[float, float]) -> Raced:
    """A configuration's figures, in the objective's own direction."""
    among, sign = contenders(found.candidates), -1.0 if found.objective.direction == "max" else 1.0
    apart = race.lost(one) or (len(one.losses) > 1 and one not in among)
    own = alone(one, found.candidates)
    cost = difference(one.losses, found.chosen.losses, prior)
    events = list(found.confirmed[one.key].runs.values()) if one.key in found.confirmed else []
    low, high = sorted(sign * end for end in own.interval())
    return Raced(
        units=_units(one),
        hyperparameters=one.config,
        best_of=_best_of(one),
        chosen=one is found.chosen,
        apart=bool(apart),
        parameters=events[0]["parameters"] if events else 0,
        parameters_without_embedding=one.size,
        seeds=len(one.losses),
        mean=finite(sign * own.mean),
        low=finite(low),
        high=finite(high),
        cost=finite(cost.mean) if one is not found.chosen else None,
        cost_low=finite(cost.interval()[0]) if one is not found.chosen else None,
        cost_high=finite(cost.interval()[1]) if one is not found.chosen else None,
        seconds=float(np.median([event["seconds"] / max(1, event["epochs"]) for event in events])) if events else None,
        latency_ms=next((event["latency_ms"] for event in events if event.get("latency_ms") is not None), None),
        failed=one.failed,
    )


def _best_of(one: Candidate) -> list[str]:
    """What it was raced for."""
    if not one.roles:
        return ["earlier choice"]
    return [f"{name}={value}" if name else str(value) or "search" for name, value in one.roles]


def importance_of(trials: Sequence[Observed], seconds: float) -> list[Importance]:
    """What mattered; nothing where trials or seconds are too few."""
    shares = importances([t.config for t in trials], [t.loss for t in trials], seconds=seconds)
    return [Importance(**vars(one), mattered=one.mattered) for one in shares]


def _fit(trials: Sequence[Observed]) -> list[Fit]:
    """Training and validation loss by size."""
    found = []
    for units in sorted({int(t.config["units"]) for t in trials if isinstance(t.config.get("units"), int)}):
        both = [
            (t.train, t.valid) for t in trials if t.config.get("units") == units and t.train is not None and t.valid is not None
        ]
        if both:
            train, valid = np.mean(np.array(both, float), axis=0)
            found.append(Fit(units=units, trials=len(both), train_loss=float(train), valid_loss=float(valid)))
    return found


def _optimism(found: Evidence) -> float | None:
    """How much the best search score promised beyond what its configuration keeps on fresh seeds; None where rows differ too."""
    if found.folds:
        return None
    best = min(found.candidates, key=lambda one: math.inf if one.search is None else one.search)
    if best.search is None or not best.losses or not math.isfinite(best.search):
        return None
    return mean(best) - best.search
