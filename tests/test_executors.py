"""One contract for every executor, with real jobs; what only processes and clusters can do, with real kills."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small import LOOP, small_task

from tuning.errors import BadValue, Mistake
from tuning.executors import Cluster, Executor, Inline, Message, Processes
from tuning.executors import dask as cluster_module
from tuning.executors import processes as processes_module
from tuning.hypermodels import family_model
from tuning.searching import resume, search
from tuning.training import describe
from tuning.training.jobs import Job, ModelRef
from tuning.training.store import save_task

ALONE = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
BROKEN = """
import os, time
import keras, keras_tuner
class Broken(keras_tuner.HyperModel):
    def build(self, hp):
        kind = hp.Choice("kind", ["raises", "exits", "hangs", "fine"], default="fine")
        if kind == "raises":
            raise ValueError("no such layer")
        if kind == "exits":
            os._exit(3)
        if kind == "hangs":
            time.sleep(600)
        model = keras.Sequential([keras.Input((None, 1)), keras.layers.LSTM(2), keras.layers.Dense(4, activation="softmax")])
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model
"""


@pytest.fixture(scope="session")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Dask scheduler that has two workers of one thread."""
    with dask(tmp_path_factory.mktemp("dask")) as address, worker(address), worker(address):
        yield address


@contextlib.contextmanager
def dask(folder: Path) -> Iterator[str]:
    """A scheduler in a process of its own."""
    file = folder / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    with process("distributed.cli.dask_scheduler", *options):
        until(lambda: file.exists() and file.read_text().endswith("}"))
        yield json.loads(file.read_text())["address"]


@contextlib.contextmanager
def worker(address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of one thread, no nanny above it."""
    before = len(workers_of(address))
    with process("distributed.cli.dask_worker", address, *ALONE) as started:
        until(lambda: len(workers_of(address)) > before)
        yield started


@contextlib.contextmanager
def process(module: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-m", module, *options], stderr=subprocess.DEVNULL) as started:
        try:
            yield started
        finally:
            started.kill()


def workers_of(address: str) -> dict[str, int]:
    import distributed

    with distributed.Client(address, set_as_default=False) as client:
        return dict(client.nthreads())


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(params=["cluster", "inline", "processes"])
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
    makers: dict[str, Callable[[], Executor]] = {
        "cluster": lambda: Cluster(request.getfixturevalue("scheduler"), tmp_path, threads=1),
        "inline": Inline,
        "processes": lambda: Processes(2),
    }
    with contextlib.closing(makers[request.param]()) as made:
        yield made


@pytest.fixture
def processes() -> Iterator[Processes]:
    with contextlib.closing(Processes(2)) as made:
        yield made


def job(folder: Path, number: int = 1, **more: Any) -> Job:
    task = small_task("signals")
    if not (folder / "data").exists():
        save_task(task, folder / "data")
    config = describe.declared(family_model(task.spec)).complete({"units": 4})
    settings: dict[str, Any] = {"kind": "train", "config": config, "epochs": 2, "patience": 5, "objective": "val_accuracy", **more}
    return Job(id=number, data=str(folder / "data"), model=settings.pop("model", ModelRef()), **settings)


def own(folder: Path, kind: str, number: int = 1, **more: Any) -> Job:
    file = folder / "broken.py"
    file.write_text(BROKEN)
    return job(folder, number, model=ModelRef(str(file), "Broken"), config={"kind": kind}, **more)


def until_end(executor: Executor, count: int = 1, timeout: float = 120) -> list[Message]:
    """All messages until `count` jobs have ended, epochs answered with continue."""
    messages: list[Message] = []
    deadline = time.monotonic() + timeout
    while sum(message.kind != "epoch" for message in messages) < count:
        assert time.monotonic() < deadline, messages
        for message in executor.poll(0.5):
            messages.append(message)
            if message.kind == "epoch":
                executor.reply(message.job, "continue")
    return messages


def test_as_many_children_as_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    available = processes_module.available_memory()
    assert available is None or available > 1e8
    monkeypatch.setattr(processes_module, "cores", lambda: 8)
    for memory, children in ((4e9, 2), (1e9, 1), (1e12, 8), (None, 8)):
        monkeypatch.setattr(processes_module, "available_memory", lambda memory=memory: memory)
        assert processes_module.default_workers() == children


class TestEveryExecutor:
    def test_a_job_tells_its_epochs_and_its_end(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(job(tmp_path))
        messages = until_end(executor)
        assert [message.kind for message in messages] == ["epoch", "epoch", "done"]
        assert messages[-1].body["epochs"] == 2

    def test_a_decision_ends_a_trial(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(job(tmp_path, epochs=50))
        while not (messages := executor.poll(0.5)):
            pass
        executor.reply(messages[0].job, "stop")
        assert until_end(executor)[-1].body["epochs"] == 1

    def test_what_a_model_raises_is_a_failure_with_its_reason(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(own(tmp_path, "raises"))
        failed = until_end(executor)[-1]
        assert failed.kind == "failed"
        assert failed.body == {"kind": "raised", "reason": "ValueError: no such layer"}

    def test_jobs_one_after_another_in_the_same_executor(self, executor: Executor, tmp_path: Path) -> None:
        for number in (1, 2):
            executor.submit(job(tmp_path, number, epochs=1))
            assert until_end(executor)[-1].job == number

    def test_nothing_is_told_of_a_stopped_job(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(job(tmp_path, epochs=50))
        while not (begun := executor.poll(0.5)):
            pass
        executor.reply(begun[0].job, "continue")
        executor.stop(1)
        deadline = time.monotonic() + 1.0  # an epoch takes milliseconds
        while time.monotonic() < deadline:
            assert executor.poll(0.2) == []

    def test_a_loop_of_the_users_that_heeds_nothing_is_ended(self, executor: Executor, tmp_path: Path) -> None:
        (tmp_path / "loop.py").write_text(LOOP)
        for number, (decision, told) in enumerate((("stop", 1), ("continue", 3)), start=1):
            executor.submit(job(tmp_path, number, model=ModelRef(str(tmp_path / "loop.py"), "Loop"), config={"units": 2}, epochs=3))
            messages: list[Message] = []
            while not messages or messages[-1].kind == "epoch":
                for message in executor.poll(0.5):
                    messages.append(message)
                    if message.kind == "epoch":
                        executor.reply(message.job, decision)
            assert [message.kind for message in messages] == ["epoch"] * told + ["done"]
            assert messages[-1].body["epochs"] == told

    def test_a_job_after_a_stopped_one_is_as_without_it(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(job(tmp_path, 1, epochs=3))
        clean = until_end(executor)[-1].body["score"]
        executor.submit(job(tmp_path, 2, epochs=500, seed=9))
        while not executor.poll(0.5):
            pass
        executor.stop(2)
        executor.submit(job(tmp_path, 3, epochs=3))
        ended = until_end(executor)[-1]
        assert (ended.job, ended.body["epochs"], ended.body["score"]) == (3, 3, clean)

    def test_the_space_is_described(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(job(tmp_path, kind="describe"))
        names = [parameter["name"] for parameter in until_end(executor)[-1].body["space"]["parameters"]]
        assert "units" in names
        assert "embedding" not in names

    def test_a_users_own_model_is_discovered_and_trained(self, executor: Executor, tmp_path: Path) -> None:
        executor.submit(own(tmp_path, "fine", epochs=1))
        assert until_end(executor)[-1].kind == "done"


class TestProcesses:
    def test_two_jobs_at_a_time(self, processes: Processes, tmp_path: Path) -> None:
        processes.submit(job(tmp_path, 1))
        processes.submit(job(tmp_path, 2))
        assert len(processes.pids) == 2
        assert {message.job for message in until_end(processes, 2) if message.kind == "done"} == {1, 2}

    def test_a_killed_child_is_a_failed_job_and_the_other_goes_on(self, processes: Processes, tmp_path: Path) -> None:
        processes.submit(job(tmp_path, 1, epochs=500))
        processes.submit(job(tmp_path, 2, epochs=2))
        os.kill(processes.pids[0], signal.SIGKILL)
        messages = until_end(processes, 2)
        failed = [message for message in messages if message.kind == "failed"]
        assert [message.job for message in failed] == [1]
        assert failed[0].body["kind"] == "killed"
        assert "SIGKILL" in failed[0].body["reason"]
        assert any(message.kind == "done" and message.job == 2 for message in messages)

    def test_a_child_that_exits_is_a_failed_job(self, processes: Processes, tmp_path: Path) -> None:
        processes.submit(own(tmp_path, "exits"))
        assert "status 3" in until_end(processes)[-1].body["reason"]

    def test_a_child_that_hangs_is_ended(self, processes: Processes, tmp_path: Path) -> None:
        processes.submit(job(tmp_path, 1, epochs=1))
        until_end(processes)  # TensorFlow is loaded by now
        processes.submit(own(tmp_path, "hangs", 2, silence=3.0))
        failed = until_end(processes)[-1]
        assert failed.body["kind"] == "hung"
        assert "3 s" in failed.body["reason"]

    def test_a_child_whose_memory_has_grown_is_replaced(
        self, processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number, (growth, kept) in enumerate([(100.0, True), (100.0, True), (0.5, False)]):
            monkeypatch.setattr("tuning.executors.processes.GROWTH", growth)
            processes.submit(job(tmp_path, number, epochs=1))
            before = processes.pids
            until_end(processes)
            assert (processes.pids == before) is kept

    def test_a_structure_goes_to_the_child_that_has_traced_it(self, processes: Processes, tmp_path: Path) -> None:
        config = job(tmp_path).config
        for number, units in enumerate((4, 8)):
            processes.submit(job(tmp_path, number, epochs=1, config={**config, "units": units}))
        busy = {child.job.config["units"]: child for child in processes._children if child.job}
        until_end(processes, 2)
        processes.submit(job(tmp_path, 3, epochs=1, config={**config, "units": 8, "learning_rate": 0.011}))
        assert busy[8].job is not None
        until_end(processes)

    def test_children_end_with_their_driver(self, tmp_path: Path) -> None:
        save_task(small_task("signals"), tmp_path / "data")
        code = (
            "import sys, time; sys.path.insert(0, sys.argv[2])\n"
            "from pathlib import Path; import test_executors as t\n"
            "from tuning.executors import Processes\n"
            "p = Processes(2)\n"
            "for n in (1, 2): p.submit(t.job(Path(sys.argv[1]), n, epochs=10000))\n"
            "while not p.poll(1): pass\n"
            "print(*p.pids, flush=True); time.sleep(600)\n"
        )
        argv = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as driver:
            assert driver.stdout is not None
            pids = [int(pid) for pid in driver.stdout.readline().split()]
            assert len(pids) == 2
            driver.kill()
        deadline = time.monotonic() + 5
        while any(alive(pid) for pid in pids):
            assert time.monotonic() < deadline
            time.sleep(0.1)


class TestCluster:
    def test_two_jobs_at_a_time_on_two_workers(self, scheduler: str, tmp_path: Path) -> None:
        with contextlib.closing(Cluster(scheduler, tmp_path, threads=1)) as cluster:
            assert cluster.slots == 2
            for number in (1, 2):
                cluster.submit(job(tmp_path, number))
            assert len({slot.worker for slot in cluster._slots}) == 2
            assert {message.job for message in until_end(cluster, 2) if message.kind == "done"} == {1, 2}

    def test_a_child_that_exits_is_a_failed_job_and_the_slot_goes_on(self, scheduler: str, tmp_path: Path) -> None:
        with contextlib.closing(Cluster(scheduler, tmp_path, workers=1)) as cluster:
            assert cluster.slots == 1
            cluster.submit(own(tmp_path, "exits"))
            assert "status 3" in until_end(cluster)[-1].body["reason"]
            cluster.submit(own(tmp_path, "fine", 2, epochs=1))
            assert until_end(cluster)[-1].kind == "done"
            assert cluster._numbers == 1

    def test_a_lost_worker_costs_its_job_and_one_that_joins_is_used(self, tmp_path: Path) -> None:
        with dask(tmp_path) as address, worker(address), contextlib.closing(Cluster(address, tmp_path)) as cluster:
            told: list[Message] = []

            def heard(condition: Callable[[], bool]) -> bool:
                for message in cluster.poll(0.5):
                    told.append(message)
                    cluster.reply(message.job, "continue")
                return condition()

            assert cluster.slots == 1
            cluster.submit(job(tmp_path, 1, epochs=5000))
            with worker(address) as second:
                until(lambda: heard(lambda: cluster.slots == 2))
                cluster.submit(job(tmp_path, 2, epochs=5000))
                until(lambda: heard(lambda: {message.job for message in told} == {1, 2}))
                second.kill()
            until(lambda: heard(lambda: any(message.kind == "failed" for message in told)))
            failed = [message for message in told if message.kind == "failed"]
            assert [(message.job, message.body["kind"]) for message in failed] == [(2, "killed")]
            assert "was lost" in failed[0].body["reason"]
            assert cluster.slots == 1
            cluster.stop(1)
            cluster.submit(job(tmp_path, 3, epochs=1))
            assert until_end(cluster)[-1].job == 3

    def test_a_worker_started_again_at_the_same_address_costs_its_job(self, tmp_path: Path) -> None:
        import distributed

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        nannied = ("--nthreads", "1", "--no-dashboard", "--worker-port", port)
        with dask(tmp_path) as address, process("distributed.cli.dask_worker", address, *nannied):
            until(lambda: workers_of(address) != {})
            with contextlib.closing(Cluster(address, tmp_path)) as cluster:
                cluster.submit(job(tmp_path, 1, epochs=500))
                until(lambda: cluster.poll(0.5) != [])
                with distributed.Client(address, set_as_default=False) as client:
                    (pid,) = client.run(os.getpid).values()
                os.kill(pid, signal.SIGKILL)
                until(lambda: [message.body.get("kind") for message in cluster.poll(0.5)] == ["killed"])
                cluster.submit(job(tmp_path, 2, epochs=1))
                assert until_end(cluster)[-1].kind == "done"

    def test_a_worker_that_takes_nothing_is_passed_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import distributed

        monkeypatch.setattr(cluster_module, "STARTING", 4.0)
        with contextlib.ExitStack() as running:
            address = running.enter_context(dask(tmp_path))
            for _ in range(2):
                running.enter_context(worker(address))
            client = running.enter_context(distributed.Client(address, set_as_default=False))
            busy = client.submit(time.sleep, 600, workers=[next(iter(client.nthreads()))])
            until(lambda: any(client.processing().values()))
            cluster = running.enter_context(contextlib.closing(Cluster(address, tmp_path)))
            for number in (1, 2):
                cluster.submit(job(tmp_path, number, epochs=1))
            assert {message.job for message in until_end(cluster, 2) if message.kind == "done"} == {1, 2}
            until(lambda: not cluster.poll(0.5) and cluster.slots == 1)
            busy.cancel()

    def test_where_all_workers_are_lost_one_is_waited_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with dask(tmp_path) as address:
            with worker(address) as only:
                cluster = Cluster(address, tmp_path)
                only.kill()
            with contextlib.closing(cluster):
                until(lambda: not cluster.poll(0.5) and not cluster._alive)
                with process("distributed.cli.dask_worker", address, *ALONE):  # joins a second later
                    cluster.submit(job(tmp_path, 1, epochs=1))
                    assert until_end(cluster)[-1].kind == "done"
                monkeypatch.setattr(cluster_module, "STARTING", 1.0)
                with pytest.raises(Mistake, match="lost its workers"):
                    until(lambda: cluster.poll(0.5) != [])

    def test_a_scheduler_that_is_lost_ends_the_search_in_a_line(self, tmp_path: Path) -> None:
        with dask(tmp_path) as address, worker(address):
            cluster = Cluster(address, tmp_path)
            cluster.submit(job(tmp_path, 1, epochs=1))
            assert until_end(cluster)[-1].kind == "done"
        with contextlib.closing(cluster), pytest.raises(Mistake, match="was lost; --resume"):
            until(lambda: cluster.poll(0.5) != [])

    def test_slots_end_when_their_driver_is_killed(self, scheduler: str, tmp_path: Path) -> None:
        save_task(small_task("signals"), tmp_path / "data")
        code = (
            "import sys, time; sys.path.insert(0, sys.argv[2])\n"
            "from pathlib import Path; import test_executors as t\n"
            "t.cluster_module.SILENT = 3.0\n"
            "c = t.Cluster(sys.argv[3], Path(sys.argv[1]), threads=1)\n"
            "for n in (1, 2): c.submit(t.job(Path(sys.argv[1]), n, epochs=10000))\n"
            "while not c.poll(1): pass\n"
            "print(flush=True); time.sleep(600)\n"
        )
        argv = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent), scheduler]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as driver:
            assert driver.stdout is not None
            driver.stdout.readline()
            assert len(slots_of(scheduler)) == 2
            driver.kill()
        until(lambda: not slots_of(scheduler))

    def test_what_the_user_can_mend_is_told(self, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(BadValue, match="none answers at tcp://127"):
            Cluster("tcp://127.0.0.1:1", tmp_path)
        with dask(tmp_path) as address, pytest.raises(BadValue, match="has no workers"):
            Cluster(address, tmp_path)
        for folder, packages, told in (
            (tmp_path / "elsewhere", None, "does not see"),
            (tmp_path, {"unitwise": "0.0.1"}, "unitwise is 0.0.1 there"),
        ):
            if packages:
                monkeypatch.setattr(cluster_module, "versions", lambda packages=packages: packages)
            with contextlib.closing(Cluster(scheduler, folder)) as cluster:
                cluster.submit(job(tmp_path))
                with pytest.raises(BadValue, match=told):
                    until_end(cluster)

    def test_a_search_on_a_cluster_is_the_search_on_one_machine(self, scheduler: str, tmp_path: Path) -> None:
        settings: dict[str, Any] = {"trials": 4, "max_epochs": 2, "deterministic": True, "units": "4:8", "confirm": 0}
        found = [
            search(small_task("signals"), out=tmp_path / name, **settings, **more)
            for name, more in (("here", {"workers": 1}), ("there", {"cluster": scheduler}))
        ]
        assert resume(tmp_path / "there", small_task("signals"), trials=5).trials[4]["status"] == "completed"  # on this machine
        here, there = ([(trial["config"], trial["score"]) for trial in one.trials] for one in found)
        assert here == there
        assert len(here) == 4
        assert (tmp_path / "there" / "best.keras").exists()


def slots_of(address: str) -> list[str]:
    """Command lines of the slots of a scheduler's workers on this machine."""
    import distributed

    with distributed.Client(address, set_as_default=False) as client:
        parents = {str(pid) for pid in client.run(os.getpid).values()}
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (path / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            if parent in parents and state != "Z":
                found.append((path / "cmdline").read_text().replace("\0", " "))
    return [line for line in found if "tuning.executors.slot" in line]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_inline_says_when_it_is_too_late_to_be_deterministic() -> None:
    code = (
        "import tensorflow as tf; tf.constant(1) + 1\n"
        "from tuning.errors import BadValue\nfrom tuning.executors import Inline\n"
        "try:\n    Inline(deterministic=True)\nexcept BadValue as told:\n    print(told)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert "take --workers 1" in done.stdout
