"""Every strategy on every task, as a user starts it: `--trials 6 --max-epochs 3`; does each finish, with completed trials alone?

    python benchmarks/every_task.py [--strategies random,grid] [--tasks sentiment,topics]

Resumable: what benchmarks/history/every_task.jsonl holds of this commit is not run again. Each line: commit, task,
strategy, seconds, trials, failed, the best validation score, the test score, the baselines' test scores.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tuning.searching import versions
from tuning.task import recipe_files

ROOT = Path(__file__).parent.parent
HISTORY = ROOT / "benchmarks" / "history" / "every_task.jsonl"


def commit() -> str:
    """The commit that is measured."""
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def measured(task: str, strategy: str) -> dict[str, Any]:
    """One search's outcome."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, str(ROOT / "scripts" / "search.py"), "--task", task, "--strategy", strategy, "--trials", "6"]
        start = time.monotonic()
        argv += ["--max-epochs", "3", "--quiet", "--json", "--out", f"{folder}/study"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        best = json.loads(done.stdout)
    metric, search = best["scores"]["test"]["metric"], best["search"]
    return {
        "task": task,
        "strategy": strategy,
        "seconds": round(time.monotonic() - start, 1),
        "trials": search["trials"],
        "completed": search["completed"],
        "failed": search["failed"],
        "metric": metric,
        "validation": best["scores"]["validation"]["search"],
        "test": best["scores"]["test"]["value"],
        "baselines": {name: parts["test"][metric] for name, parts in best["scores"]["baselines"].items()},
    }


def main() -> None:
    """Run what is missing; print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default="random,grid,hyperband,bayesian")
    parser.add_argument("--tasks", default=",".join(recipe_files()))
    args = parser.parse_args()
    now = commit()
    HISTORY.parent.mkdir(exist_ok=True)
    known = [json.loads(line) for line in HISTORY.read_text().splitlines()] if HISTORY.exists() else []
    have = {(line["task"], line["strategy"]) for line in known if line["commit"] == now}
    for task in args.tasks.split(","):
        for strategy in args.strategies.split(","):
            if (task, strategy) in have:
                continue
            line = {"commit": now, "versions": versions(), **measured(task, strategy)}
            with HISTORY.open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(
                f"{task:<10} {strategy:<10} {line['seconds']:>6} s  {line['completed']}/{line['trials']}  test {line['test']:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
