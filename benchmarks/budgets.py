"""Is a wall-time budget kept? 20 searches of 20 to 60 s over different tasks, each from process start to exit.

    python benchmarks/budgets.py

A search may end 5 % or 2 s from its budget, whichever is more.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from typing import Any

from records import ROOT, History

TASKS = ("sentiment", "topics", "signals", "tagging", "next_word", "forecast", "finance", "seq2seq", "memory")
RUNS = [(TASKS[number % len(TASKS)], 20 + (number * 17) % 41, ("auto", "random", "hyperband")[number % 3]) for number in range(20)]


def searched(task: str, budget: int, strategy: str) -> dict[str, Any]:
    """One search as a user starts it."""
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, str(ROOT / "scripts" / "search.py"), "--task", task, "--budget", f"{budget}s"]
        argv += ["--strategy", strategy, "--quiet", "--json", "--out", f"{folder}/study"]
        start = time.monotonic()
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        spent = time.monotonic() - start
        best = json.loads(done.stdout) if done.returncode == 0 else None
    found: dict[str, Any] = {"seconds": round(spent, 2), "off": round(spent - budget, 2), "status": done.returncode}
    found["kept"] = abs(spent - budget) <= max(2.0, 0.05 * budget)
    if best:
        found |= {"trials": best["search"]["trials"], "fresh": best["training"]["fresh"]}
    return found


def main() -> None:
    """Run what is missing."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    history, kept = History("budgets"), 0
    for task, budget, strategy in RUNS:
        keys = {"task": task, "budget": budget, "strategy": strategy}
        line = history.find(**keys) or history.add(**keys, **searched(task, budget, strategy))
        kept += line["kept"]
        told = f"{line.get('trials', 0):>4} trials, {'fresh seed' if line.get('fresh') else 'no fresh seed'}"
        print(
            f"{task:<10}{strategy:<10}{budget:>4} s {line['off']:>+7.2f} s  {'kept' if line['kept'] else 'NOT KEPT':<9}{told}",
            flush=True,
        )
    print(f"{kept} of {len(RUNS)} kept")


if __name__ == "__main__":
    main()
