"""What may be claimed of other choices: from fresh seeds, from the search's trials, and beside what costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .advice import Advice, Observed
from .answer_schema import Claim
from .evidence import Evidence
from .inference import LEVEL, Estimate, difference, finite, holm
from .objective import Objective
from .race import DEFAULTS, Candidate
from .words import ORDINAL, Scale, against

PLAIN: dict[str, Any] = {"layers": 1, "bidirectional": False, "taper": "constant", "cell": "lstm"}


# from fresh seeds


def compared_of(found: Evidence, prior: tuple[float, float]) -> list[Claim]:
    """The chosen against the defaults, and each other choice of the structure against the plain one, by Holm over all."""
    raw: list[tuple[str, str, Estimate, float | None]] = []
    default = next((one for one in found.candidates if DEFAULTS in one.roles), None)
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
    return Claim(question=name, text=told, gain=gain.mean, low=finite(low), high=finite(high), p=p, seeds=gain.n)


def _times(found: Evidence, one: Candidate, other: Candidate) -> float | None:
    """How many times as long an epoch takes."""
    seconds = []
    for candidate in (one, other):
        runs = found.confirmed[candidate.key].runs.values() if candidate.key in found.confirmed else ()
        seconds.append([run["seconds"] / max(1, run["epochs"]) for run in runs])
    if not all(seconds) or min(map(min, seconds)) <= 0:
        return None
    return float(np.median(seconds[0]) / np.median(seconds[1]))


# from the search's trials


def regressed(trials: Sequence[Observed], objective: Objective, learned: bool | None) -> list[Claim]:
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


# beside what costs nothing


def naive(found: Evidence) -> list[Claim]:
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
            told = f"on test {against(low, high)} {name}: {scale.gain(gain, low, high)}"
            claims.append(Claim(question="naive", text=told, gain=gain, low=low, high=high, seeds=test.get("seeds", 1)))
    return claims
