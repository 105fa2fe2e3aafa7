"""Training one trial: scores that batches never change, batches that hold every row, states that resume exactly."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from scipy.signal import lfilter
from small import LOOP, SMALL, small_task

from tuning.codec import PAD
from tuning.errors import BadValue, Diverged
from tuning.hypermodels import Classifier, family_model, space_of
from tuning.keras_types import Model
from tuning.metrics import metrics_of, rows_interval, rows_of
from tuning.ranges import parse_range
from tuning.space import Config
from tuning.task import Output, Split, Task
from tuning.training import checkpoint, describe, train
from tuning.training.batches import forward_of, lengths_of, pass_order, scored_rows, trimmed
from tuning.training.jobs import Job, ModelRef
from tuning.training.program import Batches, Program
from tuning.training.store import open_spec, open_split, save_task

NAMES = sorted(SMALL)
RAGGED = "signals"


def ragged_signals() -> Task:
    """Series of different lengths, whose padding must be masked."""
    from tuning import series_classes
    from tuning.task import DataOptions

    rng = np.random.default_rng(0)
    series = [rng.normal(index % 2, 1, (int(rng.integers(3, 15)), 2)) for index in range(80)]
    return series_classes("signals", "made", {"train": (series, [str(i % 2) for i in range(80)])}, DataOptions())


def built(task: Task, **given: Any) -> tuple[Model, Config]:
    config = describe.declared(family_model(task.spec)).complete(given)
    keras.utils.set_random_seed(3)
    return family_model(task.spec).build(describe.hyperparameters(config)), config


def widened(task: Task, split: Split, steps: int) -> Split:
    """The same rows with more padding."""
    wide = ((0, 0), (0, steps))
    if task.spec.input.kind == "tokens":
        x = np.pad(split.x, wide)
    else:
        x = np.pad(split.x, (*wide, (0, 0)), constant_values=PAD)
    y = np.pad(split.y, wide) if split.y.ndim == 2 and task.spec.output.kind in ("tags", "tokens", "pair") else split.y
    return Split(x, y, split.lengths)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_batch_size_order_and_padding_never_change_a_score(name: str, cell: str) -> None:
    task = small_task(name)
    limits = {"cell": parse_range("cell", "lstm,gru")}
    hyper = family_model(task.spec, limits)
    model = hyper.build(describe.hyperparameters(describe.declared(hyper).complete({"cell": cell, "units": 8})))
    forward, split = forward_of(model), task.splits["valid"]
    whole = metrics_of(task.spec.output, scored_rows(forward, task.spec, split, batch=1000))
    order = np.random.default_rng(0).permutation(len(split))
    shuffled = split.at(order)
    for other, batch in ((split, 1), (split, 7), (shuffled, 3)):
        assert metrics_of(task.spec.output, scored_rows(forward, task.spec, other, batch)) == pytest.approx(whole, abs=1e-5)
    if task.spec.input.kind == "tokens":
        wide = widened(task, split, 9)
        assert metrics_of(task.spec.output, scored_rows(forward, task.spec, wide, 5)) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["tokens", "series"])
def test_padding_is_masked_in_every_layer(pooling: str, bidirectional: bool, kind: str) -> None:
    task = small_task("sentiment") if kind == "tokens" else ragged_signals()
    model, _ = built(task, pooling=pooling, bidirectional=bidirectional, units=8, layers=2 if pooling == "mean" else 1)
    split = task.splits["valid"]
    wide = widened(task, split, 6)
    assert np.allclose(model.predict(split.x, verbose=0), model.predict(wide.x, verbose=0), atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_network_with_every_default_learns(name: str) -> None:
    task = small_task(name)
    model, config = built(task)
    train_split = task.splits["train"]
    history = Program(model, task.spec).fit(train_split.x, train_split.y, batch_size=int(config["batch_size"]) // 4, epochs=3)
    assert history.history["loss"][-1] < history.history["loss"][0]


@pytest.mark.parametrize("name", NAMES)
def test_declare_builds_nothing_and_every_structure_builds(name: str) -> None:
    task = small_task(name)
    space = describe.declared(family_model(task.spec))
    assert {"units", "layers", "dropout", "learning_rate", "batch_size", "cell"} <= {p.name for p in space.parameters}
    rng = np.random.default_rng(1)
    for _ in range(2):
        config = {**space.draw(rng), "units": 8}
        model = family_model(task.spec).build(describe.hyperparameters(config))
        split = task.splits["valid"]
        inputs, y = trimmed(task.spec, split.x, split.y, np.arange(3), lengths_of(task.spec, split.x))
        predicted = forward_of(model)(inputs)
        assert np.isfinite(predicted).all()
        assert len(predicted) == len(y) == 3


def test_the_space_of_a_family_has_conditions_and_log_scales() -> None:
    space = describe.declared(family_model(small_task("sentiment").spec))
    named = {parameter.name: parameter for parameter in space.parameters}
    assert named["taper"].conditions[0].parent == "layers"
    rate = named["learning_rate"].domain
    assert rate.kind == "interval"
    assert rate.log
    fixed = family_model(small_task("sentiment").spec, {"layers": parse_range("layers", "1")})
    assert "taper" not in {parameter.name for parameter in describe.declared(fixed).parameters}


@pytest.mark.parametrize("name", ["sentiment", "signals"])
def test_every_epoch_holds_each_row_once_in_an_order_of_its_own(name: str) -> None:
    lengths = np.array(small_task(name).splits["train"].lengths)
    one, again, next_epoch = (pass_order(lengths, 16, 5, number) for number in (0, 0, 1))
    assert sorted(np.concatenate(one).tolist()) == list(range(len(lengths)))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, next_epoch, strict=False))


def test_the_epochs_of_a_pass_hold_each_row_once_together() -> None:
    task, numbers = small_task("forecast"), np.arange(50, dtype=np.float32)
    x = np.repeat(numbers, 4).reshape(50, 4, 1)
    batches = Batches(task.spec, x, numbers, 8, seed=3, epochs_per_pass=3)
    epochs = [np.concatenate([y.ravel() for _, y, _ in batches.groups(epoch)]) for epoch in range(6)]
    assert all(10 <= len(rows) <= 24 for rows in epochs)
    for first in (0, 3):
        assert sorted(np.concatenate(epochs[first : first + 3]).tolist()) == numbers.tolist()
    assert not np.array_equal(np.concatenate(epochs[:3]), np.concatenate(epochs[3:]))
    few = Batches(task.spec, x, numbers, 32, seed=3, epochs_per_pass=9)  # two batches are two epochs at most
    assert all(list(few.groups(epoch)) for epoch in range(9))


def job_for(folder: Path, task: Task, **more: Any) -> Job:
    save_task(task, folder / "data")
    config = describe.declared(family_model(task.spec)).complete({"units": 8, "dropout": 0.3, **more.pop("config", {})})
    settings = {"epochs": 4, "patience": 9, "seed": 11, "objective": task.spec.objective, **more}
    return Job(id=1, kind="train", data=str(folder / "data"), model=ModelRef(), config=config, **settings)


def go_on(message: dict[str, Any]) -> str:
    return "continue"


def noted(told: list[dict[str, Any]]) -> Callable[[dict[str, Any]], str]:
    """Note each message, and go on."""

    def note(message: dict[str, Any]) -> str:
        told.append(message)
        return "continue"

    return note


@pytest.mark.parametrize(("name", "per_pass"), [("sentiment", 1), ("forecast", 1), ("forecast", 3)])
def test_stopped_and_resumed_a_trial_is_the_same(name: str, per_pass: int, tmp_path: Path) -> None:
    task = small_task(name)
    task = Task(task.spec.model_copy(update={"epochs_per_pass": per_pass}), task.splits)
    told: list[dict[str, Any]] = []
    whole = train.train(job_for(tmp_path, task), noted(told))
    half = str(tmp_path / "half" / "state.npz")
    train.train(job_for(tmp_path, task, epochs=2, checkpoint=half), go_on)
    rest: list[dict[str, Any]] = []
    again = train.train(job_for(tmp_path, task, restore=half), noted(rest))
    assert [message["epoch"] for message in rest] == [3, 4]
    assert [m["score"] for m in rest] == pytest.approx([m["score"] for m in told[2:]], abs=1e-6)
    assert again["score"] == pytest.approx(whole["score"], abs=1e-6)


def test_the_optimizer_goes_on_where_it_was(tmp_path: Path) -> None:
    task = small_task("sentiment")
    path = tmp_path / "c" / "state.npz"
    train.train(job_for(tmp_path, task, epochs=2, checkpoint=str(path)), go_on)
    model, _ = built(task, units=8, dropout=0.3)
    assert checkpoint.load(path, model) is not None
    steps = 2 * -(-len(task.splits["train"]) // 64)
    assert int(model.optimizer.variables[0].numpy()) == steps


def test_a_damaged_state_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(b"PK\x03\x04 not a whole file")
    assert checkpoint.load(path) is None
    assert checkpoint.load(tmp_path / "absent.npz") is None


def test_what_a_loop_of_the_users_trained_after_it_was_to_end_is_undone(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text(LOOP)
    job = replace(job_for(tmp_path, small_task("signals"), checkpoint=str(tmp_path / "state.npz")), config={"units": 2})
    found = train.train(replace(job, model=ModelRef(str(tmp_path / "loop.py"), "Loop")), lambda message: "pause")
    assert found["epochs"] == found["best_epoch"] == 1
    with np.load(tmp_path / "state.npz") as state:
        best = [state[name] for name in sorted(state.files) if name.startswith("best")]
        now = [state[name] for name in state.files if name.startswith("model")]
    assert all(any(np.array_equal(one, other) for other in now) for one in best)


def test_patience_ends_a_trial_and_the_best_epoch_counts(tmp_path: Path) -> None:
    task = small_task("sentiment")
    found = train.train(job_for(tmp_path, task, epochs=100, patience=2, config={"learning_rate": 0.02}), go_on)
    assert found["epochs"] == found["best_epoch"] + 2 < 100


def test_the_study_can_stop_a_trial_after_any_epoch(tmp_path: Path) -> None:
    found = train.train(job_for(tmp_path, small_task("sentiment")), lambda message: "stop")
    assert found["epochs"] == 1


def test_a_loss_that_is_no_number_is_a_diverged_trial(tmp_path: Path) -> None:
    task = small_task("forecast")
    split = task.splits["train"]
    broken = Split(np.where(split.x > 1, np.inf, split.x).astype(np.float32), split.y, split.lengths)
    task = Task(task.spec, {**task.splits, "train": broken})
    with pytest.raises(Diverged, match="training loss"):
        train.train(job_for(tmp_path, task, config={"predict": "level"}), go_on)


def test_an_objective_that_does_not_exist_is_a_mistake_that_names_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="val_accuracy"):
        train.train(job_for(tmp_path, small_task("sentiment"), objective="val_nothing:max"), go_on)


def test_class_weights_are_one_on_average() -> None:
    weights = train.class_weights(np.array([0] * 30 + [1] * 10))
    assert weights == {0: pytest.approx(40 / 60), 1: pytest.approx(2.0)}


def test_arrays_are_opened_as_memory_maps(tmp_path: Path) -> None:
    task = small_task("tagging")
    save_task(task, tmp_path)
    split = open_split(tmp_path, "valid")
    assert isinstance(split.x, np.memmap)
    assert np.array_equal(split.y, task.splits["valid"].y)
    assert open_spec(tmp_path) == task.spec


def test_metrics_are_sums_over_the_split() -> None:
    output = Output(kind="tags", size=3, steps=3)
    y, lengths = np.array([[1, 2, 0], [0, 0, 0]]), np.array([2, 1])
    p = np.full((2, 3, 3), 0.1)
    p[0, 0, 1], p[0, 1, 0], p[1, 0, 0] = 0.8, 0.8, 0.8
    found = metrics_of(output, rows_of(output, y, p, lengths))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx(-(2 * np.log(0.8) + np.log(0.1)) / 3)


def test_binary_metrics_agree_with_scikit_learn() -> None:
    from sklearn.metrics import f1_score, log_loss, roc_auc_score

    rng = np.random.default_rng(0)
    y, p = rng.integers(2, size=200), np.round(rng.random(200), 2).clip(0.01, 0.99)
    output = Output(kind="binary", size=2)
    rows = rows_of(output, y, p[:, None], np.ones(200, int))
    found = metrics_of(output, rows)
    assert found["auc"] == pytest.approx(roc_auc_score(y, p))
    assert found["f1"] == pytest.approx(f1_score(y, p > 0.5))
    assert found["loss"] == pytest.approx(log_loss(y, p))
    low, high = rows_interval(output, [rows], "accuracy")
    assert low < found["accuracy"] < high


def test_intervals_over_rows_in_time_order_hold_though_neighbours_are_alike() -> None:
    output, held = Output(kind="values", size=1), {False: 0, True: 0}
    for seed in range(60):
        noise = np.random.default_rng(seed).normal(size=400)
        errors = 5.0 + np.array(lfilter([1.0], [1.0, -0.7], noise))  # each error is 0.7 of the one before, and something new
        rows = {"abs": errors, "square": errors**2, "loss": errors**2, "count": np.ones(400)}
        for ordered in held:
            low, high = rows_interval(output, [rows], "mae", ordered)
            held[ordered] += low <= 5.0 <= high
    assert held[True] >= 50
    assert held[False] < 45


def test_intervals_of_forecasts_far_ahead_hold_better_as_their_blocks_are_longer_than_the_horizon() -> None:
    held = {1: 0, 30: 0}
    for seed in range(60):
        each = np.abs(np.random.default_rng(seed).normal(size=149))
        errors = np.convolve(each, np.ones(30), "valid")  # of windows that follow each other, 30 values ahead
        rows = {"abs": errors, "square": errors, "loss": errors, "count": np.full(120, 30.0)}
        for horizon in held:
            low, high = rows_interval(Output(kind="values", size=horizon), [rows], "mae", ordered=True)
            held[horizon] += low <= np.sqrt(2 / np.pi) <= high
    assert held[30] > held[1] + 5


def test_forecasts_are_scored_in_the_datas_own_unit() -> None:
    output = Output(kind="values", size=2, scale=10.0)
    found = metrics_of(output, rows_of(output, np.zeros((4, 3, 2)), np.ones((4, 2)), np.full(4, 3)))
    assert found["mae"] == pytest.approx(10.0)
    assert found["rmse"] == pytest.approx(10.0)


def test_our_hypermodels_run_in_plain_keras_tuner(tmp_path: Path) -> None:
    import warnings

    import keras_tuner

    task = small_task("sentiment")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limits = {"units": parse_range("units", "8"), "layers": parse_range("layers", "1:2")}
        tuner = keras_tuner.RandomSearch(Classifier(task.spec, limits), "val_accuracy", max_trials=2, seed=5, directory=tmp_path)
        train_split, valid = task.splits["train"], task.splits["valid"]
        data = (valid.x, valid.y)
        tuner.search(train_split.x, train_split.y, validation_data=data, epochs=1, verbose=0)
        assert len(tuner.oracle.trials) == 2
        assert all(trial.status == "COMPLETED" for trial in tuner.oracle.trials.values())
        assert space_of(tuner.oracle.get_space()).parameters


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_what_is_exported_is_rebuilt_from_json_alone(name: str, cell: str, tmp_path: Path) -> None:
    from tuning.training.deliver import architecture, save_plain

    task = small_task(name)
    limits = {"cell": parse_range("cell", "lstm,gru"), "layers": parse_range("layers", "2")}
    hyper = family_model(task.spec, limits)
    model = hyper.build(describe.hyperparameters(describe.declared(hyper).complete({"cell": cell, "units": 4})))
    save_plain(model, tmp_path / "best.keras")
    config = architecture(model)
    assert "compile_config" not in config
    again = keras.models.model_from_json(json.dumps(config))
    again.load_weights(str(tmp_path / "best.keras"))
    split = task.splits["test"]
    inputs, _ = trimmed(task.spec, split.x, split.y, np.arange(4), lengths_of(task.spec, split.x))
    assert np.allclose(forward_of(again)(inputs), forward_of(model)(inputs), atol=1e-6)
