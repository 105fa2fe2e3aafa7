"""Searches that really train, one after another: strategies interleaved, so that a busy hour is shared by all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import Mistake, StudyConflict
from ..journal import read, write_whole
from ..objective import Objective
from .runs import Incumbents, Run


def live(out: Path, strategies: Sequence[str], seeds: int, budget: float, options: Sequence[str]) -> tuple[list[Run], str]:
    """Every strategy with every seed, and the objective. What `out` holds of a finished search is not run again."""
    same_call(out, {"budget": budget, "options": list(options)})
    runs, objective = [], ""
    for seed in range(seeds):
        turned = [*strategies[seed % len(strategies) :], *strategies[: seed % len(strategies)]]
        for strategy in turned:
            folder = out / f"{strategy}-{seed}"
            if not over(folder):
                _search(folder, strategy, seed, budget, options)
            objective = _objective(folder) or objective
            runs.append(_run(folder, strategy, seed, budget, objective))
            print(f"{strategy} seed {seed}: {_told(runs[-1], objective)}", file=sys.stderr, flush=True)
    if not objective:
        raise Mistake(f"no search had a first epoch in {budget:g} seconds; give a larger --budget and another --out")
    return runs, objective


def over(folder: Path) -> bool:
    """Whether a search came to its end, if only that of its time: not one that was interrupted, or of which every trial failed."""
    path = folder / "trials.jsonl"
    events = list(read(path)) if path.exists() else []
    kinds = {event["event"] for event in events}
    ended = bool(events) and events[-1]["event"] == "closed" and not events[-1]["interrupted"]
    return ended and ("epoch" in kinds or "failed" not in kinds)


def _objective(folder: Path) -> str:
    """NAME:max or NAME:min; empty where a search had no first epoch."""
    path = folder / "best.json"
    return str(json.loads(path.read_text(encoding="utf-8"))["search"]["objective"]) if path.exists() else ""


def _run(folder: Path, strategy: str, seed: int, budget: float, objective: str) -> Run:
    if not objective:
        return Run(strategy, seed, budget, (), 0)
    found = Incumbents(Objective.parse(objective))
    for event in read(folder / "trials.jsonl"):
        found.take(event)
    return Run(strategy, seed, budget, tuple(found.points), found.trials)


def same_call(out: Path, call: dict[str, object]) -> None:
    """What goes on must be the same comparison: other searches would be put beside these."""
    path = out / "call.json"
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(call))
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    if before != call:
        told = f"budget {before['budget']:g} s, {' '.join(before['options'])}"
        raise StudyConflict(f"an unfinished comparison goes on as it was begun ({told}); give another --out than {out}")


def _search(folder: Path, strategy: str, seed: int, budget: float, options: Sequence[str]) -> None:
    """One search, as a user starts it."""
    argv = [sys.executable, "-m", "tuning", "search"]
    if (folder / "settings.json").exists():
        argv += ["--resume", str(folder), *where(options)]  # spends what is left
    else:
        argv += ["--strategy", strategy, "--seed", str(seed), "--budget", f"{budget:g}s", "--out", str(folder)]
        argv += ["--confirm", "0", *options]  # all of the budget searches
    done = subprocess.run([*argv, "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode and not over(folder):
        raise Mistake(f"the search with {strategy}, seed {seed}, ended with status {done.returncode}: {done.stderr.strip()[-300:]}")


def where(options: Sequence[str]) -> list[str]:
    """Of a search's options those that a resumed one is told anew: the cluster, and how many trials at a time.

    >>> where(["--rows", "90", "--cluster", "tcp://x:1", "--workers=2"])
    ['--cluster', 'tcp://x:1', '--workers=2']
    """
    found: list[str] = []
    for place, option in enumerate(options):
        if option.partition("=")[0] in ("--cluster", "--workers"):
            found += options[place : place + (1 if "=" in option else 2)]
    return found


def _told(run: Run, objective: str) -> str:
    if not run.points:
        return "the budget ended before a first epoch"
    name, direction = objective.split(":")
    return f"{run.trials} trials, {name} {-run.final if direction == 'max' else run.final:.4f}"
