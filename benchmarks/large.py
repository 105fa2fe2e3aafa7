"""On large data, without hours of it: searches played on what some hundred trials of tinyshakespeare taught.

    python benchmarks/large.py [--strategies auto,asha,hyperband,random] [--seeds 400] [--collect FOLDER ...]

A surrogate benchmark (Zela et al. 2022): a Gaussian process of log perplexity over configuration and epoch, and trees for an
epoch's seconds, fitted to the curves in recorded/large/trials.jsonl.gz, give 2,600 networks their curves, with the noise of seeds.
An epoch is a quarter of a pass, two workers, 60 s. Told are seconds until an epoch's score is at 6.01, about `live.py`'s target
(never: 60 s), and how many searches get there. `--collect` adds the trials of searches' folders to the file.
"""

import argparse
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from records import ROOT, SHARED, History
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from threadpoolctl import threadpool_limits

from tuning.compare.runs import replayed
from tuning.journal import read
from tuning.recipe import load_task
from tuning.recorded import Curve, Row, Table
from tuning.space import Config, Grid, Interval, Parameter, Space, same
from tuning.strategies import STRATEGIES, Setting, Strategy
from tuning.strategies.auto import Auto
from tuning.task import DataOptions
from tuning.trial import Trial

FILE = ROOT / "benchmarks" / "recorded" / "large" / "trials.jsonl.gz"
DATA = {"data": str(SHARED / "tinyshakespeare"), "level": "characters", "window": "60"}
TARGET, BUDGET, WORKERS = 6.01, 60.0, 2
NETWORKS, EPOCHS, SEEDS, FITTED = 2600, 30, 2, 900
AGES = (1, 2, 3, 4, 6, 8, 11, 15, 20, 30)  # epochs whose scores are fitted
NOISE = (0.012, 0.006)  # assumed of a log perplexity, over seeds and over epochs of one: three pairs differed by 0.01, 0.02, 0.08
PASSES, START = 12, 0.45  # most of a trial; seconds to begin one


class WithoutLarger(Auto):
    """More units are tried where the process says so."""

    def _larger(self) -> Config | None:
        return None


class WithoutRungs(Auto):
    """What goes on after its first epoch goes on until another overtakes it."""

    def begin(self, number: int, epochs: int) -> Trial:
        """Compare it after an epoch, or not again."""
        trial = super().begin(number, epochs)
        self._rungs[number] = 1 if number not in self._standing.told else epochs
        return trial


def with_dropout(setting: Setting) -> Strategy:
    """Dropout and wide embeddings are searched from the first trial on."""
    return Auto(replace(setting, epochs_per_pass=1))


ABLATIONS: dict[str, Callable[[Setting], Strategy]] = {
    "auto without larger": WithoutLarger,
    "auto without rungs": WithoutRungs,
    "auto with dropout": with_dropout,
}


def collect(folders: list[Path]) -> None:
    """Add the curves of searches' trials."""
    known = gzip.decompress(FILE.read_bytes()).decode().splitlines() if FILE.exists() else []
    for folder in folders:
        configs: dict[int, Config] = {}
        curves: dict[int, dict[int, tuple[float, float]]] = {}
        for event in read(folder / "trials.jsonl"):
            if event["event"] == "asked":
                configs[event["trial"]] = event["config"]
            elif event["event"] == "epoch" and event["score"] is not None:
                curves.setdefault(event["trial"], {})[event["epoch"]] = (round(event["score"], 4), event["seconds"])
        known += [json.dumps({"config": configs[trial], "curve": list(curve.values())}) for trial, curve in curves.items()]
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_bytes(gzip.compress("\n".join(dict.fromkeys(known)).encode(), mtime=0))


def features(config: Config) -> list[float]:
    """A configuration as numbers."""
    sizes = [float(np.log2(float(config[name]))) for name in ("units", "batch_size", "embedding", "learning_rate")]
    return [*sizes, float(config["layers"]), float(config.get("taper") == "halving"), 4 * float(config["dropout"])]


class Foretold:
    """Perplexities and seconds of networks that nobody trained."""

    def __init__(self) -> None:
        trials = [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).decode().splitlines()]
        known = [
            ([*features(t["config"]), 2 * np.log2(age)], t["curve"][age - 1][0])
            for t in trials
            for age in AGES
            if age <= len(t["curve"])
        ]
        rng = np.random.default_rng(0)
        chosen = rng.permutation(len(known))[:FITTED]
        points, scores = np.array([known[i][0] for i in chosen]), np.log([known[i][1] for i in chosen])
        self._middle, self._spread = points.mean(axis=0), points.std(axis=0)
        kernel = ConstantKernel() * RBF([3.0] * points.shape[1], (0.5, 50.0)) + WhiteKernel(1e-3, (1e-5, 0.1))
        self._scores = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0).fit(self._scaled(points), scores)
        timed = [(features(t["config"]), np.log(seconds)) for t in trials for _, seconds in t["curve"][1:]]
        self._seconds = GradientBoostingRegressor(n_estimators=200, random_state=0).fit(*map(np.array, zip(*timed, strict=True)))

    def _scaled(self, points: np.ndarray) -> np.ndarray:
        return np.asarray((points - self._middle) / self._spread)

    def row(self, config: Config, rng: np.random.Generator) -> Row:
        """A network's curves."""
        points = np.array([[*features(config), 2 * np.log2(age)] for age in range(1, EPOCHS + 1)])
        middle = self._scores.predict(self._scaled(points))
        seconds = float(np.exp(self._seconds.predict([features(config)])[0]))
        curves = []
        for _ in range(SEEDS):
            scores = np.exp(middle + rng.normal(0, NOISE[0]) + rng.normal(0, NOISE[1], EPOCHS))
            curves.append(Curve(scores=tuple(map(float, scores)), seconds=(seconds,) * EPOCHS, start=START))
        size = int(config["units"]) ** 2  # nobody asks for it here
        return Row(config=config, curves=tuple(curves), parameters=size, parameters_without_embedding=size)


SPACE = Space(
    parameters=(
        Parameter(name="units", domain=Grid(values=(8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256), default=32)),
        Parameter(name="layers", domain=Grid(values=(1, 2), default=1)),
        Parameter(name="dropout", domain=Grid(values=(0.0, 0.1, 0.2, 0.3, 0.4, 0.5), default=0.2)),
        Parameter(name="embedding", domain=Grid(values=(16, 32, 64, 128), default=64)),
        Parameter(name="learning_rate", domain=Interval(low=5e-4, high=2e-2, log=True, default=3e-3)),
        Parameter(name="batch_size", domain=Grid(values=(32, 64, 128), default=64)),
    )
)


@cache
def table() -> Table:
    """The networks, more of them where searches go: one layer, no dropout, a high rate."""
    foretold, rng = Foretold(), np.random.default_rng(1)
    drawn = {same(SPACE.default()): SPACE.default()}
    for number in range(NETWORKS):
        config = SPACE.draw(rng)
        config["dropout"] = config["dropout"] if number % 5 == 0 else 0.0
        config["layers"] = config["layers"] if number % 4 == 0 else 1
        drawn.setdefault(same(config), config)
    spec = load_task("next_word", DataOptions.model_validate(DATA)).spec
    return Table(
        task="next_word",
        objective=spec.objective,
        max_epochs=PASSES * spec.epochs_per_pass,
        space=SPACE,
        input=spec.input,
        output=spec.output,
        rows_to_train=spec.rows["train"],
        epochs_per_pass=spec.epochs_per_pass,
        rows=tuple(foretold.row(config, rng) for config in drawn.values()),
    )


def reached(name: str, seed: int) -> float:
    """Seconds until an epoch's score is at the target; the budget where none is."""
    make = ABLATIONS.get(name) or STRATEGIES[name]
    run = replayed(table(), name, seed, WORKERS, BUDGET, make, by_search=True)
    return next((point.at for point in run.points if point.loss <= TARGET), BUDGET)


def main() -> None:
    """Collect, or replay what is not in the history."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default=",".join(["auto", "asha", "hyperband", "random", *ABLATIONS]))
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--collect", nargs="+", type=Path, default=[])
    args = parser.parse_args()
    if args.collect:
        collect(args.collect)
        return
    history = History("large")
    for name in args.strategies.split(","):
        keys = {"strategy": name, "seeds": args.seeds}
        found = history.find(**keys)
        if found is None:
            with threadpool_limits(1):
                times = np.array(list(map(partial(reached, name), range(args.seeds))))
            spread = dict(zip(("low", "median", "high"), np.percentile(times, [25, 50, 75]).round(1).tolist(), strict=True))
            found = history.add(**keys, **spread, reached=round(float((times < BUDGET).mean()), 3))
        quarters = f"({found['low']:.1f} to {found['high']:.1f})"
        print(f"{name:22} {found['median']:5.1f} s {quarters}, {found['reached']:.0%} get there", flush=True)


if __name__ == "__main__":
    main()
