"""Cross-validation of the runs on fresh seeds: which rows each trains and validates on, and what is then told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import Here, small_flags, small_task

from tuning.errors import BadValue, DataError
from tuning.folds import Fold, folded
from tuning.objective import Objective
from tuning.race import Candidate, Race, admitted, chosen, levelled, mean, rivals
from tuning.recipe import load_task
from tuning.settings import settings_of
from tuning.task import Split, Task
from tuning.training.jobs import Job, ModelRef
from tuning.training.store import save_task
from tuning.training.train import Run


def numbered(task: Task) -> tuple[Split, Split]:
    """Train and valid, each row's length its number in both together."""
    train, valid = task.splits["train"], task.splits["valid"]
    both = len(train) + len(valid)
    numbers = np.arange(both)
    return Split(train.x, train.y, numbers[: len(train)]), Split(valid.x, valid.y, numbers[len(train) :])


def every_fold(task: Task, folds: int) -> list[tuple[Split, Split]]:
    return [folded(task.spec, *numbered(task), Fold(number, folds)) for number in range(folds)]


@pytest.mark.parametrize("name", ["sentiment", "tagging", "seq2seq", "memory"])
def test_every_row_validates_once_and_never_where_it_trains(name: str) -> None:
    found, rows = every_fold(small_task(name), 4), small_task(name).spec.rows
    for train, valid in found:
        assert sorted([*train.lengths, *valid.lengths]) == list(range(rows["train"] + rows["valid"]))
    assert sorted(np.concatenate([valid.lengths for _, valid in found])) == list(range(rows["train"] + rows["valid"]))
    if name == "sentiment":
        shares = [valid.y.mean() for _, valid in found]
        assert max(shares) - min(shares) < 0.08


@pytest.mark.parametrize(("name", "more", "gap"), [("forecast", {"horizon": 3}, 2), ("finance", {}, 6), ("next_word", {}, 0)])
def test_in_time_order_each_fold_validates_on_what_follows(name: str, more: dict[str, int], gap: int) -> None:
    task = small_task(name)
    assert task.spec.gap == gap
    found = every_fold(task, 3)
    for train, valid in found:
        assert valid.lengths[0] == train.lengths[-1] + 1 + gap
        assert (np.diff(np.concatenate([train.lengths, valid.lengths])) > 0).all()
    assert [train.lengths[0] for train, _ in found] == [0, 0, 0]
    assert len(found[0][0]) < len(found[1][0]) < len(found[2][0])
    assert found[-1][1].lengths[-1] == task.spec.rows["train"] + task.spec.rows["valid"] - 1


def test_a_class_with_fewer_rows_than_folds_is_no_obstacle() -> None:
    task = small_task("topics")
    train = task.splits["train"]
    few = np.flatnonzero(train.y == train.y[0])[2:]
    kept = train.at(np.setdiff1d(np.arange(len(train)), few))
    before, after = folded(task.spec, kept, kept.at(slice(0, 0)), Fold(0, 5))
    assert len(before) + len(after) == len(kept)


def test_classes_that_all_have_fewer_rows_than_folds_are_no_obstacle() -> None:
    task = small_task("topics")
    few = task.splits["train"].at(np.concatenate([np.flatnonzero(task.splits["train"].y == label)[:2] for label in range(3)]))
    before, after = folded(task.spec, few, few.at(slice(0, 0)), Fold(0, 3))
    assert len(before) == 4
    assert len(after) == 2


def test_too_few_rows_for_so_many_folds_are_told() -> None:
    task = load_task("forecast", rows=60, window=8, horizon=4)
    with pytest.raises(DataError, match=r"--folds 9: 20 rows of train and validation are too few .* with 3 left out"):
        folded(task.spec, task.splits["train"].at(slice(20)), task.splits["valid"].at(slice(0, 0)), Fold(0, 9))


def test_a_run_validates_on_the_rows_of_its_fold(tmp_path: Path) -> None:
    task = small_task("sentiment")
    save_task(task, tmp_path / "arrays")
    rows = task.spec.rows["train"] + task.spec.rows["valid"]
    seen = []
    for number in range(3):
        rows_of_it = tmp_path / f"{number}.npz"
        job: dict[str, Any] = {"epochs": 1, "patience": 3, "objective": "val_accuracy", "config": {}, "rows": str(rows_of_it)}
        Run(Job(1, "train", str(tmp_path / "arrays"), ModelRef(), fold=Fold(number, 3), **job), lambda _: "continue").go()
        seen.append(len(np.load(rows_of_it)["count"]))
    assert sum(seen) == rows
    assert max(seen) - min(seen) <= 2


def test_the_race_is_not_settled_before_each_has_every_fold() -> None:
    losses = dict.fromkeys(range(4), 0.1)
    pair = [Candidate({"units": units}, losses=dict(losses), cost=1.0) for units in (8, 16)]
    objective = Objective.parse("val_accuracy")
    assert Race(pair, objective).next() is None
    race = Race(pair, objective, enough=7)
    assert race.next() is not None
    assert race.outstanding() == 6.0


def test_who_lacks_the_hard_folds_gains_nothing() -> None:
    hard, noise = [0.0, 0.0, 0.0, 1.0, 3.0], [0.1, -0.1, 0.0, 0.05, -0.05]
    good = Candidate({"units": 8}, losses={n: hard[n] + noise[n] for n in range(5)})
    worse = Candidate({"units": 4}, losses={n: hard[n] + 0.05 - noise[n] for n in range(3)})
    objective = Objective.parse("val_loss")
    assert chosen([good, worse], "best", objective) is worse  # taken as they are
    assert Race([good, worse], objective).leader() is worse
    even = levelled([good, worse], 5)
    assert chosen(even, "best", objective) is even[0]
    assert Race(even, objective).leader() is even[0]
    assert np.std(list(even[0].losses.values())) < 0.15
    assert mean(even[0]) == pytest.approx(mean(good))
    for number in range(3):
        assert even[0].losses[number] - even[1].losses[number] == pytest.approx(good.losses[number] - worse.losses[number])


def test_no_more_are_admitted_than_have_every_fold_paid_for() -> None:
    several = [Candidate({"units": units}, cost=1.0) for units in (4, 8, 16, 32)]
    objective = Objective.parse("val_accuracy")
    assert len(admitted(several, objective, 20.0)) == 4
    assert len(admitted(several, objective, 20.0, enough=10)) == 2
    assert [one.config["units"] for one in rivals(several[1], several[0], 10.0)] == [8, 4]
    assert [one.config["units"] for one in rivals(several[1], several[0], 10.0, enough=10)] == [4, 8]


@pytest.mark.parametrize("given", [{"confirm": 0}, {"record": True}])
def test_without_fresh_seeds_there_is_nothing_to_cross_validate(given: dict[str, Any]) -> None:
    with pytest.raises(BadValue, match="--folds is of the runs on fresh seeds"):
        settings_of({"folds": 3, **given})


@pytest.mark.parametrize("name", ["sentiment", "forecast"])
def test_a_search_answers_over_folds_and_is_refitted(name: str, here: Here, tmp_path: Path) -> None:
    run = tmp_path / "run"
    flags = [*small_flags(name), "--units", "4", "--trials", "2", "--max-epochs", "2", "--folds", "3", "--workers", "1"]
    status, out, err = here("search", "--task", name, *flags, "--confirm", "0.8", "--out", str(run))
    assert status == 0, err
    best = json.loads((run / "best.json").read_text())
    valid = best["scores"]["validation"]
    assert valid["folds"] == 3
    assert valid["n"] >= 3
    assert f" over 3 folds, test {valid['metric']}" in out
    assert "trained once more on train and validation" in out
    assert best["training"]["refit"]
    assert best["answer"]["optimism"] is None
    assert "off what its configuration keeps" not in out
    assert best["scores"]["test"]["seeds"] == 1
    sizes = {int(path.stem.rpartition("-")[2]): len(np.load(path)["count"]) for path in (run / "confirmed").glob("*.npz")}
    if name == "sentiment":
        assert sizes[0] + sizes[1] + sizes[2] == best["data"]["rows"]["train"] + best["data"]["rows"]["valid"]
    status, out, err = here("search", "--resume", str(run), "--folds", "4")
    assert status == 2
    assert "--folds was 3, given 4" in err


def test_too_many_folds_for_the_data_are_told_before_anything_trains(here: Here) -> None:
    for more in ((), ("--dry-run",)):
        flags = ["--task", "forecast", "--rows", "60", "--window", "20", "--horizon", "8", "--folds", "10", *more]
        status, _, err = here("search", *flags)
        assert status == 2
        assert "--folds 10: " in err
        assert "too few" in err
