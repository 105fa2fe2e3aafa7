"""`advise`: the answer from trials recorded elsewhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..advice import FIGURES as SIZE_FIGURES
from ..advice import Advice, Size
from ..arguments import Parser
from ..errors import DataError
from ..foreign import FIGURES, ROLES, Foreign, foreign
from ..importance import Method, importances
from ..inference import LEVEL, Estimate
from ..journal import strict
from ..ranges import parse_assignment
from ..words import Scale, span, structure

METHODS: tuple[Method, ...] = ("fanova", "ped-anova")


def main(argv: Sequence[str], prog: str) -> int:
    """`advise TABLE --score COL --units COL [--layers COL ...] [--where COL=VALUE] [--json]`."""
    parser = Parser(prog=prog, description="How many units, from a table of trials: csv, tsv, jsonl, parquet, .gz of them.")
    parser.add_argument("table", metavar="TABLE", help="a row a trained network")
    parser.add_argument("--score", required=True, metavar="COL", help="column of the score; COL:min where less is better")
    for role in (*ROLES, *FIGURES):
        parser.add_argument(f"--{role}", metavar="COL", required=role == "units", help=f"column of {role}")
    parser.add_argument("--where", action="append", default=[], metavar="COL=VALUE", help="rows with this value alone (repeatable)")
    parser.add_argument("--ignore", default="", metavar="A,B", help="columns that are neither settings nor figures")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse(argv)
    given = {role: getattr(args, role) for role in (*ROLES, *FIGURES) if getattr(args, role)}
    ignored = [name for name in args.ignore.split(",") if name]
    found = foreign(Path(args.table), args.score, given, [parse_assignment(text) for text in args.where], ignored)
    try:
        advice = Advice(found.trials)
    except ValueError as wrong:
        raise DataError(f"{args.table}: {wrong}") from None
    told = advised(found, advice)
    print(json.dumps(strict(told)) if args.json else "\n".join(lines(told, Scale(found.objective, told["points"]))))
    return 0


def advised(found: Foreign, advice: Advice) -> dict[str, Any]:
    """Everything that is said, as plain data."""
    losses = [trial.loss for trial in found.trials]
    best = advice.recommended
    alike = [size.units for size in advice.sizes if not size.apart]
    rows = [trial.config for trial in found.trials]
    return {
        "rows": found.rows,
        "trials": len(found.trials),
        "compared": int(advice.effects.kept.sum()),
        "repeats": advice.repeats,
        "noise": advice.noise,
        "points": found.objective.direction == "max" and all(-1.0 <= loss <= 0.0 for loss in losses),
        "units": best.units,
        "structure": best.rest,
        "interval": [min(alike), max(alike)],
        "alike": alike,
        "sizes": [_size(size) for size in advice.sizes],
        "compared_structures": [
            {"question": one.name, "first": one.first, "second": one.second, **_estimate(one.gain)} for one in advice.compared()
        ],
        "match": advice.match(),
        "settings": _settings(advice),
        "importance": {
            method: [{**vars(one), "mattered": one.mattered} for one in importances(rows, losses, method)] for method in METHODS
        },
        "columns": found.names,
        "left_out": found.left_out,
    }


def _estimate(found: Estimate) -> dict[str, float]:
    low, high = found.interval()
    return {"mean": found.mean, "low": low, "high": high, "p": found.p_two}


def _size(size: Size) -> dict[str, Any]:
    figures = {name: getattr(size, name) for name in SIZE_FIGURES}
    return {
        "units": size.units,
        "structure": size.rest,
        "apart": size.apart,
        "trials": size.trials,
        **_estimate(size.loss),
        **figures,
    }


def _settings(advice: Advice) -> list[dict[str, Any]]:
    """Of every other setting of few values what each value loses against the best."""
    found, sure = [], advice.mattered()
    for name, p in sure.items():
        if name in advice.effects.structure:
            continue
        levels = advice.effects.levels(name)
        if not 2 <= len(levels) <= 12:
            found.append({"name": name, "p": p, "levels": [], "only": levels[0] if len(levels) == 1 else None})
            continue
        best = levels[0]
        for level in levels[1:]:
            if advice.effects.difference({name: best}, {name: level}).mean > 0:
                best = level
        losses = {level: advice.effects.difference({name: level}, {name: best}) for level in levels}
        costs = [{"value": level, **_estimate(loss)} for level, loss in losses.items() if loss.df > 0 or level == best]
        if len(costs) < 2:
            continue
        found.append({"name": name, "p": p, "levels": sorted(costs, key=lambda one: one["mean"])})
    return found


def lines(told: dict[str, Any], scale: Scale) -> list[str]:
    """The same in words."""
    calls = told["columns"]
    noise = "repeated rows are too few, so this is the residual of the regression" if told["repeats"] < 30 else "by regression"
    out = [
        _sentence(told, scale),
        "",
        f"of {scale.objective.metric} {'more' if scale.objective.direction == 'max' else 'less'} is better",
        f"{told['trials']:,} trials"
        + (f", {told['compared']:,} of them with the better half of other settings" if told["compared"] < told["trials"] else ""),
        f"one network's noise: {scale.amount(told['noise'])} ({noise})",
        "",
        f"{calls['units']:<12}{'trials':<8}{'costs (95 %)':<28}with",
    ]
    for size in told["sizes"]:
        cost = scale.gain(size["mean"], size["low"], size["high"]) if size["low"] < size["high"] else "the best"
        mark = "" if size["apart"] else "  cannot be told from the best"
        out.append(f"{size['units']:<12}{size['trials']:<8}{cost:<28}{structure(size['structure']) or 'one layer'}{mark}")
    out += ["", *_compared(told, scale), *_others(told, scale), *_shares(told)]
    out += [f"left out: {name} ({why})" for name, why in told["left_out"].items()]
    return out


def _sentence(told: dict[str, Any], scale: Scale) -> str:
    more = structure(told["structure"])
    sizes = [size["units"] for size in told["sizes"]]
    head = f"{told['units']} units{f', {more}' if more else ''}."
    alike = f"{span(told['alike'], sizes)} cannot be told apart" if len(told["alike"]) > 1 else "No other size is as good"
    below = [size for size in told["sizes"] if size["units"] < told["units"]]
    down = f"; {below[-1]['units']} costs {scale.cost(*(below[-1][key] for key in ('mean', 'low', 'high')))}" if below else ""
    return f"{head} {alike}{down}."


def _compared(told: dict[str, Any], scale: Scale) -> list[str]:
    out = []
    for one in told["compared_structures"]:
        first, second = one["first"], one["second"]
        what = f"{one['question']} {second.get(one['question'])} against {first.get(one['question'])}"
        if one["question"] == "depth":
            what = f"two layers of {second['units']} against one of {first['units']}, about as many parameters"
        word = "gains" if one["p"] < LEVEL and one["mean"] > 0 else "loses" if one["p"] < LEVEL else "no difference beyond noise"
        within = ", less than one network's noise" if one["p"] < LEVEL and abs(one["mean"]) < told["noise"] else ""
        out.append(f"{what}: {scale.gain(one['mean'], one['low'], one['high'])}, {word}{within}")
    if told["match"]:
        both, one_way = told["match"]
        out.append(f"to match {both} units in both directions, one direction needs {one_way or 'more units than were tried'}")
    return out


def _others(told: dict[str, Any], scale: Scale) -> list[str]:
    out = []
    for one in told["settings"]:
        if one["p"] < LEVEL and one.get("only") is not None:
            out.append(f"{one['name']}: all of the better half have {one['only']}")
        if one["p"] >= LEVEL or not one["levels"]:
            continue
        best, *rest = one["levels"]
        costs = ", ".join(f"{level['value']} {scale.gain(level['mean'], level['low'], level['high'])}" for level in rest[:6])
        out.append(f"{one['name']}: {best['value']} is best; the others cost {costs}")
    calm = [one["name"] for one in told["settings"] if one["p"] >= LEVEL]
    return [*out, *([f"no effect beyond noise: {', '.join(calm)}"] if calm else [])]


def _shares(told: dict[str, Any]) -> list[str]:
    out = []
    for method, shares in told["importance"].items():
        told_shares = [
            f"{s['name']} {s['share']:.0%} ({100 * s['low']:.0f} to {100 * s['high']:.0f}, noise {s['floor']:.0%})"
            for s in shares[:6]
        ]
        if told_shares:
            out.append(f"importance by {method}: {', '.join(told_shares)}")
    return out
