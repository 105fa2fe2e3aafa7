"""Which strategy is soon near the best of the recorded tables, and what each part of auto gives.

    python benchmarks/strategies.py [--strategies auto,hyperband,...] [--ablations] [--seeds 50] [--models 10] [--jobs 1]
        [--at COMMIT,...]

Seconds until the incumbent is within one standard error of a table's best configuration (the clock is the recorded trials' own, a
strategy's own seconds are added to it; two workers), the median over seeds with a bootstrap interval; a run that gets there ends
there, one that never does counts as the budget, half of what training the whole table takes. `ratio` is the geometric mean over
tables of a strategy's median over auto's. A portfolio is always the one that the other tables alone give.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
from records import ROOT, History
from threadpoolctl import threadpool_limits

from tuning.compare.runs import Run, replayed
from tuning.compare.statistics import seconds
from tuning.compare.whole import affordable, target_of, thinking
from tuning.recorded import Table
from tuning.space import Config
from tuning.strategies import STRATEGIES, Setting, Strategy
from tuning.strategies.auto import Auto
from tuning.strategies.prior_mean import PriorMean
from tuning.strategies.surrogate import Axes, Surrogate
from tuning.trial import Decision, Trial

FREE = ("auto", "portfolio", "random", "sobol", "hyperband", "asha")
MODELS = ("bohb", "tpe", "cmaes", "bayesian")
WORKERS, SHARE = 2, 0.5  # of a table's training, a search's budget


class WithoutPauses(Auto):
    """Every configuration is trained to its end at once."""

    def report(self, trial: Trial, epoch: int, score: float) -> Decision:
        """Go on."""
        return Decision.CONTINUE


class WithoutProbes(Auto):
    """The first trials are trained to their end."""

    def report(self, trial: Trial, epoch: int, score: float) -> Decision:
        """Pause only where ends can be foretold."""
        return super().report(trial, epoch, score) if self._curves.known else Decision.CONTINUE


class WithoutCost(Auto):
    """Improvement, whatever it takes."""

    def _cost(self, points: np.ndarray, done: np.ndarray | int) -> np.ndarray:
        return np.ones(len(points))


class WithoutNoise(Auto):
    """Improvement over the best score seen."""

    def _best(self) -> tuple[float, float]:
        return self._standing.last(self._standing.best(1)[0])[0], super()._best()[1]


class WithoutDefaults(Auto):
    """The third trial is what other tasks lead one to expect, as the first two are."""

    def _defaults(self) -> Config | None:
        return None


def without_lengths(setting: Setting) -> Strategy:
    """All axes alike."""
    return with_axes(setting, Axes(setting.space, lengths={}, prior=PriorMean(setting.space, setting.unseen)))


def without_mean(setting: Setting) -> Strategy:
    """Nothing is expected before anything was told."""
    return with_axes(setting, Axes(setting.space))


def with_axes(setting: Setting, axes: Axes) -> Strategy:
    """Another process."""
    auto = Auto(setting)
    auto._axes, auto._model = axes, Surrogate(axes)
    return auto


ABLATIONS: dict[str, Callable[[Setting], Strategy]] = {
    "auto without pauses": WithoutPauses,
    "auto without probes": WithoutProbes,
    "auto without cost": WithoutCost,
    "auto without noise": WithoutNoise,
    "auto without defaults": WithoutDefaults,
    "auto without lengths": without_lengths,
    "auto without mean": without_mean,
}


def searched(table: Table, name: str, seed: int) -> Run:
    """One search, until it is near the best."""
    make = ABLATIONS.get(name) or STRATEGIES[name]
    return replayed(table, name, seed, WORKERS, affordable(table, WORKERS, SHARE), make, target_of(table)[0])


def measured(table: Table, name: str, seeds: int, pool: Executor) -> dict[str, float]:
    """The figures of one strategy on one table."""
    runs, (target, _) = list(pool.map(partial(searched, table, name), range(seeds))), target_of(table)
    times = np.array([seconds(run, target) for run in runs])
    low, high = np.percentile(np.median(np.random.default_rng(0).choice(times, (2000, len(times))), axis=1), [2.5, 97.5])
    figures = {
        "median": np.median(times),
        "low": low,
        "high": high,
        "mean": times.mean(),
        "reached": np.mean([run.reached(target) is not None for run in runs]),
        "thinking": thinking(runs) or 0.0,
        "trials": np.median([run.trials for run in runs]),
    }
    return {key: round(float(value), 3) for key, value in figures.items()}


def main() -> None:
    """Replay what is not in the history, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default=",".join(FREE + MODELS))
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--models", type=int, default=10, help="seeds of those that fit a model at every ask")
    parser.add_argument("--tables", default="")
    parser.add_argument("--jobs", type=int, default=1, help="searches at a time; one core each")
    parser.add_argument("--at", default="", help="other commits whose lines count, where nothing that matters has changed since")
    args = parser.parse_args()
    pool = ProcessPoolExecutor(args.jobs, get_context("spawn"), threadpool_limits, (1,))
    names = [name for name in args.strategies.split(",") if name] + (list(ABLATIONS) if args.ablations else [])
    history = History("strategies", also=lambda line: line["commit"] in args.at.split(","))
    tables = [Table.load(path) for path in sorted((ROOT / "benchmarks" / "recorded").glob("*.json.gz"))]
    tables = [table for table in tables if not args.tables or table.task in args.tables.split(",")]
    medians: dict[str, list[float]] = {}
    print(f"{'':24}" + "".join(f"{table.task:>22}" for table in tables) + "   ratio")
    for name in names:
        seeds, shown = (args.models if name in MODELS else args.seeds), []
        for table in tables:
            keys = {"table": table.task, "strategy": name, "seeds": seeds}
            found = history.find(**keys) or history.add(**keys, **measured(table, name, seeds, pool))
            shown.append(f"{found['median']:8.1f} ({found['low']:.1f}-{found['high']:.1f})")
            medians.setdefault(name, []).append(float(found["median"]))
        first = medians.get("auto", medians[names[0]])
        ratio = float(np.exp(np.mean(np.log(np.array(medians[name]) / first))))
        print(f"{name:24}" + "".join(f"{text:>22}" for text in shown) + f"{ratio:8.2f}", flush=True)
    pool.shutdown()


if __name__ == "__main__":
    main()
