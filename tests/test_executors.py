"""One contract for every executor, with real jobs; what only processes can do, with real kills."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small import LOOP, small_task

from tuning.executors import Executor, Inline, Message, Processes
from tuning.executors import processes as processes_module
from tuning.hypermodels import family_model
from tuning.training import describe
from tuning.training.jobs import Job, ModelRef
from tuning.training.store import save_task

MAKERS: dict[str, Callable[[], Executor]] = {"inline": Inline, "processes": lambda: Processes(2)}
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


@pytest.fixture(params=sorted(MAKERS))
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    with contextlib.closing(MAKERS[request.param]()) as made:
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
