"""Learn tuning/strategies/portfolio.json from the recorded tables.

    python benchmarks/portfolio.py [--size 8]

Candidates are all recorded configurations. Each is carried to every table's space and looked up there (its nearest row). Chosen
greedily: the one that lowers the tables' mean regret (of the best that is listed so far; 0 at a table's best, 1 at its middle)
most for its seconds (in units of the table's middle). `without` has, for each table, the list that the others alone give: what a
replay of that table may use.
"""

import argparse
import json

import numpy as np
from records import ROOT

from tuning.recorded import Table
from tuning.space import Config, same
from tuning.strategies.portfolio import carried

FILE = ROOT / "tuning" / "strategies" / "portfolio.json"
LEAST = 0.002  # gain of mean regret that makes another worth listing
SHARED = ("units", "layers", "bidirectional", "dropout", "learning_rate", "batch_size", "embedding", "pooling", "taper", "predict")


def regrets(table: Table, candidates: list[Config]) -> tuple[np.ndarray, np.ndarray]:
    """Of each candidate the regret and the seconds, both relative to the table's middle."""
    best, middle = float(np.min(table.qualities)), float(np.median(table.qualities))
    seconds = np.array([np.mean([curve.start + sum(curve.seconds) for curve in row.curves]) for row in table.rows])
    rows = np.array([table.nearest(carried(table.space, [config])[0]) for config in candidates])
    return np.clip((table.qualities[rows] - best) / (middle - best), 0, 1), seconds[rows] / np.median(seconds)


def chosen(tables: list[Table], size: int) -> list[Config]:
    """The list for these tables."""
    pool = [{name: row.config[name] for name in SHARED if name in row.config} for table in tables for row in table.rows]
    candidates = list({same(config): config for config in pool}.values())
    told = [regrets(table, candidates) for table in tables]
    regret, cost = np.array([one for one, _ in told]), np.mean([seconds for _, seconds in told], axis=0)
    left, found = np.ones(len(tables)), list[Config]()
    while len(found) < size:
        gains = left.mean() - np.minimum(left[:, None], regret).mean(axis=0)
        best = int(np.argmax(gains / np.sqrt(cost)))
        if gains[best] < LEAST:
            break
        found.append(candidates[best])
        left = np.minimum(left, regret[:, best])
    return found


def main() -> None:
    """Learn and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=8)
    size = parser.parse_args().size
    tables = [Table.load(path) for path in sorted((ROOT / "benchmarks" / "recorded").glob("*.json.gz"))]
    without = {table.task: chosen([other for other in tables if other is not table], size) for table in tables}
    listed = {"configurations": chosen(tables, size), "without": without}
    FILE.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    for config in listed["configurations"]:
        print(json.dumps(config))


if __name__ == "__main__":
    main()
