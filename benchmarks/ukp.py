"""Outside evidence: strategies replayed on 16,244 BiLSTM taggers that others trained (Reimers and Gurevych 2017).

    python benchmarks/ukp.py [--strategies random,sobol,tpe,auto] [--seeds 20] [--trials 150]

../shared/data/ukp_bilstm_trials has one score a network, no curves and no seconds: a trial is one epoch of one second, so
what is measured is how many trials it takes until the incumbent is among the best 1 % of the table (of two data sets: chunking
and part of speech). `auto` knows no seconds here and begins with what other tasks lead one to expect. A search that never
gets there counts as all its trials.
"""

import argparse
import ast
import csv
import gzip
from dataclasses import replace
from typing import Any

import numpy as np
from records import SHARED, History
from threadpoolctl import threadpool_limits

from tuning.compare.runs import replayed
from tuning.compare.statistics import seconds
from tuning.recorded import Curve, Row, Table
from tuning.space import Config, Grid, Parameter, Space, same
from tuning.strategies import STRATEGIES
from tuning.task import Input, Output

FILE = SHARED / "ukp_bilstm_trials" / "trials.tsv.gz"
DATASETS = {"chunking": "conll2000_chunking.pkl", "pos": "wsj_pos_500.pkl"}
BEST = 0.01  # share of the table that counts as the best


def config_of(row: dict[str, str]) -> Config:
    """A row's network in this package's words where there are such."""
    sizes, rates = ast.literal_eval(row["LSTM-Size"]), ast.literal_eval(row["Dropout"])
    rates = rates if isinstance(rates, list) else [rates, rates]
    return {
        "units": int(sizes[0]),
        "last_units": int(sizes[-1]),
        "layers": int(row["LSTM-Layers"]),
        "dropout": float(rates[0]),
        "recurrent_dropout": float(rates[-1]),
        "dropout_type": row["VariationalDropoutType"],
        "decoder": row["Decoder"].strip("[]'"),
        "optimizer": row["Optimizer"],
        "batch_size": int(row["miniBatchSize"]),
        "embeddings": row["Embeddings"],
        "characters": row["CharEmbeddings"],
    }


def table(name: str) -> Table:
    """One data set's trials; the same network trained twice is one row with two curves."""
    rows: dict[str, Row] = {}
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            if line["Dataset"] != DATASETS[name]:
                continue
            config, curve = config_of(line), Curve(scores=(float(line["Dev_F1"]),), seconds=(1.0,), start=0.0)
            before = rows[same(config)].curves if same(config) in rows else ()
            rows[same(config)] = Row(config=config, curves=(*before, curve), parameters=1, parameters_without_embedding=1)
    names = next(iter(rows.values())).config
    known = {
        name: sorted({row.config[name] for row in rows.values()}, key=lambda value: (str(type(value)), value)) for name in names
    }
    space = Space(parameters=tuple(Parameter(name=key, domain=Grid(values=tuple(v), default=v[0])) for key, v in known.items()))
    shape: dict[str, Any] = {"input": Input(kind="tokens", size=20_000, steps=25), "output": Output(kind="tags", size=23)}
    found = tuple(rows.values())
    return Table(task=name, objective="val_f1:max", max_epochs=1, space=space, rows_to_train=9000, rows=found, **shape)


def measured(recorded: Table, strategy: str, seeds: int, trials: int) -> dict[str, float]:
    """Trials to the best 1 %, the median over seeds with its quarters, and what was found."""
    target = float(np.quantile(recorded.qualities, BEST))
    runs = [
        replayed(recorded, strategy, seed, 1, float(trials), lambda s: STRATEGIES[strategy](replace(s, costs=None)))
        for seed in range(seeds)
    ]
    needed = np.array([seconds(run, target) for run in runs])
    low, median, high = np.quantile(needed, [0.25, 0.5, 0.75])
    figures = {"median": median, "low": low, "high": high, "final": float(np.median([-run.final for run in runs]))}
    return {key: round(float(value), 4) for key, value in figures.items()}


def main() -> None:
    """Replay what is not in the history, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default="random,sobol,cmaes,tpe,auto")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=150)
    args = parser.parse_args()
    history = History("ukp")
    for name in DATASETS:
        recorded = table(name)
        print(f"{name}: {len(recorded.rows)} networks, best {-recorded.qualities.min():.4f}")
        for strategy in args.strategies.split(","):
            keys = {"dataset": name, "strategy": strategy, "seeds": args.seeds, "trials": args.trials}
            found = history.find(**keys) or history.add(**keys, **measured(recorded, strategy, args.seeds, args.trials))
            needed = f"{found['median']:6.0f} trials ({found['low']:.0f} to {found['high']:.0f})"
            print(f"  {strategy:12}{needed} to the best 1 %, at the end {found['final']:.4f}", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1, user_api="blas"):
        main()
