"""Learn tuning/strategies/prior_mean.json from the recorded tables: what configurations may be expected to lose.

    python benchmarks/prior_mean.py

A ridge regression of every table's losses (tamed, on a scale of its own) on a quadratic in the parameters that nearly all have.
`without` has, for each table, what the others alone teach: what a replay of that table may use. Prints how well the losses of a
table that did not teach are ranked.
"""

import json
from itertools import combinations_with_replacement

import numpy as np
from records import ROOT
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from tuning.recorded import Table
from tuning.strategies.cube import to_point
from tuning.strategies.curves import tamed
from tuning.strategies.prior_mean import RANGES, PriorMean, Quantities

FILE = ROOT / "tuning" / "strategies" / "prior_mean.json"
HELD = 3.0  # the penalty for each table: of 3, 10 and 30 it ranked best
NAMES = list(RANGES)
TERMS = [(name,) for name in NAMES] + list(combinations_with_replacement(NAMES, 2))


def points(table: Table) -> np.ndarray:
    """Of each row the place in the table's cube."""
    return np.array([to_point(table.space, row.config) for row in table.rows])


def losses(table: Table) -> np.ndarray:
    """Of each row, the table's middle at 0 and its spread 1."""
    tame = tamed(table.qualities)
    return np.asarray((tame - tame.mean()) / tame.std())


def terms(table: Table) -> np.ndarray:
    """Of each row every product, less the table's own mean: one table is not held against another."""
    known = Quantities(table.space)(points(table))
    found = np.array([np.prod([known[:, NAMES.index(name)] for name in term], axis=0) for term in TERMS]).T
    return np.asarray(found - found.mean(axis=0))


def fitted(tables: list[Table]) -> dict[str, float]:
    """The weight of each product."""
    known, lost = np.vstack([terms(table) for table in tables]), np.concatenate([losses(table) for table in tables])
    scale = known.std(axis=0)
    model = Ridge(alpha=HELD * len(tables), fit_intercept=False).fit(known / np.where(scale, scale, 1), lost)
    weights = model.coef_ / np.where(scale, scale, np.inf)
    return {"*".join(term): round(float(weight), 4) for term, weight in zip(TERMS, weights, strict=True) if weight}


def main() -> None:
    """Learn and write."""
    tables = [Table.load(path) for path in sorted((ROOT / "benchmarks" / "recorded").glob("*.json.gz"))]
    without = {table.task: fitted([other for other in tables if other is not table]) for table in tables}
    FILE.write_text(json.dumps({"weights": fitted(tables), "without": without}, indent=1) + "\n", encoding="utf-8")
    for table in tables:
        expected = PriorMean(table.space, weights=without[table.task])(points(table))
        print(f"{table.task}: rank correlation {spearmanr(expected, table.qualities).statistic:.2f} with what the others teach")


if __name__ == "__main__":
    main()
