"""From the command line to an answer, as a user runs it: real processes, real files."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import keras
import numpy as np
import pytest
from small import SMALL, Here, Run, small_flags, small_task

from tuning.best_schema import read_best, schema
from tuning.checkpoints import Checkpoints
from tuning.commands.train import as_long
from tuning.errors import StudyConflict
from tuning.journal import Event, read
from tuning.searching import resume
from tuning.study import Study
from tuning.watcher import Watcher

ROOT = Path(__file__).parent.parent
NAMES = sorted(SMALL)
TINY = ("--units", "4,8", "--max-epochs", "1", "--quiet")


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read(folder / "trials.jsonl") if event["event"] == kind]


def searched(here: Here, name: str, folder: Path, *more: str) -> dict[str, Any]:
    """A tiny search in this process; what --json printed."""
    argv = ["--task", name, *small_flags(name), *TINY, "--workers", "0", "--trials", "1", "--out", str(folder), "--json", *more]
    status, out, err = here("search", *argv)
    assert status == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


RAW: dict[str, Any] = {
    "sentiment": ["the plot was not good .", "utterly unknown words"],
    "topics": ["rain1 word2 bank3", ""],
    "signals": [np.zeros((40, 1)), np.ones(40)],
    "tagging": ["you walk .", ["the", "old", "plan"]],
    "next_word": ["w01 w02 w03"],
    "forecast": [{"value": np.arange(20.0)}],
    "finance": [{n: np.linspace(10, 20, 12) for n in ("open", "high", "low", "close")}],
    "seq2seq": ["12+30", "7+8"],
    "memory": [np.eye(20, 2)],
}


@pytest.mark.parametrize("name", NAMES)
def test_every_task_is_searched_exported_rebuilt_and_predicts(name: str, here: Here, tmp_path: Path) -> None:
    from tuning import load_best, load_task

    folder = tmp_path / "study"
    cell = "gru" if name in ("memory", "seq2seq") else "lstm"  # all with both: test_training.py
    found = searched(here, name, folder, "--cell", cell, "--strategy", "random")
    assert found.pop("folder") == str(folder)
    jsonschema.Draft202012Validator(schema()).validate(found)
    assert found["answer"]["seeds"] >= 1
    assert found["answer"]["sentence"]
    assert found["scores"]["test"]["n"] == found["data"]["rows"]["test"]
    assert found["training"]["fresh"]
    assert found["architecture"]["hyperparameters"]["cell"] == cell
    best = load_best(folder / "best.json")
    model = best.load()
    assert any(type(layer).__name__ in ("LSTM", "GRU", "Bidirectional") for layer in model.layers)
    assert model.count_params() == found["architecture"]["parameters"]
    rng = np.random.default_rng(0)
    fresh = best.build()
    assert fresh.optimizer is not None
    options = {**SMALL[name]}
    split = load_task(name, None, **options).splits["test"]
    kept = keras.models.load_model(folder / "best.keras", compile=False)
    inputs: Any = split.x[:5]
    if name == "seq2seq":
        inputs = (inputs, rng.integers(4, 8, (5, 3)).astype(np.int32))
    from tuning.training.batches import forward_of

    assert np.allclose(forward_of(model)(inputs), forward_of(kept)(inputs), atol=1e-6)
    predictions = best.predict(RAW[name])
    assert len(predictions) == len(RAW[name])
    json.dumps(predictions)
    if name in ("sentiment", "topics", "signals", "finance"):
        assert 0 <= predictions[0]["probability"] <= 1
    if name == "next_word":  # what a text ends with is continued, however long it is
        long = " ".join(f"w{index % 20:02d}" for index in range(50))
        assert best.predict([long]) == best.predict([" ".join(long.split()[-8:])])
    if name == "tagging":
        assert [len(tags) for tags in best.predict([["the"] * 100])] == [100]
        assert best.predict(["well-known dog"]) == best.predict([["well-known", "dog"]])
        assert [len(tags) for tags in predictions] == [3, 3]
    if name == "forecast":
        assert len(predictions[0]) == 3


def test_predict_reads_what_users_have(here: Here, tmp_path: Path) -> None:
    searched(here, "forecast", tmp_path / "f", "--strategy", "random")
    (tmp_path / "new.csv").write_text("value\n" + "\n".join(str(v) for v in range(30)))
    status, out, err = here("predict", str(tmp_path / "f" / "best.json"), str(tmp_path / "new.csv"))
    assert status == 0, err
    assert len(json.loads(out)) == 3
    searched(here, "signals", tmp_path / "s", "--strategy", "random")
    (tmp_path / "new.jsonl").write_text(json.dumps([[0.1]] * 40) + "\n" + json.dumps([0.5] * 40) + "\n")
    status, out, err = here("predict", str(tmp_path / "s"), str(tmp_path / "new.jsonl"))
    assert status == 0, err
    assert len(out.splitlines()) == 2
    rows = [f"{2000 + month // 12}-{month % 12 + 1:02d},{month}" for month in range(30)]
    for name, lines in (("up", rows), ("down", rows[::-1])):
        (tmp_path / f"{name}.csv").write_text("month,value\n" + "\n".join(lines))
    told = [here("predict", str(tmp_path / "f"), str(tmp_path / f"{name}.csv"))[1] for name in ("up", "down")]
    assert told[0] == told[1] != ""  # the newest rows count, wherever they stand
    (tmp_path / "short.csv").write_text("value\n1\n2\n")
    status, out, err = here("predict", str(tmp_path / "f"), str(tmp_path / "short.csv"))
    assert status == 2
    assert "last 12 rows" in err


def test_export_and_train_afresh(here: Here, command: Run, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    found = searched(here, "sentiment", folder, "--strategy", "random")
    status, out, _ = here("export", str(folder))
    assert status == 0
    assert json.loads(out)["architecture"]["parameters"] == found["architecture"]["parameters"]
    for kind, name in (("keras", "best.export.keras"), ("savedmodel", "best_savedmodel")):
        status, out, err = here("export", str(folder), "--format", kind)
        assert status == 0, err
        assert (folder / name).exists()
        status, _, err = here("export", str(folder), "--format", kind)
        assert status == 2
        assert "never overwrites" in err
    done = command("train", str(folder / "best.json"), "--task", "sentiment", "--rows", "120", "--max-epochs", "1", "--json")
    assert set(json.loads(done.stdout)) >= {"test", "low", "high", "epochs"}
    best = json.loads((folder / "best.json").read_text())
    assert best["data"]["options"] == {"rows": 120}
    done = command("train", str(folder), "--max-epochs", "1")  # on the data of the search: as many rows
    assert "on sentiment" in done.stdout
    best["data"]["options"] = {"rows": 130}
    (tmp_path / "other.json").write_text(json.dumps(best))
    done = command("train", str(tmp_path / "other.json"), check=2)
    assert "without --data, training needs the data of the search" in done.stderr
    done = command("train", str(folder / "best.json"), "--task", "tagging", check=2)
    assert "cannot be trained on task tagging" in done.stderr


def test_trained_afresh_it_is_trained_as_it_was_found(here: Here, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text((ROOT / "datasets" / "sentiment.py").read_text().replace('"sentiment"', '"mine"'))
    rows = "".join(f"{'good' if n % 4 else 'bad'} film {n},{'yes' if n % 4 else 'no'}\n" for n in range(80))
    (tmp_path / "reviews.csv").write_text("text,label\n" + rows)
    argv = ["--task", str(tmp_path / "mine.py"), "--data", str(tmp_path / "reviews.csv"), "--trials", "1", *TINY, "--workers", "0"]
    argv += ["--objective", "val_f1", "--class-weight", "balanced", "--strategy", "random", "--out", str(tmp_path / "s")]
    status, _, err = here("search", *argv)
    assert status == 0, err
    found = read_best(tmp_path / "s")
    assert (found.data.task, found.data.recipe) == ("mine", str(tmp_path / "mine.py"))
    assert found.training.class_weight == "balanced"
    status, _, err = here("train", str(tmp_path / "s"))
    assert status == 2
    assert f"say --task {tmp_path / 'mine.py'}" in err  # no file is run because another one names it
    status, out, err = here("train", str(tmp_path / "s"), "--task", str(tmp_path / "mine.py"), "--max-epochs", "1", "--json")
    assert status == 0, err
    assert json.loads(out)["metric"] == "f1"
    (tmp_path / "reviews.csv").write_text("text,label\n" + rows[:-20])
    status, _, err = here("train", str(tmp_path / "s"), "--task", str(tmp_path / "mine.py"))
    assert status == 2
    assert "training needs the data of the search" in err


def test_refitted_without_fresh_seeds_the_validation_score_is_the_searchs(here: Here, tmp_path: Path) -> None:
    found = searched(here, "signals", tmp_path / "s", "--strategy", "random", "--confirm", "0", "--refit")
    assert found["training"]["refit"]
    assert found["answer"] is None
    validation = found["scores"]["validation"]
    assert (validation["mean"], validation["n"]) == (events(tmp_path / "s", "finished")[0]["score"], 0)
    assert "Nothing was to be trained on fresh seeds" in (tmp_path / "s" / "report.html").read_text()


def test_where_the_best_trials_state_is_gone_it_is_trained_again(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoints, "latest", lambda self, trial: None)
    found = searched(here, "signals", tmp_path / "s", "--strategy", "random", "--confirm", "0")
    assert not found["training"]["fresh"]
    assert found["scores"]["test"] is not None
    assert (tmp_path / "s" / "best.keras").exists()
    assert not (tmp_path / "s" / "next.keras").exists()


def test_a_resumed_search_keeps_its_settings_and_its_tested_answer(here: Here, tmp_path: Path) -> None:
    searched(here, "signals", tmp_path / "s", "--strategy", "random")
    task, before = small_task("signals"), (tmp_path / "s" / "best.json").read_bytes()
    for changed in ({"objective": "val_loss"}, {"strategy": "grid"}, {"seed": 3}, {"units": "4:64"}):
        with pytest.raises(StudyConflict, match="a study is resumed as it was begun"):
            resume(tmp_path / "s", task, **changed)

    class Impatient(Watcher):
        """Presses Ctrl-C after the first epoch."""

        def event(self, study: Study, event: Event) -> None:
            if event["event"] == "epoch":
                os.kill(os.getpid(), signal.SIGINT)

    found = resume(tmp_path / "s", task, trials=3, units="4,8", watcher=Impatient())
    assert found.interrupted
    assert (tmp_path / "s" / "best.json").read_bytes() == before
    assert found.best is not None
    assert found.best["scores"]["test"] is not None


def test_trained_afresh_on_other_data_it_has_as_many_passes(here: Here, tmp_path: Path) -> None:
    searched(here, "signals", tmp_path / "s", "--strategy", "random")
    found, task = read_best(tmp_path / "s"), small_task("signals")
    lengths = {"epochs_per_pass": 4, "max_epochs": 48, "patience": 12}
    best = found.model_copy(update={"training": found.training.model_copy(update=lengths)})
    assert as_long(best, task, None) == {"max_epochs": 12, "patience": 3}
    assert as_long(best, task, 5) == {"max_epochs": 5, "patience": 3}


@pytest.mark.parametrize("strategy", ["random", "grid", "hyperband", "bayesian"])
def test_every_strategy_from_the_command_line(strategy: str, command: Run, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    argv = ["--task", "signals", *small_flags("signals"), "--units", "4:32", "--trials", "6", "--max-epochs", "3"]
    done = command("search", *argv, "--strategy", strategy, "--out", str(folder))
    assert f"search in {folder}" in done.stdout.splitlines()[0]
    assert "baseline: majority" in done.stdout
    assert len({event["trial"] for event in events(folder, "asked")}) == 6
    assert not events(folder, "failed")
    for name in ("best.json", "best.keras", "trials.jsonl", "settings.json"):
        assert (folder / name).is_file()
    best = json.loads((folder / "best.json").read_text())
    assert best["search"]["completed"] == 6


def test_try_comes_first_and_fix_holds(here: Here, tmp_path: Path) -> None:
    argv = ["--try", "units=8,layers=2", "--fix", "dropout=0.3", "--strategy", "grid", "--layers", "1:2", "--trials", "2"]
    searched(here, "sentiment", tmp_path / "s", *argv)
    asked = events(tmp_path / "s", "asked")
    assert (asked[0]["config"]["units"], asked[0]["config"]["layers"]) == (8, 2)
    assert {event["config"]["dropout"] for event in asked} == {0.3}
    assert {event["config"]["bidirectional"] for event in asked} == {False}


OWN = """
import keras, keras_tuner
class Mine(keras_tuner.HyperModel):
    def build(self, hp):
        kind = hp.Choice("kind", ["small", "big"])
        layers = [keras.layers.Embedding(500, 8, mask_zero=True)]
        for index in range(hp.Int("depth", 1, 2)):
            layers.append(keras.layers.LSTM(hp.Int(f"units_{index}", 4, 8, step=4), return_sequences=True))
        layers += [keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1, activation="sigmoid")]
        model = keras.Sequential(layers)
        model.compile(loss="binary_crossentropy", metrics=["accuracy"])
        return model
    def fit(self, hp, model, *args, **kwargs):
        if hp.get("kind") == "big":
            kwargs["epochs"] = 1
        return model.fit(*args, batch_size=hp.Choice("batch", [8, 16]), **kwargs)
"""


def test_a_hypermodel_of_the_users_own_runs_unchanged(command: Run, tmp_path: Path) -> None:
    from tuning import load_best

    (tmp_path / "mine.py").write_text(OWN)
    folder = tmp_path / "study"
    argv = ["--task", "sentiment", "--rows", "120", "--hypermodel", "mine.py:Mine", "--trials", "4", "--max-epochs", "2"]
    command("search", *argv, "--strategy", "random", "--out", str(folder), "--quiet")
    asked = {event["trial"]: event["config"] for event in events(folder, "asked")}
    assert any("units_1" in config for config in asked.values())
    for event in events(folder, "finished"):
        assert event["epochs"] == (1 if asked[event["trial"]]["kind"] == "big" else 2)
    best = json.loads((folder / "best.json").read_text())
    assert best["architecture"]["own"]["name"] == "Mine"
    assert load_best(folder).load().count_params() == best["architecture"]["parameters"]
    (tmp_path / "mine.py").write_text(OWN + "\n# edited\n")
    done = command("search", "--resume", str(folder), check=2)
    assert "HyperModel's file differs" in done.stderr


def test_ctrl_c_writes_the_best_so_far_and_resume_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    argv = [sys.executable, str(ROOT / "scripts" / "search.py"), "--task", "signals", *small_flags("signals")]
    argv += ["--units", "4,8", "--max-epochs", "3", "--strategy", "random", "--budget", "10m", "--out", str(folder)]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as search:
        wait_for(lambda: (folder / "trials.jsonl").exists() and len(events(folder, "finished")) >= 2)
        search.send_signal(signal.SIGINT)
        out, err = search.communicate(timeout=200)
        assert search.returncode == 130, out + err
    best = json.loads((folder / "best.json").read_text())
    assert best["scores"]["test"] is None
    assert not best["training"]["fresh"]
    assert "interrupted" in out
    done = events(folder, "finished")
    trials = str(len(done) + 2)
    subprocess.run([*argv[:2], "--resume", str(folder), "--trials", trials, "--quiet"], check=True, cwd=tmp_path, timeout=200)
    assert events(folder, "finished")[: len(done)] == done
    assert len(events(folder, "finished")) == int(trials)
    assert json.loads((folder / "best.json").read_text())["scores"]["test"] is not None


def wait_for(condition: Any, timeout: float = 120) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_child_costs_one_attempt_and_the_search_completes(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    argv = [sys.executable, str(ROOT / "scripts" / "search.py"), "--task", "signals", *small_flags("signals"), "--quiet"]
    argv += ["--units", "4,8", "--max-epochs", "3", "--strategy", "random", "--trials", "4", "--out", str(folder)]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL) as search:
        wait_for(lambda: (folder / "trials.jsonl").exists() and events(folder, "epoch"))
        victims = [pid for pid in descendants(search.pid) if trains(pid)]
        os.kill(victims[-1], signal.SIGKILL)
        assert search.wait(timeout=200) == 0
    assert len(events(folder, "failed")) <= 1
    assert len(events(folder, "finished")) == 4


def descendants(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += [int(path.parent.name), *descendants(int(path.parent.name))]
    return found


def trains(pid: int) -> bool:
    """Whether a process is a child of the forkserver (which itself is started by command line)."""
    parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return "forkserver" in Path(f"/proc/{parent}/cmdline").read_text()


def results(folder: Path) -> dict[int, tuple[str, float]]:
    asked = {event["trial"]: json.dumps(event["config"]) for event in events(folder, "asked")}
    return {event["trial"]: (asked[event["trial"]], event["score"]) for event in events(folder, "finished")}


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_resumed_a_deterministic_search_is_the_same(kills: int, tmp_path: Path) -> None:
    base = [sys.executable, str(ROOT / "scripts" / "search.py"), "--quiet"]
    whole = [
        "--task",
        "signals",
        *small_flags("signals"),
        "--units",
        "4,8",
        "--max-epochs",
        "3",
        "--deterministic",
        "--trials",
        "12",
    ]
    whole += ["--strategy", "hyperband"]
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    subprocess.run([*base, *whole, "--workers", "1", "--out", str(straight)], check=True, timeout=300)
    rng = random.Random(0)
    for _ in range(kills):
        with subprocess.Popen([*base, *begun(broken, whole)], stdout=subprocess.DEVNULL) as search:
            more = written(broken) + rng.randint(1, 12)  # lines, not seconds: a slow machine is killed within its search too
            wait_for(lambda more=more, search=search: search.poll() is not None or written(broken) >= more, timeout=120)
            time.sleep(rng.uniform(0, 0.5))
            pids = descendants(search.pid)
            search.kill()
        wait_for(lambda pids=pids: not any(Path(f"/proc/{pid}").exists() and running(pid) for pid in pids), timeout=5)
        if (broken / "best.json").exists():
            break
    else:
        subprocess.run([*base, *begun(broken, whole)], check=True, timeout=300)
    assert results(broken) == results(straight)
    finished = [(event["trial"], event["epochs"]) for event in events(broken, "finished")]
    assert len(finished) == len(set(finished))
    one, two = (json.loads((folder / "best.json").read_text()) for folder in (straight, broken))
    assert one["architecture"]["hyperparameters"] == two["architecture"]["hyperparameters"]
    assert one["scores"] == two["scores"]


def begun(folder: Path, whole: list[str]) -> list[str]:
    """The arguments that go on with a search, or begin it where nothing of it was written."""
    return ["--resume", str(folder)] if (folder / "settings.json").exists() else [*whole, "--workers", "2", "--out", str(folder)]


def written(folder: Path) -> int:
    """Lines of a search's journal."""
    journal = folder / "trials.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_wall_time_budget_is_kept(command: Run, tmp_path: Path) -> None:
    start = time.monotonic()
    command("search", "--task", "sentiment", "--rows", "400", "--budget", "30s", "--out", str(tmp_path / "s"), "--quiet")
    assert 25 < time.monotonic() - start < 33
    assert (tmp_path / "s" / "best.json").exists()


def test_list_and_dry_run_train_nothing(here: Here, tmp_path: Path) -> None:
    for what, word in (("tasks", "sentiment"), ("strategies", "hyperband"), ("objectives", "val_perplexity")):
        status, out, _ = here("search", "--list", what)
        assert status == 0
        assert word in out
    status, out, _ = here("search", "--task", "forecast", "--rows", "200", "--dry-run", "--units", "8:32")
    assert status == 0
    assert "8, 12, 16, 24, 32" in out
    assert "last value" in out
    assert "predicted before anything has run: an epoch of every default about" in out
    assert not (tmp_path / "runs").exists()
    status, _, err = here("search", "--dry-run", "--strategy", "hyperbnd")
    assert status == 2
    assert "did you mean 'hyperband'?" in err


def test_help_is_quick_and_loads_no_tensorflow() -> None:
    code = (
        "import sys; sys.argv = ['search.py', '--help']\nfrom tuning.cli import script\n"
        "try: script('search')\nexcept SystemExit: pass\n"
        "assert not {'tensorflow', 'scipy', 'sklearn', 'distributed'} & set(sys.modules), 'slow to load'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--units" in done.stdout


def test_progress_is_calm_where_nobody_watches(command: Run, tmp_path: Path) -> None:
    argv = ["--task", "signals", *small_flags("signals"), "--units", "4", "--trials", "2", "--max-epochs", "2"]
    done = command("search", *argv, "--strategy", "random", "--workers", "1", "--out", str(tmp_path / "s"))
    assert "\x1b" not in done.stdout + done.stderr
    assert "the best so far" in done.stderr
