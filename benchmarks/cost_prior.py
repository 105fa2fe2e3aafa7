"""The weights that tuning/cost.py begins with, fitted to the recorded tables.

    python benchmarks/cost_prior.py

Least squares of relative errors with weights that are never negative, over every recorded configuration of every table; for the
seconds of an epoch, and for those before the first. Also how far predictions are off (the median of the larger over the smaller,
with the weights fitted to all tables, and to the others alone).
"""

import numpy as np
from records import ROOT
from scipy.optimize import nnls

from tuning.cost import EPOCH_PRIOR, RELATIVE, START_PRIOR, columns_of
from tuning.recorded import Table


def samples(table: Table) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features and seconds of epochs, then of starts."""
    costs = table.costs()
    epochs = [costs._of(columns_of(row.config), 1)[0][0] for row in table.rows]
    starts = [costs._of(columns_of(row.config), 1)[1][0] for row in table.rows]
    seconds = [float(np.median([np.median(curve.seconds[1:]) for curve in row.curves])) for row in table.rows]
    begun = [float(np.median([curve.start for curve in row.curves])) for row in table.rows]
    return np.array(epochs), np.array(seconds), np.array(starts), np.array(begun)


def fitted(features: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """The weights."""
    scale = 1 / (seconds + RELATIVE)
    size = features.max(axis=0)
    return np.asarray(nnls(features / size * scale[:, None], seconds * scale)[0] / size)


def off(features: np.ndarray, seconds: np.ndarray, weights: np.ndarray) -> float:
    """The median factor by which predictions are off."""
    ratio = (features @ weights + RELATIVE) / (seconds + RELATIVE)
    return float(np.exp(np.median(np.abs(np.log(ratio)))))


def main() -> None:
    """Fit and print."""
    tables = [Table.load(path) for path in sorted((ROOT / "benchmarks" / "recorded").glob("*.json.gz"))]
    told = [samples(table) for table in tables]
    for what, place, prior in (("epoch", 0, EPOCH_PRIOR), ("start", 2, START_PRIOR)):
        features, seconds = (np.concatenate([one[place + n] for one in told]) for n in (0, 1))
        weights = fitted(features, seconds)
        print(f"{what}: fitted {[float(f'{w:.2g}') for w in weights]}, now {prior.tolist()}")
        for n, table in enumerate(tables):
            others = [one for m, one in enumerate(told) if m != n]
            left_out = fitted(*(np.concatenate([one[place + k] for one in others]) for k in (0, 1)))
            here = told[n][place], told[n][place + 1]
            whole, alone, now = (off(*here, w) for w in (weights, left_out, prior))
            print(f"  {table.task}: off by {whole:.2f}, without this table {alone:.2f}, by the weights of now {now:.2f}")


if __name__ == "__main__":
    main()
