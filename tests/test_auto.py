"""auto, and what it is made of: the cube, the process, and curves foretold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuning.cost import CostModel
from tuning.objective import Objective
from tuning.recorded import Table
from tuning.space import Condition, Config, Grid, Interval, Parameter, Space, same
from tuning.strategies import Setting
from tuning.strategies.auto import DEFAULT, GUIDED, RATE, Auto
from tuning.strategies.cube import Cube, to_config, to_point
from tuning.strategies.curves import ENOUGH, Curves, tamed
from tuning.strategies.portfolio import carried, learned
from tuning.strategies.prior_mean import RANGES, PriorMean, Quantities
from tuning.strategies.surrogate import Axes, Surrogate, improvement
from tuning.task import Input, Output
from tuning.trial import Decision, Result, Status, Trial

RECORDED = Path(__file__).resolve().parents[1] / "benchmarks" / "recorded"
EPOCHS = 8
MANY = 2 * RATE
SPACE = Space(
    parameters=(
        Parameter(name="units", domain=Grid(values=(8, 16, 32, 64, 128, 256), default=32)),
        Parameter(name="layers", domain=Grid(values=(1, 2, 3), default=1)),
        Parameter(
            name="taper",
            domain=Grid(values=("constant", "halving"), default="constant"),
            conditions=(Condition(parent="layers", values=(2, 3)),),
        ),
        Parameter(name="bidirectional", domain=Grid(values=(False, True), default=False)),
        Parameter(name="learning_rate", domain=Interval(low=1e-4, high=1e-1, log=True, default=3e-3)),
        Parameter(name="batch_size", domain=Grid(values=(64,), default=64)),
    )
)


def costs() -> CostModel:
    return CostModel(Input(kind="tokens", size=1000, steps=20), Output(kind="binary", size=2), 2000, 20.0)


def auto(seed: int = 0, trials: int | None = None) -> Auto:
    setting = Setting(SPACE, Objective.parse("val_accuracy"), seed, EPOCHS, trials, costs())
    return Auto(setting)


def test_no_trial_pauses_where_that_saves_less_than_beginning_another() -> None:
    cheap = auto()
    found = run(cheap, 25, seconds=0.01)
    assert [epochs for _, epochs in found[1:]] == [EPOCHS] * (len(found) - 1)  # of the first nobody knew that it was cheap


def quality(config: Config) -> float:
    """The best rate is 0.01; more units help a little."""
    return float(0.9 - 0.15 * abs(np.log10(float(config["learning_rate"])) + 2) + 0.01 * np.log2(float(config["units"])))


def curve(config: Config) -> list[float]:
    return [quality(config) - 0.3 * 0.5**epoch for epoch in range(EPOCHS)]


def run(strategy: Auto, steps: int, seconds: float = 9.0) -> list[tuple[Trial, int]]:
    """Trials one after another, each stopped where `report` says; with the epochs that it had by then."""
    found: list[tuple[Trial, int]] = []
    for _ in range(steps):
        trial = strategy.ask()
        if not isinstance(trial, Trial):
            break
        scores = curve(trial.config)
        before = next((epochs for one, epochs in reversed(found) if one.id == trial.id), 0)
        for epoch in range(before + 1, EPOCHS + 1):
            decision = strategy.report(trial, epoch, scores[epoch - 1])
            if decision is not Decision.CONTINUE:
                break
        paused = decision is Decision.PAUSE
        strategy.tell(trial, Result(Status.COMPLETED, scores[epoch - 1], seconds, tuple(scores[:epoch]), paused))
        found.append((trial, epoch))
    return found


def shifted(config: Config, _: object) -> Config:
    """Another of nearly the same rate, as a replay has."""
    return {**config, "learning_rate": float(config["learning_rate"]) * 1.0001}


class TestAuto:
    def test_begins_with_what_other_tasks_lead_one_to_expect(self) -> None:
        asked = [auto(seed).ask() for seed in range(10)]
        begun = np.array([to_point(SPACE, trial.config) for trial in asked if isinstance(trial, Trial)])
        anywhere = Cube(SPACE).drawn(np.random.default_rng(0), 100)
        expected = PriorMean(SPACE)
        assert np.median(expected(begun)) < np.quantile(expected(anywhere), 0.25)

    def test_the_defaults_are_among_the_first(self) -> None:
        strategy = auto()
        asked = [strategy.ask() for _ in range(DEFAULT + 2)]
        configs = [same(trial.config) for trial in asked if isinstance(trial, Trial)]
        assert configs.index(same(SPACE.default())) == DEFAULT

    def test_while_hardly_a_trial_has_ended_each_is_compared_after_an_epoch(self) -> None:
        found = run(auto(), 3 * RATE)
        begun = {trial.id: epochs for trial, epochs in reversed(found)}  # the first time that each was trained
        assert len(begun) > RATE
        assert set(begun.values()) == {1}

    def test_finds_better_than_chance_in_as_many_epochs(self) -> None:
        found = run(auto(), 25)
        rng = np.random.default_rng(0)
        epochs = sum(epochs for _, epochs in found)
        chance = max(quality(SPACE.draw(rng)) for _ in range(epochs // EPOCHS))
        assert max(quality(trial.config) for trial, _ in found) > chance

    def test_hopeless_trials_pause_and_promising_ones_are_trained_to_the_end(self) -> None:
        found = {trial.id: (trial, epochs) for trial, epochs in run(auto(), 25)}.values()  # as far as each came
        short = [quality(trial.config) for trial, epochs in found if epochs < EPOCHS]
        whole = [quality(trial.config) for trial, epochs in found if epochs == EPOCHS]
        assert len(short) >= 5
        assert np.median(whole) > np.median(short)
        assert max(whole) > max(short)

    def test_failures_at_the_worst_time_do_no_harm(self) -> None:
        strategy = auto()
        for number in range(12):
            trial = strategy.ask()
            assert isinstance(trial, Trial)
            strategy.tell(trial, Result(Status.FAILED) if number % 3 else Result(Status.COMPLETED, 0.5, 1.0, (0.5,) * EPOCHS))
        assert isinstance(strategy.ask(), Trial)

    def test_where_epochs_are_dear_the_best_of_every_few_goes_on_for_so_many_times_as_long(self) -> None:
        found = run(auto(), RATE + 1)
        assert [epochs for _, epochs in found] == [1] * RATE + [RATE]
        assert found[-1][0] == max((trial for trial, _ in found[:RATE]), key=lambda trial: quality(trial.config))

    def test_more_units_are_tried_with_the_bests_other_settings(self) -> None:
        strategy = auto()
        best = max((trial for trial, _ in run(strategy, RATE)), key=lambda trial: quality(trial.config))
        strategy.ask()  # the best goes on
        larger = strategy.ask()
        assert isinstance(larger, Trial)
        assert larger.config == best.config | {"units": 2 * int(best.config["units"])}

    def test_they_are_tried_once_though_a_replay_exchanges_them(self) -> None:
        setting = Setting(SPACE, Objective.parse("val_accuracy"), 0, EPOCHS, None, costs(), recorded=shifted)
        strategy = Auto(setting)
        best = max((trial for trial, _ in run(strategy, RATE)), key=lambda trial: quality(trial.config))
        larger = shifted(best.config | {"units": 2 * int(best.config["units"])}, ())
        strategy.ask()  # the best goes on
        asked = [trial.config for trial in (strategy.ask() for _ in range(4)) if isinstance(trial, Trial)]
        assert asked[0] == larger
        assert [config["units"] for config in asked].count(larger["units"]) == 1

    def test_what_has_no_units_is_not_made_larger(self) -> None:
        plain = Space(
            parameters=(
                Parameter(name="recurrent", domain=Grid(values=(False, True), default=False)),
                Parameter(
                    name="units",
                    domain=Grid(values=(8, 16, 32, 64), default=8),
                    conditions=(Condition(parent="recurrent", values=(True,)),),
                ),
                SPACE.parameters[-2],
            )
        )
        strategy = Auto(Setting(plain, Objective.parse("val_accuracy"), 0, EPOCHS, None, costs()))
        for _ in range(2 * RATE):
            trial = strategy.ask()
            assert isinstance(trial, Trial)
            score = 0.5 if trial.config["recurrent"] else 0.9
            strategy.tell(trial, Result(Status.COMPLETED, score, 9.0, (score,), paused=True))

    def test_at_the_limit_what_waits_goes_on_though_more_is_wished_for(self) -> None:
        strategy = auto(trials=RATE)
        run(strategy, RATE)
        wished = SPACE.check({"units": 256, "learning_rate": 0.05})
        promoted = strategy.ask(wished)
        assert isinstance(promoted, Trial)
        assert promoted.id < RATE
        assert strategy.running

    def test_within_a_pass_nothing_has_dropout_but_the_defaults(self) -> None:
        rate = Parameter(name="dropout", domain=Grid(values=(0.0, 0.2, 0.5), default=0.2))
        space = Space(parameters=(*SPACE.parameters, rate))
        for per_pass, least in ((4, {0.0}), (1, {0.0, 0.2, 0.5})):
            setting = Setting(space, Objective.parse("val_accuracy"), 0, EPOCHS, None, costs(), epochs_per_pass=per_pass)
            strategy = Auto(setting)
            asked = [trial for trial in (strategy.ask() for _ in range(30)) if isinstance(trial, Trial)]
            assert {trial.config["dropout"] for trial in asked if trial.id != DEFAULT} == least

    def test_within_a_pass_no_embedding_is_wider_than_half_of_the_tokens_but_the_defaults(self) -> None:
        wide = Parameter(name="embedding", domain=Grid(values=(16, 32, 64, 128), default=64))
        space = Space(parameters=(*SPACE.parameters, wide))
        for tokens, widest in ((66, 32), (12, 16), (300, 128)):
            known = CostModel(Input(kind="tokens", size=tokens, steps=20), Output(kind="tokens", size=tokens), 5000.0, 20.0)
            strategy = Auto(Setting(space, Objective.parse("val_accuracy"), 0, EPOCHS, None, known, epochs_per_pass=4))
            asked = [trial for trial in (strategy.ask() for _ in range(30)) if isinstance(trial, Trial)]
            assert max(int(trial.config["embedding"]) for trial in asked if trial.id != DEFAULT) == widest
            assert asked[DEFAULT].config["embedding"] == 64

    def test_one_that_goes_on_pauses_where_another_was_better_after_fewer_epochs(self) -> None:
        strategy = auto()
        found = run(strategy, RATE)
        best, second = sorted((quality(trial.config) - 0.15 for trial, _ in found), reverse=True)[:2]
        trial = strategy.ask()
        assert isinstance(trial, Trial)
        assert quality(trial.config) - 0.15 == pytest.approx(best)
        assert strategy.report(trial, 2, second - 0.01) is Decision.CONTINUE  # its own first epoch was the best of all
        new = strategy.ask()
        assert isinstance(new, Trial)
        assert new.id == RATE
        strategy.tell(new, Result(Status.COMPLETED, best + 0.01, 9.0, (best + 0.01,), paused=True))
        assert strategy.report(trial, 2, best + 0.02) is Decision.CONTINUE
        assert strategy.report(trial, 3, best + 0.005) is Decision.PAUSE

    def test_one_that_another_overtook_waits_while_there_is_something_new(self) -> None:
        strategy = auto(trials=MANY + 1)
        trials = [trial for trial in (strategy.ask() for _ in range(MANY)) if isinstance(trial, Trial)]
        for trial in trials[:-1]:
            strategy.tell(trial, Result(Status.COMPLETED, 0.5, 9.0, (0.4, 0.5), paused=True))
        best = trials[-1]
        strategy.tell(best, Result(Status.COMPLETED, 0.6, 9.0, (0.6,), paused=True))
        asked = [trial.id for trial in (strategy.ask() for _ in range(3)) if isinstance(trial, Trial)]
        assert asked[:2] == [best.id, MANY]  # the best goes on; what it overtook does not, there is a new one
        assert asked[2] in {trial.id for trial in trials[:-1]}  # nothing new may be tried any more

    def test_the_best_of_the_first_few_comes_of_what_an_epoch_of_others_told(self) -> None:
        found = [[quality(trial.config) for trial, _ in run(auto(seed), MANY)] for seed in range(10)]
        assert np.mean([scores[GUIDED:] for scores in found]) > np.mean([scores[:GUIDED] for scores in found])

    def test_of_equal_promise_the_cheaper_comes_first(self) -> None:
        strategy = auto()
        large = Cube(SPACE).snapped(np.array([to_point(SPACE, SPACE.check({"units": units})) for units in (256, 8)]))
        assert strategy._cost(large, 0)[0] > 2 * strategy._cost(large, 0)[1]

    def test_what_waits_may_go_on_and_others_lose_their_state(self) -> None:
        strategy = auto(trials=12)
        found = run(strategy, 60)
        assert {trial.id for trial, _ in found} == set(range(12))
        ended = {trial.id for trial, epochs in found if epochs == EPOCHS}
        assert not strategy.paused & ended

    def test_a_recorded_search_goes_on_as_it_would_have(self) -> None:
        first, second = auto(), auto()
        told = run(first, 14)
        for trial, epochs in told:
            assert second.replay(trial)
            scores = tuple(curve(trial.config)[:epochs])
            second.tell(trial, Result(Status.COMPLETED, scores[-1], 9.0, scores, epochs < EPOCHS))
        assert run(first, 6) == run(second, 6)


class TestPortfolio:
    def test_values_are_carried_to_the_nearest_that_the_space_has(self) -> None:
        narrow = Space(parameters=(Parameter(name="units", domain=Grid(values=(4, 8), default=4)), SPACE.parameters[4]))
        assert carried(narrow, [{"units": 100, "learning_rate": 1.0}]) == [{"units": 8, "learning_rate": 0.1}]

    def test_values_of_another_kind_give_way_to_the_default(self) -> None:
        named = Space(parameters=(Parameter(name="units", domain=Grid(values=("few", "many"), default="few")),))
        assert carried(named, [{"units": 100}]) == [{"units": "few"}]

    def test_a_replayed_task_has_not_taught_its_own_list(self) -> None:
        assert learned()
        assert learned("memory") != learned()
        assert learned("a task that was never recorded") == learned()


class TestCube:
    @given(st.integers(0, 2**31))
    def test_snapped_points_are_where_their_configurations_lie(self, seed: int) -> None:
        cube = Cube(SPACE)
        points = cube.drawn(np.random.default_rng(seed), 8)
        again = np.array([to_point(SPACE, to_config(SPACE, point)) for point in points])
        assert points == pytest.approx(again, abs=1e-5)

    def test_neighbours_are_near_and_in_the_space(self) -> None:
        cube, rng = Cube(SPACE), np.random.default_rng(0)
        here = cube.drawn(rng, 1)
        near, anywhere = cube.drawn(rng, 0, here, 200), cube.drawn(rng, 200)
        assert np.abs(near - here).mean() < 0.6 * np.abs(anywhere - here).mean()
        assert all(SPACE.check(to_config(SPACE, point)) for point in near)

    def test_columns_hold_each_parameters_values(self) -> None:
        cube = Cube(SPACE)
        points = cube.drawn(np.random.default_rng(1), 30)
        columns = cube.columns(points)
        for row, point in enumerate(points):
            config = SPACE.default() | to_config(SPACE, point)
            assert {name: columns[name][row].item() for name in columns} == {name: config.get(name, "constant") for name in columns}


class TestSurrogate:
    def fitted(self, noise: float = 0.0) -> tuple[Surrogate, Axes, np.ndarray, np.ndarray]:
        rng, axes, cube = np.random.default_rng(0), Axes(SPACE), Cube(SPACE)
        points = cube.drawn(rng, 60)
        losses = (points[:, 4] - 0.6) ** 2 + rng.normal(0, noise, 60)
        model = Surrogate(axes)
        model.choose(axes(points), losses, np.zeros(60))
        model.fit(axes(points), losses, np.zeros(60))
        return model, axes, points, losses

    def test_it_learns_what_matters(self) -> None:
        model, axes, _, _ = self.fitted()
        new = Cube(SPACE).drawn(np.random.default_rng(1), 40)
        mean, deviation = model.predict(axes(new))
        assert np.corrcoef(mean, (new[:, 4] - 0.6) ** 2)[0, 1] > 0.9
        assert (deviation > 0).all()

    def test_what_runs_will_be_known_and_changes_no_mean(self) -> None:
        model, axes, _, _ = self.fitted(noise=0.1)
        new = axes(Cube(SPACE).drawn(np.random.default_rng(1), 40))
        (mean, before), (same, after) = model.predict(new), model.predict(new, new[:2])
        assert same == pytest.approx(mean)
        assert (after <= before + 1e-9).all()
        assert (after[:2] < 0.9 * before[:2]).all()
        nothing = model.predict(new, np.zeros((0, new.shape[1])))[1]
        assert nothing == pytest.approx(before)

    def test_noise_is_noticed(self) -> None:
        assert self.fitted(noise=0.1)[0].choice.noise > self.fitted()[0].choice.noise

    def test_what_is_hardly_known_hardly_counts(self) -> None:
        axes = Axes(SPACE)
        points = Cube(SPACE).drawn(np.random.default_rng(2), 6)
        losses = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
        known, unknown = Surrogate(axes), Surrogate(axes)
        known.fit(axes(points), losses, np.zeros(6))
        unknown.fit(axes(points), losses, np.array([9.0, 0, 0, 0, 0, 0]))
        assert unknown.predict(axes(points[:1]))[0][0] > known.predict(axes(points[:1]))[0][0] + 0.1

    def test_improvement_grows_with_promise_and_with_doubt(self) -> None:
        assert improvement(np.array([0.1]), np.array([0.1]), 0.2) > improvement(np.array([0.3]), np.array([0.1]), 0.2)
        assert improvement(np.array([0.3]), np.array([0.5]), 0.2) > improvement(np.array([0.3]), np.array([0.1]), 0.2)

    def test_bad_is_bad_however_bad(self) -> None:
        losses = np.array([0.0, *np.ones(ENOUGH), 1e9, np.inf])
        assert tamed(losses).max() == 2.0
        assert np.isfinite(tamed(np.array([0.5, np.inf]))).all()
        assert (tamed(np.array([np.inf, np.inf])) == 0).all()


class TestPriorMean:
    @pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json.gz")), ids=lambda path: path.name.split(".")[0])
    def test_other_tasks_rank_the_losses_of_one_that_did_not_teach(self, path: Path) -> None:
        table = Table.load(path)
        points = np.array([to_point(table.space, row.config) for row in table.rows])
        expected = PriorMean(table.space, unseen=table.task)(points)
        assert stats.spearmanr(expected, table.qualities).statistic > 0.5

    def test_values_beyond_what_was_recorded_count_as_its_ends(self) -> None:
        wide = Parameter(name="units", domain=Grid(values=(1, 16, 256, 1024), default=16))
        rate = Parameter(name="learning_rate", domain=Interval(low=5e-4, high=2e-2, log=True, default=1e-3))
        points = np.array([[0.1, 0.0], [0.3, 0.5], [0.6, 1.0], [0.9, 1.0]])
        known = Quantities(Space(parameters=(wide, rate)))(points)
        assert known[:, list(RANGES).index("units")] == pytest.approx([-1, 0, 1, 1])
        assert known[:, list(RANGES).index("learning_rate")] == pytest.approx([-1, 0, 1, 1])

    def test_a_space_of_other_parameters_expects_nothing(self) -> None:
        space = Space(parameters=(Parameter(name="units", domain=Grid(values=("few", "many"), default="few")),))
        assert PriorMean(space, weights={"units": 1.0})(np.array([[0.2], [0.9]])).tolist() == [0.0, 0.0]

    def test_data_overrule_what_was_expected(self) -> None:
        prior = PriorMean(SPACE, weights={"units": 1.0})
        axes, cube = Axes(SPACE, prior=prior), Cube(SPACE)
        points, new = cube.drawn(np.random.default_rng(0), 60), cube.drawn(np.random.default_rng(1), 40)
        told, untold, wrong = Surrogate(axes), Surrogate(Axes(SPACE)), Surrogate(axes)
        told.fit(axes(points[:4]), prior(points[:4]), np.zeros(4))
        untold.fit(Axes(SPACE)(points[:4]), prior(points[:4]), np.zeros(4))
        few = [np.corrcoef(model.predict(axes(new))[0], prior(new))[0, 1] for model in (told, untold)]
        assert few[0] > few[1] + 0.1
        wrong.fit(axes(points), -prior(points), np.zeros(60))
        assert np.corrcoef(wrong.predict(axes(new))[0], -prior(new))[0, 1] > 0.9


class TestCurves:
    def test_ends_are_foretold_from_whole_curves(self) -> None:
        rng, curves = np.random.default_rng(0), Curves(EPOCHS)
        ends = rng.normal(0.5, 0.1, 30)
        for end in ends:
            curves.add(np.minimum.accumulate(end + 0.4 * 0.5 ** np.arange(EPOCHS)))
        found, unknown = curves.ends(np.array([0.5 + 0.4, 0.4 + 0.1]), np.array([1, 3]))
        assert found == pytest.approx([0.5, 0.4], abs=0.03)
        assert unknown[1] < float(ends.var())

    def test_after_the_last_epoch_all_is_known(self) -> None:
        curves = Curves(EPOCHS)
        for end in (0.1, 0.2, 0.3):
            curves.add(np.linspace(1, end, EPOCHS))
        found, unknown = curves.ends(np.array([0.15]), np.array([EPOCHS]))
        assert found[0] == pytest.approx(0.15)
        assert unknown[0] == 0

    def test_a_curve_that_ended_early_stays_where_it_was(self) -> None:
        curves = Curves(EPOCHS)
        for end in (0.1, 0.2, 0.3):
            curves.add(np.array([1.0, end]))
        assert curves.known
        assert curves.ends(np.array([0.2]), np.array([5]))[0][0] == pytest.approx(0.2, abs=0.05)


def test_two_configurations_that_differ_in_what_does_not_count_are_the_same() -> None:
    cube = Cube(SPACE)
    points = np.array([to_point(SPACE, SPACE.check({"layers": 1}))] * 2)
    points[1, 2] = 0.75  # taper, which one layer has not
    snapped = cube.snapped(points)
    assert same(to_config(SPACE, snapped[0])) == same(to_config(SPACE, snapped[1]))
    assert (snapped[0] == snapped[1]).all()
