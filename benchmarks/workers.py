"""Children and threads: which arrangement trains most trials a minute?

    python benchmarks/workers.py [--data ../shared/data/mr]

Three questions on the movie-review sentences, 3 epochs a trial, arrangements interleaved, medians over five rounds; a ratio is the
median of the rounds' own ratios, as the machine's speed changes from round to round:
threads: 6 configurations with one child of both cores, one child of one thread, two children of one thread;
seeds: 5 seeds of one configuration on two children, against one seed in one child, at 16, 32 and 64 units;
warm: 4 trials of one structure in a child that keeps its traced steps, against a new child for each trial.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from records import SHARED, History

from tuning import load_task
from tuning.executors import Executor, Processes
from tuning.space import Config
from tuning.training.jobs import Job, ModelRef
from tuning.training.store import save_task

EPOCHS, ROUNDS, SIZES = 3, 5, (16, 32, 64)
BASE: Config = {
    "cell": "lstm",
    "units": 32,
    "layers": 1,
    "taper": "constant",
    "bidirectional": False,
    "dropout": 0.2,
    "recurrent_dropout": 0.0,
    "activation": "tanh",
    "embedding": 64,
    "pooling": "mean",
    "learning_rate": 3e-3,
    "batch_size": 64,
}
MIXED = [
    {**BASE, "units": u, "bidirectional": b, "layers": n}
    for u, b, n in ((8, False, 1), (16, True, 1), (32, False, 2), (64, True, 1))
]
MIXED += [{**BASE, "units": 128}, {**BASE, "units": 24, "embedding": 32}]


def jobs_on(folder: str, configs: list[Config], seeds: Sequence[int] = (0,)) -> list[Job]:
    """Training of each configuration with each seed."""
    shared: dict[str, Any] = {"data": folder, "model": ModelRef(), "objective": "val_accuracy:max", "epochs": EPOCHS, "patience": 9}
    pairs = [(config, seed) for config in configs for seed in seeds]
    return [Job(id=i, kind="train", config=config, seed=seed, **shared) for i, (config, seed) in enumerate(pairs)]


def seconds(jobs: list[Job], executor: Executor, one_child_each: bool = False) -> float:
    """Wall time of the jobs on the executor's children, which have been started before."""
    waiting, running = list(jobs), 0
    for number in range(executor.slots):
        executor.submit(replace(jobs[0], id=-1 - number, kind="describe"))
    warmed = 0
    while warmed < executor.slots:
        warmed += sum(message.kind == "done" for message in executor.poll(1.0))
    start = time.perf_counter()
    while waiting or running:
        while waiting and running < executor.slots:
            executor.submit(waiting.pop(0))
            running += 1
        for message in executor.poll(1.0):
            if message.kind == "epoch":
                executor.reply(message.job, "continue")
                continue
            if message.kind == "failed":
                raise RuntimeError(message.body["reason"])
            running -= 1
            if one_child_each and isinstance(executor, Processes):
                for child in list(executor._children):
                    executor._end(child)
    return time.perf_counter() - start


def in_children(jobs: list[Job], workers: int, threads: int, one_child_each: bool = False) -> float:
    """The same on so many children of this machine."""
    with contextlib.closing(Processes(workers, threads=threads)) as executor:
        return seconds(jobs, executor, one_child_each)


def main() -> None:
    """Run what is missing, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "mr")
    args = parser.parse_args()
    history = History("workers")
    with tempfile.TemporaryDirectory() as folder:
        save_task(load_task("sentiment", data=str(args.data)), Path(folder))

        runs: dict[str, tuple[list[Job], int, int, bool]] = {
            "threads: 1 child, 2 threads": (jobs_on(folder, MIXED), 1, 2, False),
            "threads: 1 child, 1 thread": (jobs_on(folder, MIXED), 1, 1, False),
            "threads: 2 children, 1 thread": (jobs_on(folder, MIXED), 2, 1, False),
            "warm: kept": (jobs_on(folder, [BASE], range(4)), 1, 1, False),
            "warm: a child each": (jobs_on(folder, [BASE], range(4)), 1, 1, True),
        }
        for units in SIZES:
            runs[f"seeds: 1 of {units} units"] = (jobs_on(folder, [{**BASE, "units": units}]), 1, 1, False)
            runs[f"seeds: 5 of {units} units"] = (jobs_on(folder, [{**BASE, "units": units}], range(5)), 2, 1, False)
        for number in range(ROUNDS):
            for name, run in runs.items():
                if history.find(run=name, round=number) is None:
                    history.add(run=name, round=number, seconds=round(in_children(*run), 3))
    took = {name: [line["seconds"] for line in history.lines if line.get("run") == name] for name in runs}
    for name, values in took.items():
        print(f"{name:<32}{np.median(values):>8.2f} s")
    two, one = "threads: 2 children, 1 thread", "threads: 1 child, "
    pairs = {
        "2 children against 1 with both cores": (f"{one}2 threads", two),
        "2 children against 1 with 1 thread": (f"{one}1 thread", two),
        "kept traces against a child each": ("warm: a child each", "warm: kept"),
        **{f"5 seeds against 1, {u} units": (f"seeds: 5 of {u} units", f"seeds: 1 of {u} units") for u in SIZES},
    }
    ratios = {name: float(np.median(np.divide(took[over], took[under]))) for name, (over, under) in pairs.items()}
    for name, value in ratios.items():
        print(f"{name:<40}{value:>6.2f}")
    if history.find(summary="ratios", rounds=ROUNDS) is None:
        history.add(summary="ratios", rounds=ROUNDS, **ratios)


if __name__ == "__main__":
    main()
