"""Record the tables that `compare --replay` plays: every configuration to its full epochs, with two seeds.

    python benchmarks/record.py [--only topics,tagging,...] [--configurations 160]

The 20 that do best get two seeds more: of 160 the one that looks best by two seeds is mostly the luckiest. All tables have the
same configurations as far as their spaces allow (scrambled Sobol points of the union of their axes), so that what did well on one
task can be looked up on another. Resumable: what was stopped goes on. The tables are written to benchmarks/recorded/NAME.json.gz;
the searches stay in benchmarks/recorded/.work, which is not committed. Data comes from ../shared/data, cut to at most 2,000 rows to
train on and 30 steps, so that a table takes under 45 minutes on two cores; `memory` is synthetic.
"""

import argparse
import csv
import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from records import ROOT
from scipy.stats import qmc

from tuning import DataOptions, load_task
from tuning.recorded import Table
from tuning.searching import space_for
from tuning.settings import Settings
from tuning.space import Config
from tuning.strategies.cube import to_config

FOLDER = ROOT / "benchmarks" / "recorded"
DATA = ROOT.parent / "shared" / "data"
SEEDS, EPOCHS = 2, 12
BEST, MORE = 20, 2  # configurations that are recorded with so many seeds more
# the union of the tables' axes, in the order of the Sobol dimensions
AXES = (
    "learning_rate",
    "units",
    "layers",
    "bidirectional",
    "dropout",
    "batch_size",
    "embedding",
    "pooling",
    "taper",
    "predict",
    "every_step",
)


def sentiment(folder: Path) -> dict[str, str]:
    """Film reviews (Pang and Lee 2005)."""
    rows = []
    for label in ("neg", "pos"):
        lines = (DATA / "mr" / f"rt-polarity.{label}").read_text(encoding="latin-1").splitlines()
        rows += [(line, label) for line in lines]
    random.Random(0).shuffle(rows)
    _tables(folder, {"train": rows[:1200], "valid": rows[1200:2800], "test": rows[2800:3200]})
    return {"data": str(folder), "max_length": "20"}


def topics(folder: Path) -> dict[str, str]:
    """What is asked of a voice assistant, seven intents (Coucke et al. 2018); few rows, or all would do well."""
    rows = {}
    for part, count in (("train", 600), ("valid", 700), ("test", 700)):
        text = gzip.decompress((DATA / "snips" / f"{part}.tsv.gz").read_bytes()).decode()
        pairs = [line.split("\t")[:2] for line in text.splitlines()]
        random.Random(0).shuffle(pairs)
        rows[part] = [(text, label) for label, text in pairs[:count]]
    _tables(folder, rows)
    return {"data": str(folder), "max_length": "20"}


def _tables(folder: Path, parts: dict[str, list[tuple[str, str]]]) -> None:
    for part, rows in parts.items():
        with (folder / f"{part}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])


def tagging(folder: Path) -> dict[str, str]:
    """Parts of speech of the English Web Treebank."""
    for part, count in (("train", 900), ("dev", 500), ("test", 300)):
        text = gzip.decompress((DATA / "ud_ewt" / f"{part}.txt.gz").read_bytes()).decode()
        sentences = [[line.rsplit(" ", 1)[0] for line in s.splitlines()] for s in text.split("\n\n") if s.strip()]
        short = [s for s in sentences if 4 <= len(s) <= 20]
        random.Random(0).shuffle(short)
        (folder / f"{part}.txt").write_text("\n\n".join("\n".join(s) for s in short[:count]) + "\n", encoding="utf-8")
    return {"data": str(folder)}


def forecast(folder: Path) -> dict[str, str]:
    """Monthly sunspots, the next month from the last 24."""
    return {"data": str(DATA / "sunspots" / "monthly-sunspots.csv"), "window": "24", "rows": "1500"}


def memory(folder: Path) -> dict[str, str]:
    """Six bits to be remembered."""
    return {"bits": "6"}


TABLES: dict[str, Callable[[Path], dict[str, str]]] = {f.__name__: f for f in (memory, topics, forecast, tagging, sentiment)}


def recorded(name: str, count: int) -> Path:
    """All searches of one table, then the table."""
    work = FOLDER / ".work" / name
    data = work / "data"
    data.mkdir(parents=True, exist_ok=True)
    given = TABLES[name](data)
    folders = [work / f"seed-{seed}" for seed in range(SEEDS + MORE)]
    tried = configurations(name, given, count)
    for seed, folder in enumerate(folders):
        if seed == SEEDS:
            tried = best_of(Table.of(folders[:SEEDS]))
        search(folder, [*options(name, given), "--seed", str(seed)], tried)
    path = FOLDER / f"{name}.json.gz"
    Table.of(folders).save(path)
    return path


def best_of(table: Table) -> list[Config]:
    """The best configurations: of so many, the one that looks best by two seeds is mostly the luckiest."""
    return [table.rows[number].config for number in np.argsort(table.qualities, kind="stable")[:BEST]]


def search(folder: Path, asked: list[str], tried: list[Config]) -> None:
    """One search over these configurations, begun or gone on with."""
    if (folder / "best.json").exists():
        return
    argv = [sys.executable, str(ROOT / "scripts" / "search.py")]
    if (folder / "settings.json").exists():
        argv += ["--resume", str(folder)]
    else:
        argv += [*asked, "--record", "--strategy", "sobol", "--trials", str(len(tried)), "--max-epochs", str(EPOCHS)]
        argv += ["--out", str(folder), *told(tried)]
    subprocess.run([*argv, "--quiet"], check=True, stdout=subprocess.DEVNULL)


def options(name: str, given: dict[str, str]) -> list[str]:
    """A task and its data as options."""
    return ["--task", name, *[f"--{key.replace('_', '-')}={value}" for key, value in given.items()]]


def configurations(name: str, given: dict[str, str], count: int) -> list[Config]:
    """The same points for every task, each in its own space; cheap and dear as they come."""
    task = load_task(name, DataOptions.model_validate(given))
    space = space_for(Settings(task=name, data=DataOptions.model_validate(given)), task)
    points = qmc.Sobol(len(AXES), scramble=True, rng=np.random.default_rng(0)).random(256)[:count]
    places = [AXES.index(parameter.name) for parameter in space.searched]
    return [to_config(space, point[places]) for point in points]


def told(configs: Sequence[Config]) -> list[str]:
    """Configurations as options."""
    return [flag for config in configs for flag in ("--try", ",".join(f"{name}={value}" for name, value in config.items()))]


def main() -> None:
    """Record what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(TABLES))
    parser.add_argument("--configurations", type=int, default=160)
    args = parser.parse_args()
    for name in args.only.split(","):
        path = recorded(name, args.configurations)
        table = Table.load(path)
        best = min(range(len(table.rows)), key=lambda number: float(table.qualities[number]))
        size, chosen = path.stat().st_size / 1024, json.dumps(table.rows[best].config)
        print(f"{name}: {len(table.rows)} configurations, {size:.0f} kB, one standard error {table.noise:.4f}, best {chosen}")


if __name__ == "__main__":
    main()
