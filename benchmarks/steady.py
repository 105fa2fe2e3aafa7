"""A long search: how much of its time is training, and does the driver's memory stay flat?

    python benchmarks/steady.py [--only training,memory] [--data ../shared/data/mr]

training: ten minutes of `--strategy random --max-epochs 12` on the movie-review sentences. The time of training steps is
each trial's epochs, the first (which traces) counted as the median of its others; all else is start, build, trace,
checkpoints, driver, and idle workers. memory: 500 tiny trials; the driver's resident memory after each.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from records import ROOT, SHARED, History

SCRIPT = str(ROOT / "scripts" / "search.py")


def training(data: Path, budget: str = "10m", workers: int = 2) -> dict[str, Any]:
    """The share of the workers' time that is training."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, SCRIPT, "--task", "sentiment", "--data", str(data), "--strategy", "random", "--max-epochs", "12"]
        start = time.monotonic()
        argv += ["--budget", budget, "--workers", str(workers), "--quiet", "--out", f"{folder}/study"]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        wall = time.monotonic() - start
        events = [json.loads(line) for line in (Path(folder) / "study" / "trials.jsonl").read_text().splitlines()]
    curves: dict[int, list[float]] = {}
    for event in events:
        if event["event"] == "epoch":
            curves.setdefault(event["trial"], []).append(event["seconds"])
    trained = sum(len(s) * float(np.median(s[1:] or s)) for s in curves.values())
    traced = sum(s[0] - float(np.median(s[1:])) for s in curves.values() if len(s) > 1)
    fresh = sum(event["seconds"] for event in events if event["event"] == "confirmed")
    share = (trained + fresh) / (wall * workers)
    figures = {"wall": wall, "trained": trained, "traced": traced, "fresh": fresh, "outside": 1 - share}
    return {"trials": len(curves), **{key: round(value, 3) for key, value in figures.items()}}


def resident(pid: int) -> int:
    """Megabytes a process holds now (Linux)."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * 4096 // 2**20


def memory(trials: int = 500) -> dict[str, Any]:
    """The driver's memory over a search of tiny trials."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, SCRIPT, "--task", "signals", "--source", "synthetic", "--rows", "80", "--units", "4:8", "--quiet"]
        argv += ["--strategy", "random", "--max-epochs", "1", "--trials", str(trials), "--out", f"{folder}/study"]
        start, journal, seen = time.monotonic(), Path(folder) / "study" / "trials.jsonl", {}
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as search:
            while search.poll() is None:
                time.sleep(1.0)
                done = journal.read_text().count('"event":"finished"') if journal.exists() else 0
                if done:
                    seen[done] = resident(search.pid)
            if search.returncode:
                raise RuntimeError(f"the search ended with status {search.returncode}")
    early = [value for done, value in seen.items() if done >= 50]
    growth = max(early) / early[0] - 1
    return {
        "trials": trials,
        "seconds": round(time.monotonic() - start, 1),
        "after_50": early[0],
        "most": max(early),
        "growth": growth,
    }


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="training,memory")
    parser.add_argument("--data", type=Path, default=SHARED / "mr")
    args = parser.parse_args()
    history = History("steady")
    for name in args.only.split(","):
        line = history.find(run=name)
        if line is None:
            line = history.add(run=name, **(training(args.data) if name == "training" else memory()))
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in line.items() if key not in ("commit", "versions", "run")))


if __name__ == "__main__":
    main()
