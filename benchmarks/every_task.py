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
from typing import Any

from records import ROOT, History

from tuning.recipe import recipe_files


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
    history = History("every_task")
    for task in args.tasks.split(","):
        for strategy in args.strategies.split(","):
            keys = {"task": task, "strategy": strategy}
            line = history.find(**keys) or history.add(**keys, **measured(task, strategy))
            done = f"{line['completed']}/{line['trials']}"
            print(f"{task:<10} {strategy:<10} {line['seconds']:>6} s  {done}  test {line['test']:.4f}", flush=True)


if __name__ == "__main__":
    main()
