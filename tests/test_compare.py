"""Recorded tables, their replay, and what a comparison says of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import Here, small_flags

from tuning.compare.live import over, same_call
from tuning.compare.page import compare_page
from tuning.compare.runs import Point, Run, replayed
from tuning.compare.statistics import friedman, interval, pairs
from tuning.compare.verdict import could_have_stopped, rung_correlations, sentences, warning
from tuning.compare.whole import compared
from tuning.errors import BadFile, StudyConflict
from tuning.executors.replay import FakeClock, Replay
from tuning.recorded import Curve, Row, Table
from tuning.space import Config, Grid, Interval, Parameter, Space, same
from tuning.strategies import STRATEGIES, Setting, Strategy
from tuning.task import Input, Output
from tuning.training.jobs import Job, ModelRef
from tuning.trial import Answer, Trial

SPACE = Space(
    parameters=(
        Parameter(name="units", domain=Grid(values=(8, 16, 32, 64, 128), default=32)),
        Parameter(name="bidirectional", domain=Grid(values=(False, True), default=False)),
        Parameter(name="learning_rate", domain=Interval(low=1e-4, high=1e-2, log=True, default=1e-3)),
    )
)
EPOCHS = 6
DATA: dict[str, Any] = {
    "input": Input(kind="tokens", size=50, steps=9),
    "output": Output(kind="binary", size=2),
    "rows_to_train": 100,
}


def made_up(rows: int = 60, early: float = 1.0) -> Table:
    """Scores rise with epochs towards a quality that a middling rate gives; `early` is how much early scores say of it."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(rows):
        config = SPACE.draw(rng)
        quality = 0.9 - abs(np.log10(float(config["learning_rate"])) + 3) / 5 + rng.normal(0, 0.02)
        curves = []
        for _seed in range(2):
            hidden = early * quality + (1 - early) * rng.uniform(0.3, 0.9)
            scores = [hidden * (1 - 0.5 ** (epoch + 1)) for epoch in range(EPOCHS - 1)] + [quality + rng.normal(0, 0.005)]
            seconds = tuple(float(config["units"]) / 32 for _ in range(EPOCHS))
            curves.append(Curve(scores=tuple(scores), seconds=seconds, start=1.0))
        found.append(Row(config=config, curves=tuple(curves), parameters=int(config["units"]), parameters_without_embedding=1))
    return Table(task="made-up", objective="val_accuracy:max", max_epochs=EPOCHS, space=SPACE, rows=tuple(found), **DATA)


def job(config: Config, number: int = 1, epochs: int = EPOCHS, seed: int = 0, trial: int = 0, patience: int = 99) -> Job:
    model = ModelRef()
    return Job(number, "train", "", model, config=config, epochs=epochs, seed=seed, patience=patience, trial=trial)


def test_a_replay_takes_the_nearest_configuration_that_was_not_tried() -> None:
    table = made_up()
    there = table.rows[7].config
    assert table.untried(there, ()) == there
    second = table.untried(there, [same(there)])
    assert second != there
    assert second in [row.config for row in table.rows]
    everything = [same(row.config) for row in table.rows]
    assert same(table.untried(there, everything[:-1])) == everything[-1]


class Noted:
    """A strategy whose proposals are noted."""

    def __init__(self, strategy: Strategy, asked: dict[int, str]) -> None:
        self._strategy, self._asked = strategy, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._strategy, name)

    def ask(self, config: Config | None = None) -> Trial | Answer:
        found = self._strategy.ask(config)
        if isinstance(found, Trial):
            self._asked[found.id] = same(found.config)
        return found


@pytest.mark.parametrize("strategy", ["random", "hyperband", "bohb", "tpe", "auto"])
def test_a_replayed_search_has_no_row_twice_and_ends_with_the_table(strategy: str) -> None:
    table = made_up(rows=20)
    asked: dict[int, str] = {}

    def make(setting: Setting) -> Any:
        return Noted(STRATEGIES[strategy](setting), asked)

    run = replayed(table, strategy, 0, 2, 1e6, make)
    assert sorted(asked.values()) == sorted(same(row.config) for row in table.rows)
    assert run.trials == 20
    assert run.final == pytest.approx(table.qualities.min(), abs=0.03)


def test_a_replay_may_end_where_an_incumbent_is_as_good_as_a_target() -> None:
    table = made_up(rows=20)
    target = float(np.sort(table.qualities)[4])
    whole, short = (replayed(table, "random", 0, 2, 1e6, until=until) for until in (-float("inf"), target))
    losses = [[point.loss for point in run.points] for run in (whole, short)]
    assert losses[1] == losses[0][: len(losses[1])]
    assert losses[1][-1] <= target < min([*losses[1][:-1], np.inf])
    assert short.trials < whole.trials


class TestReplay:
    def test_epochs_come_in_their_order_and_time(self) -> None:
        table, clock = made_up(), FakeClock()
        executor = Replay(table, 2, clock)
        row = table.rows[0]
        executor.submit(job(row.config))
        told = []
        while message := next(iter(executor.poll(1e6)), None):
            told.append((message.kind, clock.now()))
            if message.kind == "done":
                break
            executor.reply(1, "continue")
        each = row.curves[0].seconds[0]
        assert [kind for kind, _ in told] == ["epoch"] * EPOCHS + ["done"]
        assert [at for _, at in told[:-1]] == pytest.approx([1.0 + each * n for n in range(1, EPOCHS + 1)])

    def test_two_at_a_time_share_the_clock(self) -> None:
        table, clock = made_up(), FakeClock()
        executor = Replay(table, 2, clock)
        slow, fast = (next(r for r in table.rows if r.config["units"] == units) for units in (128, 8))
        executor.submit(job(slow.config, 1, trial=1))
        executor.submit(job(fast.config, 2, trial=2))
        assert executor.poll(100)[0].job == 2
        assert clock.now() == pytest.approx(1.25)

    def test_a_promoted_trial_goes_on_where_it_was(self) -> None:
        table, clock = made_up(), FakeClock()
        executor = Replay(table, 1, clock)
        config = table.rows[0].config
        for number, epochs, expected in ((1, 2, [1, 2]), (2, 4, [3, 4])):
            executor.submit(job(config, number, epochs))
            seen = []
            while (message := executor.poll(1e6)[0]).kind == "epoch":
                seen.append(message.body["epoch"])
                executor.reply(number, "continue")
            assert seen == expected
            assert message.body["epochs"] == epochs

    def test_a_timeout_passes(self) -> None:
        clock = FakeClock()
        assert Replay(made_up(), 1, clock).poll(2.5) == []
        assert clock.now() == 2.5

    def test_nothing_is_told_of_a_stopped_job(self) -> None:
        executor = Replay(made_up(), 1, FakeClock())
        executor.submit(job(made_up().rows[0].config))
        executor.stop(1)
        assert executor.poll(1e6) == []


class TestTable:
    def test_written_and_read_it_is_the_same(self, tmp_path: Path) -> None:
        table = made_up(5)
        table.save(tmp_path / "t.json.gz")
        assert Table.load(tmp_path / "t.json.gz") == table

    def test_a_damaged_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "t.json.gz").write_bytes(b"no table")
        with pytest.raises(BadFile, match=r"t\.json\.gz"):
            Table.load(tmp_path / "t.json.gz")

    def test_what_was_recorded_is_its_own_nearest(self) -> None:
        table = made_up()
        assert [table.nearest(row.config) for row in table.rows] == list(range(len(table.rows)))
        near = {**table.rows[3].config, "learning_rate": float(table.rows[3].config["learning_rate"]) * 1.0001}
        assert table.nearest(near) == 3

    def test_a_recorded_search_is_a_table(self, tmp_path: Path, here: Here) -> None:
        argv = ["--task", "signals", *small_flags("signals"), "--units", "4,8", "--max-epochs", "3", "--record", "--quiet"]
        first: list[str] = []
        for seed in ("0", "1"):
            more = ["--strategy", "random", "--trials", "3", "--seed", seed, "--out", str(tmp_path / seed)]
            status, _, err = here("search", *argv, *more, *first)
            assert status == 0, err
            events = [json.loads(line) for line in (tmp_path / "0" / "trials.jsonl").read_text().splitlines()]
            asked = [event["config"] for event in events if event["event"] == "asked"]
            tried = [",".join(f"{name}={value}" for name, value in config.items()) for config in asked]
            first = [flag for text in tried for flag in ("--try", text)]
        table = Table.of([tmp_path / "0", tmp_path / "1"])
        assert [same(row.config) for row in table.rows] == [same(config) for config in asked]
        assert all(len(row.curves) == 2 for row in table.rows)
        assert all(len(curve.scores) == 3 for row in table.rows for curve in row.curves)
        assert table.objective == "val_accuracy:max"
        argv = ["--replay", str(tmp_path / "0"), str(tmp_path / "1"), "--strategies", "random,sobol", "--seeds", "2"]
        status, _, err = here("compare", *argv, "--out", str(tmp_path / "compared"))
        assert status == 0, err
        assert list(json.loads((tmp_path / "compared" / "compare.json").read_text())["tasks"]) == ["signals"]
        best = (tmp_path / "1" / "best.json").read_text()
        (tmp_path / "1" / "best.json").write_text(best.replace('"val_accuracy:max"', '"val_loss:min"'))
        with pytest.raises(BadFile, match=r"share the objective; .*val_accuracy:max, .*val_loss:min"):
            Table.of([tmp_path / "0", tmp_path / "1"])
        settings = json.loads((tmp_path / "0" / "settings.json").read_text())
        settings["settings"]["record"] = False
        (tmp_path / "0" / "settings.json").write_text(json.dumps(settings))
        status, _, err = here("compare", *argv, "--out", str(tmp_path / "other"))
        assert status == 2
        assert "--record" in err

    def test_what_was_cut_short_is_no_row(self, tmp_path: Path, here: Here) -> None:
        argv = ["--task", "signals", *small_flags("signals"), "--units", "4,8", "--max-epochs", "3", "--record", "--quiet"]
        status, _, err = here("search", *argv, "--strategy", "random", "--epochs", "8", "--out", str(tmp_path / "cut"))
        assert status == 0, err
        assert [len(row.curves[0].scores) for row in Table.of([tmp_path / "cut"]).rows] == [3, 3]


class TestStatistics:
    def run(self, strategy: str, seed: int, at: float, loss: float) -> Run:
        return Run(strategy, seed, 100.0, (Point(1.0, 1, loss + 1), Point(at, 2, loss)), 5)

    def test_sooner_by_a_factor_that_is_found(self) -> None:
        rng = np.random.default_rng(1)
        runs = [self.run("quick", s, 10 * rng.lognormal(0, 0.2), -0.8) for s in range(10)]
        runs += [self.run("slow", s, 30 * rng.lognormal(0, 0.2), -0.8) for s in range(10)]
        (pair,) = pairs(runs, -0.8)
        assert pair.sooner
        assert 2.4 < pair.low < pair.times < pair.high < 3.8
        assert not pair.differ
        told = sentences("here", runs, [pair])
        assert "quick reaches the target sooner than slow" in told[0]
        assert "no two end at different scores" in told[-1]

    def test_of_many_pairs_one_that_is_sooner_by_chance_is_not_named(self) -> None:
        rng = np.random.default_rng(3)
        named = 0
        for _ in range(40):
            runs = [self.run(name, s, 20 * rng.lognormal(0, 0.5), -0.8) for name in "abcd" for s in range(8)]
            found = pairs(runs, -0.8)
            named += any(pair.sooner or pair.later for pair in found)
        assert named <= 4  # 5 % of 40 are 2; of six intervals of 95 % each 10 or so

    def test_the_same_runs_do_not_differ(self) -> None:
        runs = [self.run(name, s, 10 + s, -0.8 - s / 100) for name in ("a", "b") for s in range(9)]
        (pair,) = pairs(runs, -0.7)
        assert (pair.times, pair.p) == (1.0, 1.0)
        assert not pair.sooner
        assert not pair.later

    def test_few_seeds_are_too_few(self) -> None:
        runs = [self.run(name, s, at, -0.8) for name, at in (("a", 1.5), ("b", 90.0)) for s in range(3)]
        (told,) = sentences("here", runs, pairs(runs, -0.8))
        assert told.startswith("3 seeds are too few to tell (the smallest p they can give is 0.25)")

    def test_many_pairs_need_more_seeds(self) -> None:
        runs = [
            self.run(name, s, 10.0, loss)
            for name, loss in zip("abcde", (-0.9, -0.8, -0.7, -0.6, -0.5), strict=True)
            for s in range(8)
        ]
        told = sentences("here", runs, pairs(runs, -0.9))
        assert "8 seeds are too few to tell of 10 pairs which ends better" in told[-1]

    def test_who_wins_nine_of_ten_is_named_whatever_the_tenth_found(self) -> None:
        runs = [self.run("a", s, 10.0, -0.9 - s / 100) for s in range(9)] + [self.run("b", s, 10.0, -0.1) for s in range(9)]
        runs += [Run("a", 9, 100.0, (), 0), Run("b", 9, 100.0, (), 0)]
        (pair,) = pairs(runs, -0.9)
        assert pair.better > 0
        assert pair.differ

    def test_never_reached_counts_as_the_budget(self) -> None:
        runs = [self.run("a", s, 10.0, -0.9) for s in range(8)] + [self.run("b", s, 10.0, -0.1) for s in range(8)]
        assert pairs(runs, -0.8)[0].times == pytest.approx(10.0)

    def test_intervals_of_the_mean_cover_it(self) -> None:
        rng = np.random.default_rng(2)
        spans = [interval(rng.normal(1.0, 1.0, size)) for size in (5, 12) for _ in range(200)]
        assert 0.90 < np.mean([low < 1.0 < high for low, high in spans]) < 0.98

    def test_friedman_needs_five_tasks(self) -> None:
        tasks = [
            [self.run(n, s, 9.0, loss) for n, loss in (("a", -0.9), ("b", -0.5), ("c", -0.1)) for s in range(3)] for _ in range(5)
        ]
        assert friedman(tasks[:4]) is None
        found = friedman(tasks)
        assert found is not None
        assert found < 0.05

    def test_when_it_could_have_stopped(self) -> None:
        runs = [Run("a", 0, 100.0, (Point(5.0, 1, -0.5), Point(20.0, 4, -0.795), Point(80.0, 9, -0.8)), 5)]
        assert could_have_stopped(runs, noise=0.01) == {"a": 20.0}

    def test_early_scores_that_mislead_are_warned_of(self) -> None:
        assert warning("here", rung_correlations(made_up())) is None
        told = warning("here", rung_correlations(made_up(early=0.0)))
        assert told is not None
        assert "mislead" in told


def test_an_incumbent_may_be_judged_by_the_score_it_was_chosen_by() -> None:
    table = made_up()
    truth, search = (replayed(table, "random", 0, 2, 60.0, by_search=by_search).points for by_search in (False, True))
    assert [point.epochs for point in search] == [point.epochs for point in truth]
    scores = {-score for row in table.rows for curve in row.curves for score in curve.scores if score is not None}
    assert {point.loss for point in search} <= scores
    assert {point.loss for point in truth} <= set(table.qualities)
    assert [point.loss for point in search] == sorted((point.loss for point in search), reverse=True)


def test_replays_are_the_same_for_the_same_seed_and_end_with_the_budget() -> None:
    table = made_up()
    one, again, other = (replayed(table, "asha", seed, 2, 60.0) for seed in (3, 3, 4))
    assert [p.loss for p in one.points] == [p.loss for p in again.points]
    assert one.points != other.points
    assert all(point.at <= 60.0 for point in one.points)
    assert one.trials > 5


def test_the_page_shows_medians_that_never_fall_and_runs_that_found_nothing() -> None:
    late = (Point(5.0, 1, -0.2), Point(8.0, 4, -0.9))
    runs = [
        Run("a", 0, 10.0, (Point(1.0, 1, -0.7),), 3),
        Run("a", 1, 10.0, late, 3),
        *[Run("b", seed, 10.0, (), 0) for seed in (0, 1)],
    ]
    result = compared({"t": runs}, {"t": "val_accuracy:max"}, {"t": (-0.8, 0.0)})
    page = compare_page(result, {"t": runs})
    assert "a 0.4500 at first, 0.8000 at the end" in page
    assert result["tasks"]["t"]["strategies"]["b"]["target_seconds"] is None
    assert result["tasks"]["t"]["strategies"]["a"]["thinking"] is None


def test_compare_replays_tables_and_writes_both_files(tmp_path: Path, here: Here) -> None:
    made_up().save(tmp_path / "made-up.json.gz")
    argv = ["--replay", str(tmp_path), "--strategies", "random,asha,tpe", "--seeds", "8", "--out", str(tmp_path / "out")]
    status, out, err = here("compare", *argv)
    assert status == 0, err
    result = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert result["verdict"]
    assert result["verdict"][0] in out
    assert {len(result["tasks"]["made-up"][key]) for key in ("strategies", "pairs")} == {3}
    page = (tmp_path / "out" / "compare.html").read_text()
    assert not re.search(r"<(script|img|iframe)[^>]* src=|<link|https?://", re.sub(r"<script>.*?</script>", "", page, flags=re.S))
    assert "median over seeds" in page
    status, _, err = here("compare", *argv)
    assert status == 2
    assert "finished comparison" in err


def test_two_tables_of_a_task_are_refused(tmp_path: Path, here: Here) -> None:
    for name in ("one", "two"):
        made_up().save(tmp_path / f"{name}.json.gz")
    status, _, err = here("compare", "--replay", str(tmp_path), "--out", str(tmp_path / "out"))
    assert status == 2
    assert "one table a task" in err


def test_a_search_that_was_interrupted_is_not_over(tmp_path: Path) -> None:
    assert not over(tmp_path)
    for interrupted in (True, False):
        with (tmp_path / "trials.jsonl").open("a") as journal:
            journal.write(json.dumps({"event": "closed", "at": 1.0, "interrupted": interrupted}) + "\n")
        assert over(tmp_path) is not interrupted


def test_a_search_of_which_every_trial_failed_is_not_over(tmp_path: Path) -> None:
    told = [{"event": "failed", "trial": 0, "at": 1.0}, {"event": "closed", "at": 1.0, "interrupted": False}]
    (tmp_path / "trials.jsonl").write_text("".join(json.dumps(event) + "\n" for event in told))
    assert not over(tmp_path)


def test_searches_that_find_nothing_in_time_are_over_too(tmp_path: Path, here: Here) -> None:
    argv = ["--task", "signals", "--strategies", "random,sobol", "--seeds", "1", "--budget", "1s", "--out", str(tmp_path / "out")]
    for _ in range(2):
        status, _, err = here("compare", *argv)
        assert status == 2
        assert "no search had a first epoch in 1 seconds" in err
        assert over(tmp_path / "out" / "random-0")


def test_an_unfinished_comparison_goes_on_as_it_was_begun(tmp_path: Path) -> None:
    same_call(tmp_path, {"budget": 60.0, "options": ["--task", "topics"]})
    same_call(tmp_path, {"budget": 60.0, "options": ["--task", "topics"]})
    with pytest.raises(StudyConflict, match="as it was begun"):
        same_call(tmp_path, {"budget": 120.0, "options": ["--task", "topics"]})


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--strategies", "random"], "two strategies"),
        (["--strategies", "random,hyperbend"], "did you mean 'hyperband'"),
        (["--strategies", "random,auto,random"], "random is given twice"),
        (["--replay", "nowhere", "--budjet", "10s"], "--budget"),
        (["--seeds", "0"], "whole numbers"),
        (["--replay", "nowhere"], "nowhere"),
        (["--budget", "soon"], "90s"),
        (["--seed", "8"], "--seeds N"),
        (["--strategy=tpe"], "--strategies A,B"),
        (["--confirm", "0.4"], "all of the budget searches"),
    ],
)
def test_mistakes_are_told_in_one_line(argv: list[str], said: str, tmp_path: Path, here: Here) -> None:
    status, _, err = here("compare", *argv, "--out", str(tmp_path / "out"))
    assert status == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
