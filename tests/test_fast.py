"""The fused kit computes what Keras's own layers and optimizer compute, and a traced step serves any trial of its structure."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from small import small_task

from tuning.hypermodels import family_model
from tuning.hypermodels.fast import CUDNN, FUSED, PLAIN, FusedLSTM, Kit
from tuning.keras_types import Model
from tuning.space import Config
from tuning.task import Task
from tuning.training import describe
from tuning.training.batches import forward_of, lengths_of, trimmed
from tuning.training.program import Batches, Program, Programs

ROWS, STEPS, CHANNELS, UNITS = 5, 7, 3, 4
LENGTHS = np.array([7, 4, 1, 5, 0])


def masks(kind: str) -> Any:
    return None if kind == "no mask" else tf.sequence_mask(LENGTHS, STEPS)


@pytest.mark.parametrize("kind", ["no mask", "mask"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("start", ["zeros", "states"])
def test_the_fused_layer_is_keras_lstm(kind: str, backwards: bool, sequences: bool, start: str) -> None:
    keras.utils.set_random_seed(3)
    x = tf.random.normal([ROWS, STEPS, CHANNELS])
    states = [tf.random.normal([ROWS, UNITS]) for _ in range(2)] if start == "states" else None
    valid = np.ones((ROWS, STEPS), bool) if kind == "no mask" else np.arange(STEPS) < LENGTHS[:, None]
    if backwards and kind == "mask":
        valid = valid[:, ::-1]  # a layer that goes backwards returns its steps in that order
    found: list[Any] = []
    for layer_class in (keras.layers.LSTM, FusedLSTM):
        layer = layer_class(UNITS, return_sequences=sequences, return_state=True, go_backwards=backwards)
        layer.build((None, None, CHANNELS))
        if found:
            layer.set_weights(found[0][2])
        weights = layer.trainable_variables
        with tf.GradientTape() as tape:
            tape.watch(x)
            output, hidden, cell = layer(x, initial_state=states, mask=masks(kind))
            seen = tf.where(valid[:, :, None], output, 0.0) if sequences else output
            loss = tf.reduce_sum(seen**2) + tf.reduce_sum(hidden * cell)
        gradients = tape.gradient(loss, [x, *(v.value for v in weights)])
        found.append(([seen.numpy(), hidden.numpy(), cell.numpy()], [g.numpy() for g in gradients], layer.get_weights()))
    for plain, fused in zip(found[0][0], found[1][0], strict=True):
        assert np.allclose(plain, fused, atol=1e-5)
    for plain, fused in zip(found[0][1], found[1][1], strict=True):
        assert np.allclose(plain, fused, atol=1e-4)


def test_what_the_operation_does_not_cover_is_computed_by_keras() -> None:
    x = np.random.default_rng(0).normal(size=(ROWS, STEPS, CHANNELS)).astype("float32")
    plain, fused = keras.layers.LSTM(UNITS, activation="relu"), FusedLSTM(UNITS, activation="relu")
    for layer in (plain, fused):
        layer.build(x.shape)
    fused.set_weights(plain.get_weights())
    assert np.allclose(plain(x), fused(x), atol=1e-6)


def network(task: Task, kit: Kit, **given: Any) -> tuple[Model, Config]:
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    hyper = family_model(task.spec)
    hyper.kit = kit
    config = {**describe.declared(hyper).default(), **given}
    return hyper.build(describe.hyperparameters(config)), config


CASES: dict[str, Config] = {
    "sentiment": {"dropout": 0.3, "bidirectional": True, "layers": 2},
    "topics": {"pooling": "last"},
    "signals": {"dropout": 0.0, "pooling": "max", "bidirectional": True},
    "tagging": {"layers": 2, "bidirectional": True},
    "next_word": {"dropout": 0.1},
    "forecast": {},
    "finance": {"dropout": 0.2},
    "seq2seq": {"bidirectional": True},
    "memory": {"cell": "gru"},
}


SLOW = {"topics", "next_word", "finance"}  # each kind of input, output and cell is among the others


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in CASES])
def test_twenty_steps_of_the_fast_path_are_twenty_steps_of_keras(name: str) -> None:
    """The same batches through keras.Model.train_on_batch with Keras's layers, and through the traced program."""
    task = small_task(name)
    train = task.splits["train"]
    given: Config = {"units": 8, **CASES[name]}
    plain, _ = network(task, PLAIN, **given)
    fast, _ = network(task, FUSED, **given)
    program = Program(fast, task.spec)
    batches = Batches(task.spec, train.x, program._targets(train.y), 8, seed=1)
    done = 0
    for epoch in range(20):
        for inputs, y, widths in batches.groups(epoch):
            take = min(len(y), 20 - done)
            if take == 0:
                break
            program._steps = program._steps or program._traced(inputs, y)
            program._steps(tuple(one[:take] for one in inputs), y[:take], widths[:take], np.ones(99, np.float32))
            for index in range(take):
                one, target = program._cut([part[index] for part in inputs], y[index], widths[index])
                plain.train_on_batch(one, target)
            done += take
    assert done == 20
    for ours, theirs in zip(fast.get_weights(), plain.get_weights(), strict=True):
        assert np.allclose(ours, theirs, atol=1e-4)
    split = task.splits["valid"]
    few, _ = trimmed(task.spec, split.x, split.y, np.arange(8), lengths_of(task.spec, split.x))
    plain.set_weights(fast.get_weights())
    mine, theirs = forward_of(fast)(few), forward_of(plain)(few)
    if task.spec.output.kind in ("tags", "tokens"):
        valid = np.arange(mine.shape[1]) < np.asarray(split.lengths)[:8, None]
        mine, theirs = mine[valid], theirs[valid]
    assert np.allclose(mine, theirs, atol=1e-5)


def curve(program: Program, task: Task, config: Config) -> dict[str, list[float]]:
    train, valid = task.splits["train"], task.splits["valid"]
    found: dict[str, list[float]] = program.fit(
        train.x, train.y, batch_size=int(config["batch_size"]), validation_data=(valid.x, valid.y), epochs=2, seed=5
    ).history
    return found


@pytest.mark.parametrize(("name", "kit"), [("sentiment", FUSED), ("forecast", FUSED), ("seq2seq", FUSED), ("sentiment", CUDNN)])
def test_a_traced_step_serves_the_next_trial_as_a_new_one_would(name: str, kit: Kit) -> None:
    task = small_task(name)
    given = {"units": 8, "layers": 2 if kit is FUSED else 1, "dropout": 0.3, "learning_rate": 2e-3}
    model, config = network(task, kit, **given)
    cold = curve(Program(model, task.spec), task, config)
    programs = Programs()
    other, other_config = network(task, kit, **{**given, "dropout": 0.1, "learning_rate": 1e-2})
    first = programs.program("structure", other, task.spec)
    curve(first, task, other_config)
    again, _ = network(task, kit, **given)
    second = programs.program("structure", again, task.spec)
    assert second is first
    assert curve(second, task, config) == cold


def test_the_programs_used_least_are_given_up() -> None:
    task = small_task("memory")
    programs = Programs(most=2)
    made = {name: programs.program(name, network(task, FUSED, units=4)[0], task.spec) for name in ("a", "b")}
    assert programs.program("a", network(task, FUSED, units=4)[0], task.spec) is made["a"]
    programs.program("c", network(task, FUSED, units=4)[0], task.spec)
    assert programs.program("a", network(task, FUSED, units=4)[0], task.spec) is made["a"]
    assert programs.program("b", network(task, FUSED, units=4)[0], task.spec) is not made["b"]


@pytest.mark.parametrize("name", ["sentiment", "topics"])
def test_class_weights_weigh_the_loss_as_keras_does(name: str) -> None:
    task = small_task(name)
    train = task.splits["train"]
    weights = {label: 1.0 + label for label in range(max(2, task.spec.output.size))}
    given: Config = {"units": 4, "dropout": 0.0, "learning_rate": 1e-9}
    history = Program(network(task, FUSED, **given)[0], task.spec).fit(
        train.x, train.y, batch_size=len(train), class_weight=weights
    )
    loss = network(task, PLAIN, **given)[0].train_on_batch(train.x, train.y, class_weight=weights)
    assert history.history["loss"][0] == pytest.approx(float(loss[0]), rel=1e-4)
