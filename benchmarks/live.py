"""Live, on public data, against plain KerasTuner and plain Optuna: who is sooner as good as the best peer?

    python benchmarks/live.py [--data mr,ud_ewt,tinyshakespeare,sunspots] [--seeds 5] [--budget 240] [--at COMMIT,...]
        [--systems hyperband,bayesian,optuna,here]

Systems: KerasTuner's Hyperband and BayesianOptimization (a chief and two workers), Optuna's TPE with its median pruner (two
processes), and a search here with two workers; the same networks, space, splits and metric. The clock runs from the first training
step; incumbents count at epochs' ends. Target: the best score that any peer reaches, less one standard error of the validation
split; a run that never gets there counts as its budget. Beside it the test scores and the parameters outside embeddings of what
each delivers. Resumable by run (a line each); nothing else should run meanwhile.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from records import ROOT, SHARED, History
from scipy import stats

from tuning.journal import read
from tuning.objective import Objective
from tuning.recipe import load_task
from tuning.task import DataOptions

PEERS = ("hyperband", "bayesian", "optuna")
SYSTEMS = (*PEERS, "here")
SIZE = "parameters_without_embedding"
DATA: dict[str, tuple[str, dict[str, str]]] = {
    "mr": ("sentiment", {"data": str(SHARED / "mr")}),
    "ud_ewt": ("tagging", {"data": str(SHARED / "ud_ewt"), "columns": "0,1"}),
    "tinyshakespeare": ("next_word", {"data": str(SHARED / "tinyshakespeare"), "level": "characters", "window": "60"}),
    "sunspots": ("forecast", {"data": str(SHARED / "sunspots" / "monthly-sunspots.csv")}),
}
WORKERS = 2
STARTUP = 8.0  # seconds of a search here before its first training step, at most: added to its budget, cut from its curve
Run = dict[str, Any]


def peer(system: str, name: str, seed: int, budget: float, folder: Path) -> Run:
    """A peer's run until the budget is over, counted from its first training step."""
    task, options = DATA[name]
    script = str(ROOT / "benchmarks" / "live_peers.py")
    argv = [sys.executable, script, system, task, json.dumps(options), str(seed), str(folder)]
    log = (folder / "log.txt").open("w")
    children = []
    for role in roles(system):
        children.append(subprocess.Popen(argv, env={**os.environ, **role}, stdout=log, stderr=log, start_new_session=True))
    try:
        while not (begun := first_step(folder)):
            if any(child.poll() is not None for child in children):
                raise SystemExit(f"{system} ended: {(folder / 'log.txt').read_text()[-2000:]}")
            time.sleep(0.2)
        while time.time() < begun + budget + tested(folder):
            time.sleep(0.2)
    finally:
        for child in children:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return outcome(folder, begun, budget)


def roles(system: str) -> list[dict[str, str]]:
    """What each process of a peer finds in its environment: two that train, and KerasTuner's chief."""
    if system == "optuna":
        return [{"LIVE_PROCESS": str(number)} for number in range(WORKERS)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        oracle = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(free.getsockname()[1])}
    return [oracle | {"KERASTUNER_TUNER_ID": name} for name in ("chief", *(f"tuner{number}" for number in range(WORKERS)))]


def lines(folder: Path) -> list[Run]:
    """What the processes wrote, in order; a line that was cut off is left out."""
    found = []
    for path in folder.glob("epochs-*.jsonl"):
        whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        found += [json.loads(line) for line in whole]
    return sorted(found, key=lambda line: float(line["at"]))


def first_step(folder: Path) -> float:
    """When the first training began; 0 before that."""
    return next((float(line["at"]) for line in lines(folder) if "begun" in line), 0.0)


def tested(folder: Path) -> float:
    """Seconds that scoring on test took, at least: the clock of the lines has them taken out."""
    newest = max((float(one["at"]) for one in lines(folder)), default=0.0)
    written = max((path.stat().st_mtime for path in folder.glob("epochs-*.jsonl")), default=0.0)
    return max(0.0, written - newest)


def outcome(folder: Path, begun: float, budget: float) -> Run:
    """Scores at epochs' ends, and what the best had on test."""
    told = [line for line in lines(folder) if "score" in line and line["at"] - begun <= budget]
    tests = [line for line in told if "test" in line]
    return {"epochs": [[round(line["at"] - begun, 2), line["score"]] for line in told], "tests": tests}


def here(name: str, seed: int, budget: float, folder: Path) -> Run:
    """A search of this package, as a user starts it."""
    task, options = DATA[name]
    given = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    argv = [sys.executable, str(ROOT / "scripts" / "search.py"), "--task", task, *given, "--quiet", "--out", str(folder / "run")]
    argv += ["--workers", str(WORKERS), "--seed", str(seed), "--budget", f"{budget + STARTUP:g}s"]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    epochs = [event for event in read(folder / "run" / "trials.jsonl") if event["event"] == "epoch"]
    begun = min(event["at"] - event["seconds"] for event in epochs)
    best = json.loads((folder / "run" / "best.json").read_text())
    test = best["scores"]["test"]
    told = {"test": test["value"], **{name: test[name] for name in ("low", "high", "rows_low", "rows_high")}}
    told["score"] = best["scores"]["validation"]["search"]
    told[SIZE] = best["architecture"][SIZE]
    points = [[round(event["at"] - begun, 2), event["score"]] for event in epochs if event["score"] is not None]
    return {"epochs": [point for point in points if point[0] <= budget], "tests": [told]}


def standard_error(runs: list[Run]) -> float:
    """Of a score over rows: from the interval that searches here give their test score (splits are of one size).

    Lines before 6ab899a have the interval over rows and seeds alone.
    """
    lines = [line for run in runs if run["system"] == "here" for line in run["tests"]]
    found = [line.get("rows_high", line["high"]) - line.get("rows_low", line["low"]) for line in lines]
    return float(np.median(found) / (2 * stats.norm.ppf(0.975)))


def newest(runs: list[Run]) -> list[Run]:
    """Of runs of one system and seed the last."""
    return list({(run["system"], run["seed"]): run for run in runs}.values())


@dataclass
class Judged:
    """Of each system on one data set: median seconds to the target, median parameters, how much better we test (of each seed)."""

    seconds: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    off: dict[str, dict[int, float]] = field(default_factory=dict)
    peers: float = 0.0  # median parameters of all peers' runs


def judged(name: str, runs: list[Run], budget: float) -> Judged:
    """The table of one data set."""
    objective = Objective.parse(load_task(DATA[name][0], DataOptions.model_validate(DATA[name][1])).spec.objective)
    key, told = objective.key, Judged()
    target = min(key(score) for run in runs if run["system"] != "here" for _, score in run["epochs"]) + standard_error(runs)
    print(f"{name}: target {objective.name} {abs(target):.4f}")
    finals: dict[str, dict[int, Run]] = {}  # of each system, seed -> what it delivered
    for system in SYSTEMS:
        own = [run for run in runs if run["system"] == system]
        times = [next((at for at, score in run["epochs"] if key(score) <= target), budget) for run in own]
        finals[system] = {run["seed"]: min(run["tests"], key=lambda line: key(line["score"])) for run in own}
        told.seconds[system] = float(np.median(times))
        told.sizes[system] = float(np.median([line[SIZE] for line in finals[system].values()]))
        reached = f"{told.seconds[system]:7.1f} s ({sum(time < budget for time in times)} of {len(own)} reached it)"
        test = np.mean([line["test"] for line in finals[system].values()])
        print(f"  {system:10} {reached}, test {test:.4f}, {told.sizes[system]:,.0f} parameters outside embeddings")
    told.peers = float(np.median([line[SIZE] for system in PEERS for line in finals[system].values()]))
    for system in PEERS:
        seeds = sorted(finals["here"].keys() & finals[system].keys())
        off = {seed: key(finals[system][seed]["test"]) - key(finals["here"][seed]["test"]) for seed in seeds}
        print(f"  test against {system}: {bound(list(off.values()))}")
        if objective.direction == "max":
            told.off[system] = off
    return told


def bound(differences: list[float]) -> str:
    """A mean difference, and what it is above with 95 % (one-sided t)."""
    off = np.array(differences)
    low = off.mean() - stats.t.ppf(0.95, len(off) - 1) * off.std(ddof=1) / np.sqrt(len(off)) if len(off) > 1 else float("nan")
    return f"{off.mean():+.4f}, above {low:+.4f} with 95 %"


def overall(found: list[Judged]) -> None:
    """All data sets together: geometric means of ratios, and the mean over data sets of what tests differ by, seed by seed."""
    print("all:")
    for system in PEERS:
        times = stats.gmean([one.seconds[system] / one.seconds["here"] for one in found])
        sizes = stats.gmean([one.sizes[system] / one.sizes["here"] for one in found])
        offs = [one.off[system] for one in found if system in one.off]
        seeds = set.intersection(*(set(off) for off in offs)) if offs else set()
        tests = f", test {bound([float(np.mean([off[seed] for off in offs])) for seed in sorted(seeds)])}" if seeds else ""
        print(f"  {system:10} {times:.1f} times the seconds, {sizes:.1f} times the parameters{tests}")
    print(f"  parameters of all peers' runs: {stats.gmean([one.peers / one.sizes['here'] for one in found]):.1f} times")


def main() -> None:
    """Run what is missing, interleaved; then the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=",".join(DATA))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=240.0)
    parser.add_argument("--at", default="", help="other commits whose lines count; of several of one run the last")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="which to run; the tables have all whose lines count")
    args = parser.parse_args()
    wanted = args.systems.split(",")
    if unknown := set(wanted) - set(SYSTEMS):
        parser.error(f"--systems: {', '.join(sorted(unknown))}: choose from {', '.join(SYSTEMS)}")
    history = History("live", also=lambda line: line["commit"] in args.at.split(","))
    names = args.data.split(",")
    for seed in range(args.seeds):
        for name in names:
            for place in range(len(wanted)):
                system = wanted[(place + seed) % len(wanted)]
                keys = {"system": system, "data": name, "seed": seed, "budget": args.budget}
                if history.find(**keys):
                    continue
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder)
                    run = here(name, seed, args.budget, path) if system == "here" else peer(system, name, seed, args.budget, path)
                history.add(**keys, **run)
                print(f"{name} seed {seed} {system}: {len(run['epochs'])} epochs", flush=True)
    known = [line for line in history.lines if line["budget"] == args.budget]
    runs = {name: newest([line for line in known if line["data"] == name]) for name in names}
    whole = [name for name in names if {run["system"] for run in runs[name]} == set(SYSTEMS)]
    if left := set(names) - set(whole):
        print(f"no table of {', '.join(sorted(left))}: not every system has run there")
    if whole:
        overall([judged(name, runs[name], args.budget) for name in whole])


if __name__ == "__main__":
    main()
