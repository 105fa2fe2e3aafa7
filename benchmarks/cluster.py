"""What do the queues of a cluster's scheduler cost, beside children of this machine?

    python benchmarks/cluster.py [--data ../shared/data/mr] [--rounds 5]

The six configurations of workers.py, 3 epochs each, on two children of this machine and on two workers of a Dask cluster that is
on it too, interleaved; `ratio` is the median of the rounds' own ratios. Beside it the seconds until the first job has ended: a slot
of a cluster loads TensorFlow for itself, children of this machine share one server.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from records import SHARED, History
from workers import MIXED, jobs_on, seconds

from tuning import load_task
from tuning.executors import Cluster, Executor, Processes
from tuning.training.jobs import Job
from tuning.training.store import save_task

WORKERS = 2


@contextlib.contextmanager
def local_cluster(folder: Path) -> Iterator[str]:
    """A scheduler with two workers of one thread, as a user starts them; its address."""
    file = folder / "scheduler.json"
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)]
    worker = ["distributed.cli.dask_worker", "--scheduler-file", str(file), "--nworkers", str(WORKERS), "--nthreads", "1"]
    with contextlib.ExitStack() as running:
        for argv in (scheduler, worker):
            process = subprocess.Popen([sys.executable, "-m", *argv, "--no-dashboard"], stderr=subprocess.DEVNULL)
            running.enter_context(process)
            running.callback(process.terminate)
        while not file.exists() or not file.read_text().endswith("}"):
            time.sleep(0.1)
        address = str(json.loads(file.read_text())["address"])
        import distributed

        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(WORKERS)
        yield address


def timed(executor: Executor, jobs: list[Job]) -> dict[str, float]:
    """Seconds until a first job has ended, and of all jobs once children are warm."""
    start = time.perf_counter()
    executor.submit(replace(jobs[0], id=-10, kind="describe"))
    while not executor.poll(0.1):
        pass
    first = time.perf_counter() - start
    return {"first": round(first, 2), "seconds": round(seconds(jobs, executor), 2)}


def main() -> None:
    """Run what is missing, print medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED / "mr")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    history = History("cluster")
    with tempfile.TemporaryDirectory() as name, local_cluster(Path(name)) as address:
        folder = Path(name)
        save_task(load_task("sentiment", data=str(args.data)), folder / "data")
        jobs = jobs_on(str(folder / "data"), MIXED)
        for number in range(args.rounds):
            for kind in ("children", "cluster"):
                if history.find(kind=kind, round=number) is None:
                    made = Cluster(address, folder, WORKERS, threads=1) if kind == "cluster" else Processes(WORKERS, threads=1)
                    with contextlib.closing(made) as executor:
                        history.add(kind=kind, round=number, **timed(executor, jobs))
    took = {kind: [line for line in history.lines if line["kind"] == kind] for kind in ("children", "cluster")}
    for kind, lines in took.items():
        first, whole = (np.median([line[key] for line in lines]) for key in ("first", "seconds"))
        print(f"{kind:10} first job {first:5.1f} s, six trials {whole:6.1f} s")
    ratio = np.median([a["seconds"] / b["seconds"] for a, b in zip(took["cluster"], took["children"], strict=True)])
    print(f"ratio      {ratio:.3f}")


if __name__ == "__main__":
    main()
