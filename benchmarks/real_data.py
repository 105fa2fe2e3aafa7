"""A search on each public data set: within its budget, and better than what costs nothing?

    python benchmarks/real_data.py [--only mr,vix_ohlc] [--data ../shared/data]

Resumable: what benchmarks/history/real_data.jsonl holds of this commit is not run again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from records import ROOT, SHARED, History

from tuning.budget import parse_seconds

RUNS: dict[str, tuple[str, list[str], str]] = {
    "mr": ("sentiment", [], "5m"),
    "snips": ("topics", ["--columns", "0,1"], "90s"),
    "ud_ewt": ("tagging", ["--columns", "0,1"], "2m"),
    "japanese_vowels": ("signals", [], "60s"),
    "fsdd_mfcc": ("signals", [], "90s"),
    "airline_passengers": ("forecast", [], "60s"),
    "sunspots": ("forecast", [], "60s"),
    "vix_ohlc": ("finance", [], "60s"),
    "date_formats": ("seq2seq", ["--separator", "_"], "2m"),
    "tinyshakespeare": ("next_word", ["--level", "characters"], "150s"),
}


def searched(name: str, data: Path) -> dict[str, Any]:
    """One search's outcome."""
    task, options, budget = RUNS[name]
    with tempfile.TemporaryDirectory() as folder:
        argv = [sys.executable, str(ROOT / "scripts" / "search.py"), "--task", task, "--data", str(data / name), *options]
        start = time.monotonic()
        argv += ["--budget", budget, "--quiet", "--json", "--out", f"{folder}/study"]
        best = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    test, spent = best["scores"]["test"], time.monotonic() - start
    figures = {"task": task, "budget": parse_seconds(budget), "seconds": round(spent, 1), "metric": test["metric"]}
    figures |= {"test": test["value"], "low": test["low"], "high": test["high"], "trials": best["search"]["trials"]}
    return figures | {"baselines": {title: parts["test"][test["metric"]] for title, parts in best["scores"]["baselines"].items()}}


def main() -> None:
    """Run what is missing; print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(RUNS))
    parser.add_argument("--data", type=Path, default=SHARED)
    args = parser.parse_args()
    history = History("real_data")
    for name in args.only.split(","):
        line = history.find(data=name) or history.add(data=name, **searched(name, args.data))
        shown = ", ".join(f"{title} {value:.4f}" for title, value in line["baselines"].items())
        spent = f"{line['seconds']:>6.1f} of {line['budget']:.0f} s"
        print(f"{name:<20}{spent:<18}{line['metric']} {line['test']:.4f}   ({shown})", flush=True)


if __name__ == "__main__":
    main()
