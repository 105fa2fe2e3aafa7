"""Record the tables that `compare --replay` plays: every configuration to its full epochs, with two seeds.

    python benchmarks/record.py [--only sentiment,tagging,forecast,memory] [--configurations 150]

Two searches a table, the second with the configurations of the first. Resumable: what was stopped goes on. The tables are
written to benchmarks/recorded/NAME.json.gz; the searches stay in benchmarks/recorded/.work, which is not committed.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from records import ROOT

from tuning.journal import read
from tuning.recorded import Table

FOLDER = ROOT / "benchmarks" / "recorded"
SEEDS, EPOCHS = 2, 12
# at most 2,000 rows to train on and 30 steps, so that a table takes under 45 minutes on two cores
TABLES: dict[str, list[str]] = {
    "sentiment": ["--task", "sentiment", "--rows", "2600"],
    "tagging": ["--task", "tagging", "--rows", "1200"],
    "forecast": ["--task", "forecast", "--rows", "1600", "--window", "24"],
    "memory": ["--task", "memory", "--rows", "2400"],
}


def recorded(name: str, configurations: int) -> Path:
    """Both searches of one table, then the table."""
    work = [FOLDER / ".work" / f"{name}-{seed}" for seed in range(SEEDS)]
    for seed, folder in enumerate(work):
        if (folder / "best.json").exists():
            continue
        argv = [sys.executable, str(ROOT / "scripts" / "search.py")]
        if (folder / "settings.json").exists():
            argv += ["--resume", str(folder)]
        else:
            argv += [*TABLES[name], "--record", "--strategy", "sobol", "--seed", str(seed), "--trials", str(configurations)]
            argv += ["--max-epochs", str(EPOCHS), "--out", str(folder), *(tried(work[0]) if seed else [])]
        subprocess.run([*argv, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    path = FOLDER / f"{name}.json.gz"
    Table.of(work).save(path)
    return path


def tried(folder: Path) -> list[str]:
    """The configurations of a search as options."""
    asked = [event["config"] for event in read(folder / "trials.jsonl") if event["event"] == "asked"]
    return [flag for config in asked for flag in ("--try", ",".join(f"{name}={value}" for name, value in config.items()))]


def main() -> None:
    """Record what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(TABLES))
    parser.add_argument("--configurations", type=int, default=150)
    args = parser.parse_args()
    for name in args.only.split(","):
        path = recorded(name, args.configurations)
        table = Table.load(path)
        best = min(range(len(table.rows)), key=lambda number: float(table.qualities[number]))
        size, told = path.stat().st_size / 1024, json.dumps(table.rows[best].config)
        print(f"{name}: {len(table.rows)} configurations, {size:.0f} kB, one standard error {table.noise:.4f}, best {told}")


if __name__ == "__main__":
    main()
