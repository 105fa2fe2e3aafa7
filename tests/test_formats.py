"""Formats and small laws, by hypothesis: journals, durations, ranges, spaces, splits, orders of batches."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.budget import parse_seconds, spoken
from tuning.errors import BadFile, BadValue, DataError
from tuning.journal import Journal, read, strict, write_whole
from tuning.ranges import ladder, parse_range
from tuning.space import Condition, Grid, Interval, Parameter, Space, same
from tuning.splits import ordered_bounds, random_parts
from tuning.trial import derived_seed

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.text(min_size=1), json_values, max_size=4), max_size=8))
def test_a_journal_gives_back_what_was_appended(tmp_path_factory: pytest.TempPathFactory, bodies: list[dict[str, object]]) -> None:
    path = tmp_path_factory.mktemp("journal") / "trials.jsonl"
    events = [{**body, "event": "epoch"} for body in bodies]
    journal = Journal(path)
    for event in events:
        journal.append(event)
    journal.close()
    if events:
        assert list(read(path)) == [strict(event) for event in events]


@given(st.integers(1, 200))
def test_a_torn_last_line_is_cut_off_before_anything_is_appended(tmp_path_factory: pytest.TempPathFactory, torn: int) -> None:
    path = tmp_path_factory.mktemp("journal") / "trials.jsonl"
    journal = Journal(path)
    for number in range(3):
        journal.append({"event": "asked", "trial": number, "padding": "x" * 50})
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - torn)])
    kept = list(read(path))
    again = Journal(path)
    again.append({"event": "asked", "trial": 99})
    again.close()
    assert list(read(path)) == [*kept, {"event": "asked", "trial": 99}]


def test_an_earlier_bad_line_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text('{"event":"opened"}\n{"event":"asked"\n{"event":"asked"}\n')
    with pytest.raises(BadFile, match="line 2"):
        list(read(path))


def test_every_line_is_strict_json_with_null_for_nan(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "trials.jsonl")
    journal.append({"event": "epoch", "metrics": {"loss": math.nan, "val_loss": math.inf}})
    journal.close()
    line = (tmp_path / "trials.jsonl").read_text()
    assert json.loads(line)["metrics"] == {"loss": None, "val_loss": None}
    assert "NaN" not in line


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_whole(tmp_path / "best.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["best.json"]


@given(st.integers(1, 10**6))
def test_durations_are_read_in_every_unit(number: int) -> None:
    assert parse_seconds(f"{number}s") == parse_seconds(str(number)) == number
    assert parse_seconds(f"{number}m") == 60 * number
    assert parse_seconds(f" {number} H ") == 3600 * number
    assert spoken(number)


@pytest.mark.parametrize("text", ["0", "0s", "-5m", "ten minutes", "", "5 m x", "m", "1.5.2s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="a budget"):
        parse_seconds(text)


@given(st.integers(1, 500), st.integers(0, 500))
def test_a_ladder_holds_both_ends_and_rises_by_at_most_a_half(low: int, more: int) -> None:
    steps = ladder(low, low + more)
    assert steps[0] == low
    assert steps[-1] == low + more
    assert all(a < b <= max(1.5 * a + 1, a + 1) for a, b in pairwise(steps))


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("units", "8:11:1", (8, 9, 10, 11)),
        ("units", "64", (64,)),
        ("layers", "1:3", (1, 2, 3)),
        ("dropout", "0:0.2", (0.0, 0.1, 0.2)),
        ("bidirectional", "yes", (True,)),
        ("cell", "lstm,gru", ("lstm", "gru")),
        ("batch_size", "16:64", (16, 32, 64)),
    ],
)
def test_ranges(name: str, text: str, values: tuple[object, ...]) -> None:
    found = parse_range(name, text)
    assert isinstance(found, Grid)
    assert found.values == values


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("units", "0", "at least 1"),
        ("units", "8:4", "4:8"),
        ("units", "many", "a number"),
        ("units", "1:2:3:4", "LOW:HIGH"),
        ("units", "8:16:0", "at least"),
        ("dropout", "1.0", "not including, 1"),
        ("learning_rate", "0:0.1", "greater than 0"),
        ("bidirectional", "perhaps", "yes"),
        ("cell", "rnn", "lstm, gru"),
        ("unts", "8", "units"),
    ],
)
def test_bad_ranges_teach(name: str, text: str, told: str) -> None:
    if text == "8:16:0":
        told = "step greater than 0"
    with pytest.raises(Exception, match=told) as raised:
        parse_range(name, text)
    assert "\n" not in str(raised.value)


SPACE = Space(
    parameters=(
        Parameter(name="layers", domain=Grid(values=(1, 2), default=1)),
        Parameter(
            name="taper",
            domain=Grid(values=("constant", "halving"), default="constant"),
            conditions=(Condition(parent="layers", values=(2,)),),
        ),
        Parameter(name="rate", domain=Interval(low=0.001, high=0.1, log=True, default=0.01)),
    )
)


@given(st.integers(0, 2**32))
def test_draws_lie_in_the_space_and_go_to_json_and_back(seed: int) -> None:
    config = SPACE.draw(np.random.default_rng(seed))
    assert SPACE.check(config) == config
    assert json.loads(json.dumps(config)) == config
    assert Space.model_validate_json(SPACE.model_dump_json()) == SPACE


def test_configurations_are_the_same_when_their_active_values_are() -> None:
    assert same(SPACE.complete({"layers": 1, "taper": "halving"})) == same(SPACE.complete({"layers": 1}))
    assert same(SPACE.complete({"layers": 2, "taper": "halving"})) != same(SPACE.complete({"layers": 2}))


@given(st.integers(7, 300), st.integers(0, 1000), st.booleans(), st.integers(1, 5))
def test_random_parts_hold_every_row_once(n: int, seed: int, have_test: bool, classes: int) -> None:
    labels = np.arange(n) % classes
    parts = random_parts(n, seed, labels, have_test)
    rows = np.concatenate(list(parts.values()))
    assert sorted(rows.tolist()) == list(range(n))
    assert ("test" in parts) != have_test


def test_random_parts_keep_each_class_share() -> None:
    labels = np.array([0] * 900 + [1] * 100)
    for part in random_parts(1000, 3, labels).values():
        assert 0.08 < labels[part].mean() < 0.12


@given(st.integers(30, 500), st.integers(0, 3))
def test_ordered_parts_never_touch(n: int, embargo: int) -> None:
    train, valid, test = ordered_bounds(n, embargo)
    assert train.stop + embargo == valid.start
    assert valid.stop + embargo == test.start
    assert test.stop == n


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match="at least 7"):
        random_parts(3, 0)
    with pytest.raises(DataError, match="too few"):
        ordered_bounds(10, embargo=5)


@given(st.integers(0, 2**31), st.integers(0, 10**6))
def test_seeds_are_31_bits_and_unlike_their_neighbours(seed: int, trial: int) -> None:
    found = derived_seed(seed, "trial", trial)
    assert 0 <= found < 2**31
    assert found != derived_seed(seed, "trial", trial + 1)
