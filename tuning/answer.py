"""The answer of a search: which units, what cannot be told apart, what every other choice costs; from fresh seeds.

What needs more trials than there are seeds (depth at equal parameters, the units one direction needs, what mattered) comes from
the search's trials by regression, and is marked so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .advice import Advice, Observed
from .answer_schema import Answer, Claim, Fit, Importance, Raced
from .importance import importances
from .inference import LEVEL, Estimate, difference, holm, pooled
from .ledger import Confirmed, Record, alive
from .objective import Objective
from .race import Candidate, Prefer, Race, alone, contenders, mean
from .sentence import sentence
from .words import ORDINAL, Scale

CONSTANT = ("majority", "mean", "mean return", "unigram")  # baselines that do not look at the input
PLAIN: dict[str, Any] = {"layers": 1, "bidirectional": False, "taper": "constant", "cell": "lstm"}
Baselines = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Evidence:
    """All that an answer is drawn from. `test`: metrics, low and high of the chosen configuration; None where not tested."""

    objective: Objective
    candidates: Sequence[Candidate]
    chosen: Candidate
    prefer: Prefer
    records: Sequence[Record]
    confirmed: Mapping[str, Confirmed]
    baselines: Baselines
    test: Mapping[str, Any] | None = None
    share: float = 1.0  # of the budget for fresh seeds
    seconds: float = math.inf  # that importance may take


def answered(found: Evidence) -> Answer:
    """The answer."""
    race = Race([one for one in found.candidates if one.losses or one.failed], found.objective)
    prior = pooled(race.runs())
    raced = [_raced(one, found, race, prior) for one in found.candidates if one.losses or one.failed]
    raced.sort(key=lambda one: (one.units or 0, one.parameters_without_embedding))
    width, learned, trials = race.half_width(), _learned(found), observed(found.records, found.objective)
    within = sorted({one.units for one in raced if one.units and _is_size(one) and not one.apart and one.seeds > 1})
    # networks that are no better than a constant guess differ in how far luck takes them (the best of many epochs), not in worth
    compared = _claims(found, prior) if learned is not False else []
    claims = [*compared, *_regressed(trials, found.objective, learned), *_naive(found)]
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
    return answer.model_copy(update={"sentence": sentence(answer, found.objective, found.share > 0)})


def observed(records: Sequence[Record], objective: Objective) -> list[Observed]:
    """The search's trials as rows of a table."""
    found = []
    for record in records:
        if not (record.completed and alive(record)) or record.score is None:
            continue
        logs: dict[str, float] = next((e["metrics"] for e in record.curve if e["epoch"] == record.best_epoch), {})
        seconds = [float(epoch["seconds"]) for epoch in record.curve]
        usual = float(np.median(seconds[1:])) if len(seconds) > 1 else None
        loss, size = objective.key(record.score), record.parameters_without_embedding
        fit = [value if value is not None and math.isfinite(value) else None for value in map(logs.get, ("loss", "val_loss"))]
        found.append(Observed(record.config, loss, size, usual, *fit))
    return found


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
        mean=_finite(sign * own.mean),
        low=_finite(low),
        high=_finite(high),
        cost=_finite(cost.mean) if one is not found.chosen else None,
        cost_low=_finite(cost.interval()[0]) if one is not found.chosen else None,
        cost_high=_finite(cost.interval()[1]) if one is not found.chosen else None,
        seconds=float(np.median([event["seconds"] / max(1, event["epochs"]) for event in events])) if events else None,
        latency_ms=next((event["latency_ms"] for event in events if event.get("latency_ms") is not None), None),
        failed=one.failed,
    )


def _best_of(one: Candidate) -> list[str]:
    """What it was raced for."""
    if not one.roles:
        return ["default" if one.trial is None else "earlier best"]
    return [f"{name}={value}" if name else "search" for name, value in one.roles]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


# claims from fresh seeds


def _claims(found: Evidence, prior: tuple[float, float]) -> list[Claim]:
    """The chosen against the defaults, and each other choice of the structure against the plain one, by Holm over all."""
    raw: list[tuple[str, str, Estimate, float | None]] = []
    default = next((one for one in found.candidates if not one.roles and one.trial is None), None)
    if default is not None and default is not found.chosen and len(default.losses) >= 2:
        gain = difference(default.losses, found.chosen.losses, prior)
        raw.append(("default", "the chosen network against the one with every default", gain, _times(found, found.chosen, default)))
    for name, plain in PLAIN.items():
        ways = {value: one for one in found.candidates for role, value in one.roles if role == name and len(one.losses) >= 2}
        for value, one in ways.items():
            if value != plain and plain in ways:
                gain = difference(ways[plain].losses, one.losses, prior)
                raw.append((name, _changed(name, value), gain, _times(found, one, ways[plain])))
    known = [one for one in raw if one[2].df > 0]
    p = holm([gain.p_two for _, _, gain, _ in known])
    return [_claim(found.objective, *one, sure) for one, sure in zip(known, p, strict=True)]


def _changed(name: str, value: object) -> str:
    if name == "layers":
        return f"a {ORDINAL[value]} layer" if isinstance(value, int) and value in ORDINAL else f"{value} layers"
    return {"bidirectional": "the second direction", "taper": "halving units from layer to layer"}.get(name, f"{name} {value}")


def _claim(objective: Objective, name: Any, what: str, gain: Estimate, times: float | None, p: float) -> Claim:
    """In words: pays, harms, or makes no difference that could be seen."""
    scale, (low, high) = Scale(objective), gain.interval()
    told = f"{what}: {scale.gain(gain.mean, low, high)}"
    dearer = f" {times:.1f} times the time" if times is not None and times >= 1.15 else ""
    if p < LEVEL:
        told += f", for{dearer}" if gain.mean > 0 and dearer else "" if gain.mean > 0 else ", so it harms"
    else:
        told += f", not worth{dearer}" if dearer else ", no difference beyond noise"
    return Claim(question=name, text=told, gain=gain.mean, low=_finite(low), high=_finite(high), p=p, seeds=gain.n)


def _times(found: Evidence, one: Candidate, other: Candidate) -> float | None:
    """How many times as long an epoch takes."""
    seconds = []
    for candidate in (one, other):
        runs = found.confirmed[candidate.key].runs.values() if candidate.key in found.confirmed else ()
        seconds.append([run["seconds"] / max(1, run["epochs"]) for run in runs])
    if not all(seconds) or min(map(min, seconds)) <= 0:
        return None
    return float(np.median(seconds[0]) / np.median(seconds[1]))


# claims from the search's trials


def _regressed(trials: Sequence[Observed], objective: Objective, learned: bool | None) -> list[Claim]:
    """Depth at equal parameters, and the units that one direction needs to match both."""
    try:
        advice = Advice(trials)
    except ValueError:
        return []
    claims, scale = [], Scale(objective)
    for one in advice.compared():
        if one.name != "depth":
            continue
        low, high = one.gain.interval()
        what = f"two layers of {one.second['units']} units against one of {one.first['units']}, about as many parameters"
        told = f"{what}: {scale.gain(one.gain.mean, low, high)}"
        told += ", no difference beyond noise" if low <= 0 <= high or learned is False else ""
        claims.append(Claim(question="depth", text=told, gain=one.gain.mean, low=low, high=high))
    matched = advice.match() if learned is not False else None
    if matched:
        both, one_way = matched
        needed = f"needs about {one_way} units" if one_way else "does not get there with any size tried"
        claims.append(Claim(question="match", text=f"to match {both} units in both directions, one direction {needed}"))
    return claims


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


# against what costs nothing


def _learned(found: Evidence) -> bool | None:
    """Whether the network is better on test than every constant guess; None where that is not certain.

    Yes: beyond rows and seeds. No: not even beyond the chance of rows, with all its seeds taken together.
    """
    test, metric = found.test, found.objective.metric
    constants = [parts["test"][metric] for name, parts in found.baselines.items() if name in CONSTANT and metric in parts["test"]]
    if test is None or test.get("low") is None or not constants:
        return None
    end = "low" if found.objective.direction == "max" else "high"
    surely, barely = (all(found.objective.better(test[key], guess) for guess in constants) for key in (end, f"rows_{end}"))
    return True if surely else None if barely else False


def _naive(found: Evidence) -> list[Claim]:
    """The network against each baseline, on test."""
    test, metric, scale = found.test, found.objective.metric, Scale(found.objective)
    if test is None or test.get("low") is None or metric not in test["metrics"]:
        return []
    sign = 1.0 if found.objective.direction == "max" else -1.0
    claims = []
    for name, parts in found.baselines.items():
        if metric in parts["test"]:
            base = parts["test"][metric]
            low, high = sorted(sign * (end - base) for end in (test["low"], test["high"]))
            gain = sign * (test["metrics"][metric] - base)
            word = "better than" if low > 0 else "worse than" if high < 0 else "no different from"
            told = f"on test {word} {name}: {scale.gain(gain, low, high)}"
            claims.append(Claim(question="naive", text=told, gain=gain, low=low, high=high, seeds=test.get("seeds", 1)))
    return claims


def _optimism(found: Evidence) -> float | None:
    """How much the best search score promised beyond what its configuration keeps on fresh seeds."""
    best = found.candidates[0]
    if best.search is None or not best.losses or not math.isfinite(best.search):
        return None
    return mean(best) - best.search
