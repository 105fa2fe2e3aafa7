"""What the driver itself costs: ask, tell, journal and resume against the number of trials, with simulated workers.

    python benchmarks/driver.py [--strategies random,asha] [--most 10000] [--workers 8]

Real strategies, ledger and journal; the trials are simulated (a smooth score with noise, no training). For each size: medians
of the last trials' ask, tell and append (milliseconds), seconds to resume from the journal, and the driver's memory.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from records import History
from threadpoolctl import threadpool_limits

from tuning.journal import Journal, read
from tuning.ledger import Ledger
from tuning.objective import Objective
from tuning.space import Config, Grid, Interval, Parameter, Space
from tuning.strategies import STRATEGIES, Setting
from tuning.training.child import memory
from tuning.trial import Trial, derived_seed

MODEL_FREE = {"random": 100_000, "grid": 100_000, "sobol": 100_000, "hyperband": 10_000, "asha": 100_000, "portfolio": 10_000}
FEW = {"auto": 10_000, "bohb": 10_000, "cmaes": 10_000, "tpe": 200, "bayesian": 200}  # the last two fit all trials at every ask
SIZES = MODEL_FREE | FEW
MARKS = (100, 200, 1000, 10_000, 100_000)
LAST = 200  # trials whose medians are shown
MAX_EPOCHS = 12


def space() -> Space:
    """A space like that of sentiment, fine enough for 100,000 trials."""
    grids: dict[str, tuple[Any, ...]] = {
        "units": tuple(range(8, 257)),
        "layers": (1, 2, 3),
        "bidirectional": (False, True),
        "dropout": tuple(round(0.05 * step, 2) for step in range(11)),
        "embedding": (16, 32, 64, 128),
        "batch_size": (32, 64, 128),
    }
    parameters = [Parameter(name=n, domain=Grid(values=v, default=v[0]), conditions=()) for n, v in grids.items()]
    rate = Parameter(name="learning_rate", domain=Interval(low=5e-4, high=2e-2, log=True, default=3e-3), conditions=())
    return Space(parameters=(*parameters, rate))


def score(config: Config, epoch: int, rng: np.random.Generator) -> float:
    """A made-up validation score: best near 64 units and a rate of 0.003, rising with epochs, with noise."""
    units, rate = np.log2(float(config["units"])), np.log(float(config["learning_rate"]))
    return float(0.8 - 0.01 * (units - 6) ** 2 - 0.02 * (rate - np.log(3e-3)) ** 2 - 0.2 / epoch + rng.normal(0, 0.01))


class Simulated:
    """A study's loop without training: asks while a worker is free, tells in an order of its own."""

    def __init__(self, name: str, folder: Path, workers: int) -> None:
        self.ledger = fresh(name)
        self.journal = Journal(folder / "trials.jsonl")
        self.rng, self.workers = np.random.default_rng(1), workers
        self.running: list[Trial] = []
        self.took: dict[str, list[float]] = defaultdict(list)

    def record(self, **event: Any) -> None:
        """Journal and apply, each timed."""
        start = time.perf_counter()
        self.journal.append(event)
        middle = time.perf_counter()
        self.ledger.apply(event)
        self.took["append"].append(middle - start)
        if event["event"] == "finished":
            self.took["tell"].append(time.perf_counter() - middle)

    def ask(self) -> bool:
        """Start one more trial; False where the strategy has none now."""
        start = time.perf_counter()
        asked = self.ledger.propose()
        if not isinstance(asked, Trial):
            return False
        self.took["ask"].append(time.perf_counter() - start)
        seed = derived_seed(0, "trial", asked.id)
        self.record(event="asked", trial=asked.id, config=asked.config, epochs=asked.epochs, until=asked.epochs, seed=seed)
        self.record(event="started", trial=asked.id, attempt=1, worker=0)
        self.running.append(asked)
        return True

    def end(self) -> None:
        """End one running trial after its last epoch."""
        trial = self.running.pop(int(self.rng.integers(len(self.running))))
        value = score(trial.config, trial.epochs, self.rng)
        start = time.perf_counter()
        self.ledger.strategy.report(trial, 1, value)
        self.took["report"].append(time.perf_counter() - start)
        told = {"metrics": {"val_accuracy": value}, "seconds": 1.0, "score": value, "parameters": 1000}
        self.record(event="epoch", trial=trial.id, attempt=1, epoch=trial.epochs, at=0.0, **told)
        found = {"score": value, "best_epoch": trial.epochs, "parameters": 1000, "parameters_without_embedding": 500}
        self.record(event="finished", trial=trial.id, attempt=1, at=0.0, **found)

    def go_to(self, trials: int) -> bool:
        """Run until so many configurations are known; False where there are no more."""
        while len(self.ledger.records) < trials:
            while len(self.running) < self.workers and len(self.ledger.records) < trials:
                if not self.ask():
                    break
            if not self.running:
                return False
            self.end()
        return True


def fresh(name: str) -> Ledger:
    """A strategy that has seen nothing, in its ledger."""
    objective = Objective.parse("val_accuracy:max")
    return Ledger(STRATEGIES[name](Setting(space(), objective, 0, MAX_EPOCHS, None)), objective)


def resumed(name: str, journal: Path) -> float:
    """Seconds to replay."""
    start, ledger = time.perf_counter(), fresh(name)
    for event in read(journal):
        ledger.replay(event)
    return time.perf_counter() - start


def main() -> None:
    """Run what is missing; a line for each strategy and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default=",".join(SIZES))
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--most", type=int, default=100_000)
    args = parser.parse_args()
    history = History("driver")
    print(f"{'strategy':<12}{'trials':>8}{'ask ms':>9}{'tell ms':>9}{'append ms':>11}{'resume s':>10}{'memory MB':>11}")
    for name in args.strategies.split(","):
        marks = [mark for mark in MARKS if mark <= min(SIZES.get(name, 200), args.most)]
        if all(history.find(strategy=name, trials=mark, workers=args.workers) for mark in marks):
            continue
        with tempfile.TemporaryDirectory() as folder:
            simulated = Simulated(name, Path(folder), args.workers)
            for mark in marks:
                if not simulated.go_to(mark):
                    print(f"{name:<12} has no more than {len(simulated.ledger.records)} trials")
                    break
                figures = {key: round(1000 * float(np.median(took[-LAST:])), 3) for key, took in simulated.took.items()}
                figures |= {"resume": round(resumed(name, simulated.journal.path), 3), "memory_mb": round(memory() / 1024)}
                history.add(strategy=name, trials=mark, workers=args.workers, **figures)
                print(
                    f"{name:<12}{mark:>8}{figures['ask']:>9.2f}{figures['tell']:>9.2f}{figures['append']:>11.2f}"
                    f"{figures['resume']:>10.2f}{figures['memory_mb']:>11.0f}",
                    flush=True,
                )


if __name__ == "__main__":
    with threadpool_limits(1, user_api="blas"):  # as in a search
        main()
