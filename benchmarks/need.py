"""Is the recommended number of units right? On `memory` the truth can be measured.

    python benchmarks/need.py truth            need(k) for k = 2, 4, 8, 16: about a quarter of an hour
    python benchmarks/need.py searches         5 searches of each k: --budget 2m each, 40 minutes

need(k): the smallest size of the grid with which at least 8 of 10 seeds reach 99 % of the bits within 40 epochs, one layer, at
the best of three learning rates (by 3 seeds). Sizes are bisected, so it is taken for granted that more units do not do worse. A
search is right where the units it recommends are within one octave of need(k). What the history holds of this commit is not run
again.
"""

import argparse
import contextlib
import json
import math
import tempfile
from pathlib import Path

from records import History, answer_of

from tuning import load_task
from tuning.executors import Processes
from tuning.ranges import ladder
from tuning.space import Config
from tuning.task import DataOptions
from tuning.training.jobs import Job, ModelRef
from tuning.training.store import save_task

EPOCHS, PATIENCE = 40, 10  # of every run, in truth and searches
BITS, SEEDS, ENOUGH, LEVEL = (2, 4, 8, 16), 10, 8, 0.99
RATES, TUNING = (3e-3, 8e-3, 2e-2), 3
SEARCHES = 5
FIXED: Config = {"cell": "lstm", "layers": 1, "taper": "constant", "bidirectional": False, "dropout": 0.0, "recurrent_dropout": 0.0}
FIXED |= {"activation": "tanh", "pooling": "last", "batch_size": 32}


def scores(executor: Processes, data: Path, configs: list[tuple[Config, int]]) -> list[float]:
    """The best validation accuracy of each configuration with its seed, two at a time."""
    found: dict[int, float] = {}
    waiting = list(enumerate(configs, start=1))
    running = 0
    while waiting or running:
        while waiting and running < executor.slots:
            number, (config, seed) = waiting.pop(0)
            more = {"objective": "val_accuracy:max", "config": config, "seed": seed, "epochs": EPOCHS, "patience": PATIENCE}
            executor.submit(Job(id=number, kind="train", data=str(data), model=ModelRef(), **more))  # type: ignore[arg-type]  # as a study does
            running += 1
        for message in executor.poll(1.0):
            if message.kind == "epoch":
                executor.reply(message.job, "continue")
            else:
                running -= 1
                found[message.job] = float(message.body.get("score") or 0.0)
    return [found[number] for number in range(1, len(configs) + 1)]


def reaches(executor: Processes, data: Path, units: int) -> tuple[int, float]:
    """How many of ten seeds reach the level, and at which rate."""
    trials = [({**FIXED, "units": units, "learning_rate": rate}, 100 + seed) for rate in RATES for seed in range(TUNING)]
    tuned = scores(executor, data, trials)
    means = [sum(tuned[n * TUNING : (n + 1) * TUNING]) for n in range(len(RATES))]
    rate = RATES[means.index(max(means))]
    final = scores(executor, data, [({**FIXED, "units": units, "learning_rate": rate}, seed) for seed in range(SEEDS)])
    return sum(score >= LEVEL for score in final), rate


def truth(history: History) -> None:
    """need(k), by bisection of the grid."""
    for bits in BITS:
        if history.find(kind="need", bits=bits):
            continue
        grid = ladder(1, 128)
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(Processes(2, threads=1)) as executor:
            save_task(load_task("memory", DataOptions(bits=bits)), Path(folder))
            low, high, seen = 0, len(grid), dict[int, tuple[int, float]]()
            while low < high:
                middle = (low + high) // 2
                seen[int(grid[middle])] = reaches(executor, Path(folder), int(grid[middle]))
                low, high = (low, middle) if seen[int(grid[middle])][0] >= ENOUGH else (middle + 1, high)
                print(f"  {bits} bits, {grid[middle]} units: {seen[int(grid[middle])][0]} of {SEEDS}", flush=True)
        need = int(grid[low]) if low < len(grid) else None
        history.add(kind="need", bits=bits, need=need, seen={str(units): list(told) for units, told in sorted(seen.items())})
        print(f"{bits} bits need {need} units", flush=True)


def searches(history: History, needs: dict[int, int], budget: str) -> None:
    """What searches recommend."""
    right = whole = 0
    for bits, seed in ((bits, seed) for seed in range(SEARCHES) for bits in BITS):
        line = history.find(kind="search", bits=bits, seed=seed, budget=budget)
        if line is None:
            given = ["--task", "memory", "--bits", str(bits), "--seed", str(seed), "--budget", budget]
            answer = answer_of(*given, "--max-epochs", str(EPOCHS), "--patience", str(PATIENCE))
            raced = [(one["units"], one["seeds"], one["mean"], one["apart"]) for one in answer["raced"]]
            line = history.add(kind="search", bits=bits, seed=seed, budget=budget, units=answer["units"], raced=raced)
        octaves = abs(math.log2(line["units"] / needs[bits]))
        right, whole = right + (octaves <= 1), whole + 1
        print(f"{bits:>3} bits seed {seed}: {line['units']} units, need {needs[bits]}, {octaves:.1f} octaves", flush=True)
    print(f"within one octave: {right} of {whole}")


def main() -> None:
    """The truth, or searches against the newest truth that the history holds, of whatever commit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("truth", "searches"))
    parser.add_argument("--budget", default="2m")
    args = parser.parse_args()
    history = History("need")
    if args.what == "truth":
        truth(history)
        return
    lines = [json.loads(line) for line in history.path.read_text(encoding="utf-8").splitlines()]
    searches(history, {line["bits"]: line["need"] for line in lines if line["kind"] == "need"}, args.budget)


if __name__ == "__main__":
    main()
